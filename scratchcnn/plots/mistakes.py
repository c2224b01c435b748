"""Draws the images that a model is surest about and yet gets wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy.typing as npt
from matplotlib.axes import Axes

from scratchcnn.arguments import positive_integer
from scratchcnn.mistakes import check_classes, check_probabilities, most_confident_errors
from scratchcnn.plots.digit import draw_ink
from scratchcnn.plots.digits import check_images
from scratchcnn.plots.names import class_names
from scratchcnn.plots.tiles import MOST_TILES, caption, tile_axes, width_for

LEAST, MOST = 1.4, 2.0  # inches of one image: the captions need it


def plot_mistakes(
    images: npt.ArrayLike,
    labels: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    count: int = 20,
    ax: Axes | Iterable[Axes] | None = None,
    names: Sequence[object] | None = None,
) -> list[Axes]:
    """Draw the wrong predictions, the surest first, each with its label, the prediction and its probability.

    Parameters
    ----------
    images : array-like (N, H, W) or (N, H, W, 1)
        All that the model was asked about, as `plot_digit` takes them.
    labels : array-like of integers (N,)
        Their class numbers.
    probabilities : array-like (N, J)
        What `model.predict` returned for them.
    count : int, default 20
        How many to draw at most, up to 400; fewer if there are fewer mistakes.
    ax : Axes or several, optional
        Where to draw: at least as many as mistakes are drawn; what is left over is blank. Default: a new figure.
    names : sequence of str, optional
        What the J classes are called; default: their numbers.

    Returns
    -------
    list of Axes
        One for each mistake; where there is none, one that says so.

    Raises
    ------
    TypeError
        Images, labels or probabilities of a wrong kind.
    ValueError
        Shapes that do not fit each other, a label without a class, probabilities out of range, too few axes.

    See Also
    --------
    scratchcnn.mistakes.most_confident_errors : which images these are.

    Examples
    --------
    >>> axes = plot_mistakes(np.zeros((2, 28, 28)), [0, 1], [[0.25, 0.75], [0.5, 0.5]])
    >>> print(axes[0].get_title())
    label: 0
    prediction: 1
    probability: 75.0%
    """
    pixels, shares = check_images(images), check_probabilities(probabilities)
    truth = check_classes("labels", labels, shares.shape[1])
    if not len(pixels) == len(truth) == len(shares):
        raise ValueError(
            f"Expected as many labels and rows of probabilities as images, received {len(pixels):,} images, "
            f"{len(truth):,} labels and {len(shares):,} rows; give those of the same images."
        )
    words = class_names(names, shares.shape[1])
    if positive_integer("count", count) > MOST_TILES:
        raise ValueError(f"Expected count as at most {MOST_TILES}, received {count}; look at some of them.")
    mistakes = most_confident_errors(truth, shares)
    drawn = mistakes[:count]
    width = width_for([f"prediction: {word}" for word in words], LEAST, MOST)
    every = tile_axes(ax, max(1, len(drawn)), width, 3, _title(len(drawn), len(mistakes), len(truth)))
    if len(drawn) == 0:
        _say_none(every[0])
    for axes, place in zip(every, drawn, strict=False):
        draw_ink(axes, pixels[place])
        taken = int(shares[place].argmax())
        says = f"probability: {shares[place, taken]:.1%}"
        caption(axes, [f"label: {words[truth[place]]}", f"prediction: {words[taken]}", says])
    return every


def _title(drawn: int, mistakes: int, images: int) -> str:
    """How many of all are shown."""
    if mistakes == 0:
        return f"No mistake in {images:,} image{'s' * (images > 1)}"
    if mistakes == 1:
        return f"The only mistake in {images:,} image{'s' * (images > 1)}"
    return f"{f'The surest {drawn:,} of' if drawn < mistakes else 'All'} {mistakes:,} mistakes in {images:,} images"


def _say_none(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(0.5, 0.5, "no mistakes", ha="center", va="center", transform=axes.transAxes)
