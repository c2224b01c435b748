"""Plot the most confident errors of a classifier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy.typing as npt
from matplotlib.axes import Axes

from scratchcnn.arguments import positive_integer
from scratchcnn.mistakes import check_classes, check_probabilities, most_confident_errors
from scratchcnn.names import names_arguments
from scratchcnn.plots.confusion import class_names
from scratchcnn.plots.digit import check_images, draw_pixels
from scratchcnn.plots.tiles import MOST_TILES, caption, tile_axes, width_for

LEAST, MOST = 1.4, 2.0  # inches of a tile, for the captions


@names_arguments
def plot_mistakes(
    images: npt.ArrayLike,
    labels: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    count: int = 20,
    ax: Axes | Iterable[Axes] | None = None,
    names: Sequence[object] | None = None,
) -> list[Axes]:
    """Plot the most confident errors, each with its label, the predicted class and its probability.

    Parameters
    ----------
    images : array-like (N, H, W), (N, H, W, 1) or (N, H, W, 3)
        All images that the model classified, as for `plot_digits`.
    labels : array-like of integers (N,)
        Their class numbers.
    probabilities : array-like (N, J)
        Predictions, as returned by `model.predict`.
    count : int, default 20
        Number of errors to plot, up to 400; fewer if there are fewer errors.
    ax : Axes or several, optional
        Where to draw: at least one for each error; the others are left blank. Default: a new figure.
    names : sequence of str, optional
        Names of the J classes. Default: their numbers.

    Returns
    -------
    list of Axes
        One for each error; without errors, one with that message.

    Raises
    ------
    TypeError
        Images, labels or probabilities have a wrong type.
    ValueError
        The shapes do not match, a label has no class, a probability is out of range, or there are too few axes.

    See Also
    --------
    scratchcnn.mistakes.most_confident_errors : the indices of these images.

    Examples
    --------
    >>> axes = plot_mistakes(np.zeros((2, 28, 28)), [0, 1], [[0.25, 0.75], [0.5, 0.5]])
    >>> print(axes[0].get_title())
    label: 0
    prediction: 1
    probability: 75.0 %
    """
    pixels, predicted = check_images(images), check_probabilities(probabilities)
    true = check_classes("labels", labels, predicted.shape[1])
    if not len(pixels) == len(true) == len(predicted):
        raise ValueError(
            f"Expected as many labels and rows of probabilities as images, received {len(pixels):,} images, "
            f"{len(true):,} labels and {len(predicted):,} rows; give those of the same images."
        )
    words = class_names(names, predicted.shape[1])
    if positive_integer("count", count) > MOST_TILES:
        raise ValueError(f"Expected count as at most {MOST_TILES}, received {count}; plot a part of the errors.")
    errors = most_confident_errors(true, predicted)
    drawn = errors[:count]
    width = width_for([f"prediction: {word}" for word in words], LEAST, MOST)
    every = tile_axes(ax, max(1, len(drawn)), width, 3, _title(len(drawn), len(errors), len(true)))
    if len(drawn) == 0:
        every[0].set(xticks=[], yticks=[])
        every[0].text(0.5, 0.5, "no errors", ha="center", va="center", transform=every[0].transAxes)
    for axes, index in zip(every, drawn, strict=False):
        draw_pixels(axes, pixels[index])
        best = int(predicted[index].argmax())
        probability = f"probability: {100 * predicted[index, best]:.1f} %"
        caption(axes, [f"label: {words[true[index]]}", f"prediction: {words[best]}", probability])
    return every


def _title(drawn: int, errors: int, images: int) -> str:
    """Return the title, with the numbers of errors and images."""
    of = f"({images:,} image{'s' * (images > 1)})"
    if errors <= 1:
        return f"{'No errors' if errors == 0 else 'The only error'} {of}"
    return (
        f"The {drawn:,} most confident of {errors:,} errors {of}" if drawn < errors else f"All {errors:,} errors {of}"
    )
