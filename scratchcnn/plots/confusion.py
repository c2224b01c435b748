"""Draws the confusion matrix: how often each label is taken for each class, with recall and precision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.patches import Rectangle

from scratchcnn.mistakes import Counts, Shares, confusion_matrix, precision, recall
from scratchcnn.plots.names import class_names
from scratchcnn.plots.picture import new_figure
from scratchcnn.plots.tiles import points_of, shortened

CELL = 0.46  # inches of one cell, in a figure of its own
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
    own = ax is None
    if ax is None:
        longest = 0.08 * max(map(len, words))
        width = (len(matrix) + GAP + WIDE) * CELL + max(0.7, longest) + 0.5
        height = (len(matrix) + GAP + HIGH) * CELL + (0.2 if _upright(words) else max(0.5, longest)) + 0.75
        figure = new_figure(max(3.4, width), height)
        figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
        ax = figure.subplots()
    _draw_cells(ax, matrix)
    _name_axes(ax, matrix, words)
    if own:
        ax.figure.figure.draw_without_rendering()  # lays it out, so that the size of a cell is known
    letters = max(5, len(str(matrix.max())))
    size = min(LARGEST, 0.9 * _cell_points(ax, matrix) / (0.64 * letters))
    if size >= SMALLEST:
        _write_numbers(ax, matrix, recall(matrix), precision(matrix), size)
    return ax


def _draw_cells(ax: Axes, matrix: Counts) -> None:
    """The shades, a line around the matrix, and room for the margins."""
    count = len(matrix)
    shares = matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    ax.imshow(shares, cmap="Greys", norm=PowerNorm(0.5, 0, 1))
    ax.add_patch(Rectangle((-0.5, -0.5), count, count, fill=False, edgecolor="black", linewidth=0.8, clip_on=False))
    for place in np.arange(1, count) - 0.5:
        ax.plot([place, place], [-0.5, count - 0.5], color="0.85", linewidth=0.4)
        ax.plot([-0.5, count - 0.5], [place, place], color="0.85", linewidth=0.4)
    end = count - 0.5 + GAP
    ax.set(xlim=(-0.5, end + WIDE), ylim=(end + HIGH, -0.5))
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)


def _name_axes(ax: Axes, matrix: Counts, words: list[str]) -> None:
    """Names at the cells, what the axes are, and how many images are right."""
    count, images, right = len(matrix), int(matrix.sum()), int(matrix.trace())
    upright = _upright(words)
    letters = max(map(len, words)) if upright else 1
    size = max(4.0, min(LARGEST, _cell_points(ax, matrix) * min(0.55, 0.85 / (0.64 * letters))))
    places, end = list(range(count)), count - 0.5 + GAP
    ax.xaxis.tick_top()  # next to the cells, as in a table
    ax.xaxis.set_label_position("top")
    ax.set_xticks(
        [*places, end + WIDE / 2], [*words, "recall"], rotation=0 if upright else 90, fontsize=size, parse_math=False
    )
    ax.set_yticks([*places, end + HIGH / 2], [*words, "precision"], fontsize=size, parse_math=False)
    ax.set(xlabel="prediction", ylabel="label")
    ax.set_title(f"{right:,} of {images:,} image{'s' * (images > 1)} right ({right / images:.1%})", fontsize=11)


def _write_numbers(ax: Axes, matrix: Counts, recalls: Shares, precisions: Shares, size: float) -> None:
    """Counts in the cells, shares in the margins."""
    shares = matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    for (row, column), number in np.ndenumerate(matrix):
        dark = shares[row, column] > 0.25
        colour = "white" if dark else ("black" if number else "0.6")
        ax.text(column, row, str(number), fontsize=size, color=colour, ha="center", va="center")
    end = len(matrix) - 0.5 + GAP
    for place, (of_row, of_column) in enumerate(zip(recalls, precisions, strict=True)):
        ax.text(end + WIDE / 2, place, _percent(of_row), fontsize=size, ha="center", va="center")
        ax.text(place, end + HIGH / 2, _percent(of_column), fontsize=size, ha="center", va="center")


def _percent(share: float) -> str:
    """A share to read; a dash where there is nothing to share."""
    return "–" if np.isnan(share) else ("100%" if share == 1 else f"{share:.1%}")


def _cell_points(ax: Axes, matrix: Counts) -> float:
    """How many points a cell is wide."""
    return min(points_of(ax)) / (len(matrix) + GAP + WIDE)


def _upright(words: list[str]) -> bool:
    """Whether the names fit above the columns without being turned."""
    return max(map(len, words)) <= 3
