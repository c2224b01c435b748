"""Draws how a picture of a digit becomes what the network takes: each step, and the ten probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scratchcnn.plots.picture import new_figure
from scratchcnn.preprocessing import DigitPicture

# Field of DigitPicture, title, whether it shows ink (dark on white) rather than light.
STEPS = (
    ("grey", "picture, grey", False),
    ("background", "background", False),
    ("ink", "ink", True),
    ("cut", "cut out", True),
    ("fitted", "fitted in 20 × 20", True),
    ("image", "centred in 28 × 28", True),
)
PANEL = 1.75  # inches
MOST_LETTERS = 22  # of a name beside a row


def plot_digit_steps(
    pictures: DigitPicture | Sequence[DigitPicture],
    probabilities: npt.ArrayLike | None = None,
    names: Sequence[object] | None = None,
) -> Figure:
    """Draw a row for each picture: what was read, the steps, what the network takes, and what it says.

    Parameters
    ----------
    pictures : DigitPicture or sequence of them
        What `read_digit` returned.
    probabilities : array-like (pictures, classes), optional
        What `model.predict` returned for them: drawn as bars, the greatest dark.
    names : sequence of str, optional
        Written beside the rows.

    Returns
    -------
    Figure
        `save(figure, 'steps.png')` writes it.

    Raises
    ------
    TypeError
        Something else than pictures that `read_digit` returned.
    ValueError
        No picture; probabilities or names are not as many as the pictures, or are no numbers from 0 to 1.

    Examples
    --------
    >>> from scratchcnn.preprocessing import read_digit
    >>> one = np.zeros((40, 30)); one[5:35, 14:17] = 1
    >>> len(plot_digit_steps(read_digit(one)).axes)
    6
    """
    rows = [pictures] if isinstance(pictures, DigitPicture) else list(pictures)
    shares = _check(rows, probabilities, names)
    columns = len(STEPS) + (shares is not None)
    figure = new_figure(PANEL * columns + 0.4, (PANEL + 0.1) * len(rows) + 0.4)
    figure.set_layout_engine("constrained", w_pad=0.06, h_pad=0.06)
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for number, (axes, picture) in enumerate(zip(grid, rows, strict=True)):
        for place, (ax, (field, title, is_ink)) in enumerate(zip(axes, STEPS, strict=False)):
            _draw_step(ax, getattr(picture, field), is_ink)
            if number == 0:
                ax.set_title(title, fontsize=9)
            if place == 0 and names is not None:
                ax.set_ylabel(_shorten(str(names[number])), fontsize=9, parse_math=False)
        if shares is not None:
            _draw_bars(axes[-1], shares[number], number == 0)
    return figure


def _check(
    rows: list[DigitPicture], probabilities: npt.ArrayLike | None, names: Sequence[object] | None
) -> npt.NDArray[np.float64] | None:
    """The probabilities as an array, once everything is known to fit."""
    for row in rows:
        if not isinstance(row, DigitPicture):
            raise TypeError(f"Expected pictures that read_digit returned, received {type(row).__name__}.")
    if not rows:
        raise ValueError("Expected at least one picture, received none.")
    if names is not None and (isinstance(names, str) or len(names) != len(rows)):
        raise ValueError(f"Expected a list of {len(rows)} names, one for each picture, received {names!r}.")
    if probabilities is None:
        return None
    shares = np.asarray(probabilities, np.float64)
    if shares.ndim != 2 or len(shares) != len(rows) or shares.shape[1] == 0:
        raise ValueError(
            f"Expected probabilities of shape ({len(rows)}, classes), received {shares.shape}; give what "
            "model.predict returned."
        )
    if not (np.all(shares >= 0) and np.all(shares <= 1.0001)):  # also refuses NaN
        raise ValueError("Expected probabilities from 0 to 1, received others; let the model end with softmax.")
    return shares


def _draw_step(ax: Axes, step: npt.NDArray[np.float32] | None, is_ink: bool) -> None:
    """One step, as dark ink on white or in its own grey; an empty panel for a step that was not taken."""
    ax.set_xticks([])
    ax.set_yticks([])
    if step is None:
        ax.set_axis_off()
        return
    pixels = step.reshape(step.shape[-3:-1]) if step.ndim == 4 else step
    ax.imshow(pixels, cmap="Greys" if is_ink else "gray", vmin=0, vmax=1)


def _draw_bars(ax: Axes, shares: npt.NDArray[np.float64], is_first: bool) -> None:
    """The probability of each class as a bar; the greatest is dark and has its number beside it."""
    best = int(shares.argmax())
    classes = np.arange(len(shares))
    ax.barh(classes, shares, color=["black" if place == best else "0.65" for place in classes], height=0.7)
    ax.set(xlim=(0, 1), ylim=(len(shares) - 0.4, -0.6), yticks=classes, xticks=[0, 0.5, 1])
    ax.set_xticklabels(["0", "0.5", "1"])
    ax.tick_params(labelsize=7, length=2)
    ax.set_box_aspect(1)
    says = f"{best} ({shares[best]:.1%})"
    ax.set_title(f"probability\n{says}" if is_first else says, fontsize=9)


def _shorten(name: str) -> str:
    """The end of a long name, which tells files of one folder apart."""
    return name if len(name) <= MOST_LETTERS else f"…{name[1 - MOST_LETTERS :]}"
