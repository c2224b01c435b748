"""Draws the confusion matrix: how often each label is taken for each class, with recall and precision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.patches import Rectangle

from scratchcnn.mistakes import Counts, Fractions, confusion_matrix, precision, recall
from scratchcnn.plots.names import class_names
from scratchcnn.plots.picture import new_figure
from scratchcnn.plots.tiles import points_of, shortened

CELL = 0.46  # inches of one cell, in a figure of its own
LETTER = 0.64  # width of a digit, as a share of its size
LARGEST, SMALLEST = 9.0, 5.0  # points of a number in a cell; smaller ones are left out
MOST_LETTERS = 20  # of a class's name
GAP = 0.2  # cells between the matrix and its margins
WIDE, HIGH = 1.4, 0.9  # cells: the column of recall, the row of precision


def plot_confusion_matrix(
    labels: npt.ArrayLike, predictions: npt.ArrayLike, ax: Axes | None = None, names: Sequence[object] | None = None
) -> Axes:
    """Draw how often each label is taken for each class, and the recall and precision of every class.

    A row is a label, a column a prediction, the number in a cell a count of images. A cell is the darker, the greater
    its share of its row; faint shares are raised, so that one mistake in a hundred is seen.

    Parameters
    ----------
    labels : array-like of integers (N,)
        Class numbers from 0.
    predictions : array-like (N,) or (N, J)
        Class numbers, or probabilities as `model.predict` returns them.
    ax : Axes, optional
        Where to draw; numbers that would be too small to be read there are left out. Default: a new figure.
    names : sequence of str, optional
        What the J classes are called; default: their numbers.

    Returns
    -------
    Axes
        `save(axes, 'confusion.png')` writes it.

    Raises
    ------
    TypeError, ValueError
        As `scratchcnn.mistakes.confusion_matrix`, which makes the numbers; or names of another number.

    Examples
    --------
    >>> plot_confusion_matrix([0, 1, 1, 2], [0, 1, 2, 2]).get_title()
    '3 of 4 images right (75.0%)'
    """
    classes = None if names is None or np.ndim(predictions) == 2 else max(1, len(names))
    matrix = confusion_matrix(labels, predictions, classes)
    words = [shortened(word, MOST_LETTERS) for word in class_names(names, len(matrix))]
    if ax is None:
        ax, points = _new_axes(words), CELL * 72
    else:
        points = min(points_of(ax)) / (len(matrix) + GAP + WIDE)
    margins = _size(points, 5) >= SMALLEST  # 98.7%
    size = _size(points, max(5 if margins else 1, len(str(matrix.max()))))
    _draw_cells(ax, matrix)
    _name_axes(ax, matrix, words, points, margins)
    if size >= SMALLEST:
        _write_counts(ax, matrix, size)
    if margins:
        _write_margins(ax, recall(matrix), precision(matrix), size)
    return ax


def _size(points: float, letters: int) -> float:
    """The size of letters of which so many fit into a cell that is so many points wide."""
    return min(LARGEST, 0.9 * points / (LETTER * letters))


def _new_axes(words: list[str]) -> Axes:
    """Axes in a new figure, with cells of a fixed size and room for the names."""
    longest = 0.08 * max(map(len, words))
    width = (len(words) + GAP + WIDE) * CELL + max(0.7, longest) + 0.5
    height = (len(words) + GAP + HIGH) * CELL + (0.2 if _upright(words) else max(0.5, longest)) + 0.75
    figure = new_figure(max(4.2, width), height)
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
    return figure.subplots()


def _upright(words: list[str]) -> bool:
    """Whether the names fit above the columns without being turned."""
    return max(map(len, words)) <= 3


def _draw_cells(ax: Axes, matrix: Counts) -> None:
    """The shades, and lines between and around the cells."""
    count = len(matrix)
    ax.imshow(_shares(matrix), cmap="Greys", norm=PowerNorm(0.5, 0, 1))
    for place in np.arange(1, count) - 0.5:
        ax.plot([place, place], [-0.5, count - 0.5], color="0.85", linewidth=0.4)
        ax.plot([-0.5, count - 0.5], [place, place], color="0.85", linewidth=0.4)
    ax.add_patch(Rectangle((-0.5, -0.5), count, count, fill=False, edgecolor="black", linewidth=0.8, clip_on=False))
    ax.spines[:].set_visible(False)


def _name_axes(ax: Axes, matrix: Counts, words: list[str], points: float, margins: bool) -> None:
    """Names at the cells and, if there are, at the margins; what the axes are; how many images are right."""
    count, images, right = len(matrix), int(matrix.sum()), int(matrix.trace())
    upright = _upright(words)
    letters = max(1, *map(len, words)) if upright else 1
    size = max(4.0, min(LARGEST, points * min(0.55, 0.85 / (LETTER * letters))))
    places, end = list(range(count)), count - 0.5 + GAP
    at_right, at_bottom = ([end + WIDE / 2], [end + HIGH / 2]) if margins else ([], [])
    ax.xaxis.tick_top()  # next to the cells, as in a table
    ax.xaxis.set_label_position("top")
    rotation = 0 if upright else 90
    above, beside = [*words, *["recall"] * margins], [*words, *["precision"] * margins]
    ax.set_xticks([*places, *at_right], above, rotation=rotation, fontsize=size, parse_math=False)
    ax.set_yticks([*places, *at_bottom], beside, fontsize=size, parse_math=False)
    ax.tick_params(length=0)
    ax.set(xlim=(-0.5, end + WIDE * margins), ylim=(end + HIGH * margins, -0.5), xlabel="prediction", ylabel="label")
    ax.set_title(f"{right:,} of {images:,} image{'s' * (images > 1)} right ({right / images:.1%})", fontsize=11)


def _write_counts(ax: Axes, matrix: Counts, size: float) -> None:
    """The number in each cell, faint if it is 0."""
    shares = _shares(matrix)
    for (row, column), number in np.ndenumerate(matrix):
        dark = shares[row, column] > 0.25
        colour = "white" if dark else ("black" if number else "0.6")
        ax.text(column, row, str(number), fontsize=size, color=colour, ha="center", va="center")


def _write_margins(ax: Axes, recalls: Fractions, precisions: Fractions, size: float) -> None:
    """Recall to the right of each row, precision below each column."""
    end = len(recalls) - 0.5 + GAP
    for place, (of_row, of_column) in enumerate(zip(recalls, precisions, strict=True)):
        ax.text(end + WIDE / 2, place, _percent(of_row), fontsize=size, ha="center", va="center")
        ax.text(place, end + HIGH / 2, _percent(of_column), fontsize=size, ha="center", va="center")


def _shares(matrix: Counts) -> Fractions:
    """What share of its row each cell is."""
    return matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))


def _percent(share: float) -> str:
    """A share to read; a dash where there is nothing to share."""
    return "–" if np.isnan(share) else ("100%" if share == 1 else f"{share:.1%}")
