"""Plot the preprocessing steps of photos of digits, with the predicted probabilities and how typical the image is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scratchcnn.mistakes import check_probabilities
from scratchcnn.names import names_arguments
from scratchcnn.plots.picture import new_figure
from scratchcnn.plots.tiles import shortened
from scratchcnn.preprocessing import DigitPicture
from scratchcnn.typicality import RARE

# Field of DigitPicture, title, whether it is drawn as ink (dark on white) rather than as light.
STEPS = (
    ("grey", "grey levels", False),
    ("background", "background", False),
    ("ink", "ink", True),
    ("cut", "cropped, sharpened", True),
    ("fitted", "scaled to 20 × 20", True),
    ("image", "centred in 28 × 28", True),
)
PANEL = 1.75  # inches
MOST_LETTERS = 22  # of the name of a row


@names_arguments
def plot_digit_steps(
    pictures: DigitPicture | Sequence[DigitPicture],
    probabilities: npt.ArrayLike | None = None,
    names: Sequence[object] | None = None,
    typicality: npt.ArrayLike | None = None,
) -> Figure:
    """Plot the preprocessing steps of each photo in a row, from its grey levels to the predicted probabilities.

    Parameters
    ----------
    pictures : DigitPicture or sequence of them
        Results of `read_digit`.
    probabilities : array-like (pictures, classes), optional
        Predictions of `model.predict` for them, drawn as bars with the largest in black.
    names : sequence of str, optional
        Names of the rows.
    typicality : array-like (pictures,), optional
        Scores of `Typicality(model).score`, printed below the bars, in bold if below 1 %.

    Returns
    -------
    Figure
        Write it to a file with `save(figure, 'steps.png')`.

    Raises
    ------
    TypeError
        `pictures` are not results of `read_digit`.
    ValueError
        There are no pictures, the number of probabilities, names or scores is wrong, one of them is out of range, or
        scores are given without probabilities.

    Examples
    --------
    >>> from scratchcnn.preprocessing import read_digit
    >>> one = np.zeros((40, 30)); one[5:35, 14:17] = 1
    >>> len(plot_digit_steps(read_digit(one)).axes)
    6
    """
    rows = [pictures] if isinstance(pictures, DigitPicture) else list(pictures)
    bars = check_pictures(rows, probabilities, names)
    scores = _check_scores(typicality, bars)
    columns = len(STEPS) + (bars is not None)
    height = PANEL + (0.1 if scores is None else 0.65)
    figure = new_figure(PANEL * columns + 0.4, height * len(rows) + 0.4)
    figure.set_layout_engine("constrained", w_pad=0.06, h_pad=0.06)
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for number, (axes, picture) in enumerate(zip(grid, rows, strict=True)):
        for place, (ax, (field, title, is_ink)) in enumerate(zip(axes, STEPS, strict=False)):
            _draw_step(ax, getattr(picture, field), is_ink)
            if number == 0:
                ax.set_title(title, fontsize=9)
            if place == 0 and names is not None:
                ax.set_ylabel(shortened(str(names[number]), MOST_LETTERS), fontsize=9, parse_math=False)
        if bars is not None:
            _draw_bars(axes[-1], bars[number], number == 0)
            if scores is not None:
                _write_score(axes[-1], scores[number])
    return figure


def check_pictures(
    rows: list[DigitPicture], probabilities: npt.ArrayLike | None, names: Sequence[object] | None
) -> npt.NDArray[np.float64] | None:
    """Check all arguments, and return the probabilities as an array."""
    for row in rows:
        if not isinstance(row, DigitPicture):
            raise TypeError(f"Expected results of read_digit, received {type(row).__name__}; call read_digit first.")
    if not rows:
        raise ValueError("Expected at least one picture, received none; give results of read_digit.")
    if names is not None and (isinstance(names, str) or len(names) != len(rows)):
        raise ValueError(f"Expected a list of {len(rows)} names, one for each picture, received {names!r}.")
    if probabilities is None:
        return None
    values = np.asarray(probabilities, np.float64)
    if values.ndim != 2 or len(values) != len(rows) or values.shape[1] == 0:
        raise ValueError(
            f"Expected probabilities of shape ({len(rows)}, classes), received {values.shape}; use those of "
            "model.predict."
        )
    return check_probabilities(values)


def _check_scores(
    typicality: npt.ArrayLike | None, bars: npt.NDArray[np.float64] | None
) -> npt.NDArray[np.float64] | None:
    """Check the scores, and return them as an array."""
    if typicality is None:
        return None
    if bars is None:
        raise ValueError("Expected probabilities with typicality, received none; give those of model.predict.")
    scores = np.asarray(typicality, np.float64)
    if scores.shape != (len(bars),) or not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError(
            f"Expected typicality as {len(bars)} scores in [0, 1], received {typicality!r}; use those of "
            "Typicality(model).score."
        )
    return scores


def _draw_step(ax: Axes, step: npt.NDArray[np.float32] | None, is_ink: bool) -> None:
    """Draw one step, as dark ink on white or as grey levels; nothing for a step that was skipped."""
    ax.set_xticks([])
    ax.set_yticks([])
    if step is None:
        ax.set_axis_off()
        return
    pixels = step.reshape(step.shape[-3:-1]) if step.ndim == 4 else step
    ax.imshow(pixels, cmap="Greys" if is_ink else "gray", vmin=0, vmax=1)


def _draw_bars(ax: Axes, probabilities: npt.NDArray[np.float64], is_first: bool) -> None:
    """Draw the probability of each class as a bar, with the largest in black and in the title."""
    best = int(probabilities.argmax())
    classes = np.arange(len(probabilities))
    colors = ["black" if number == best else "0.65" for number in classes]
    ax.barh(classes, probabilities, color=colors, height=0.7)
    ax.set(xlim=(0, 1), ylim=(len(classes) - 0.4, -0.6), yticks=classes, xticks=[0, 0.5, 1])
    ax.set_xticklabels(["0", "0.5", "1"])
    ax.tick_params(labelsize=7, length=2)
    ax.set_box_aspect(1)
    prediction = f"{best} ({100 * probabilities[best]:.1f} %)"
    ax.set_title(f"probability\n{prediction}" if is_first else prediction, fontsize=9)


def _write_score(ax: Axes, score: float) -> None:
    """Write the score below the bars, in bold if a digit would rarely have it."""
    is_rare = score < RARE
    text = f"{'only ' if is_rare else ''}{100 * score:.1f} % of MNIST\nis less typical"
    ax.set_xlabel(text, fontsize=8, fontweight="bold" if is_rare else "normal")
