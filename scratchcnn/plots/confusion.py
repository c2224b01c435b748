"""Plot the confusion matrix of a classifier, with recall and precision of each class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.patches import Rectangle

from scratchcnn.mistakes import Counts, Fractions, confusion_matrix, precision, recall
from scratchcnn.names import names_arguments
from scratchcnn.plots.picture import new_figure
from scratchcnn.plots.tiles import NO_BREAK, TITLE_SIZE, points_of, shortened, wrapped

CELL = 0.46  # inches of a cell in a new figure
LETTER = 0.64  # width of a digit, relative to the font size
LARGEST, SMALLEST = 9.0, 5.0  # points of a count in a cell; smaller ones are omitted
MOST_LETTERS = 20  # of a class name
GAP = 0.2  # cells between the matrix and its margins
WIDE, HIGH = 1.4, 0.9  # cells: the column of recall, the row of precision


@names_arguments
def plot_confusion_matrix(
    labels: npt.ArrayLike, predictions: npt.ArrayLike, ax: Axes | None = None, names: Sequence[object] | None = None
) -> Axes:
    """Plot the confusion matrix, with the recall of each class at the right and the precision below.

    Rows are labels, columns are predictions, and a cell contains a number of images. The shade of a cell shows its
    fraction of the row, on a square-root scale that makes an error rate of 1 % visible.

    Parameters
    ----------
    labels : array-like of integers (N,)
        Class numbers from 0.
    predictions : array-like (N,) or (N, J)
        Class numbers, or probabilities as returned by `model.predict`.
    ax : Axes, optional
        Where to draw; numbers that would be illegible are omitted. Default: a new figure.
    names : sequence of str, optional
        Names of the J classes. Default: their numbers.

    Returns
    -------
    Axes
        Write it to a file with `save(axes, 'confusion.png')`.

    Raises
    ------
    TypeError, ValueError
        As `scratchcnn.mistakes.confusion_matrix`; or the number of names is wrong.

    Examples
    --------
    >>> plot_confusion_matrix([0, 1, 1, 2], [0, 1, 2, 2]).get_title()[:33]
    'Confusion matrix: 75.0 % accuracy'
    """
    classes = None if names is None or np.ndim(predictions) == 2 else max(1, len(names))
    matrix = confusion_matrix(labels, predictions, classes)
    words = [shortened(word, MOST_LETTERS) for word in class_names(names, len(matrix))]
    if ax is None:
        ax, points = _new_axes(words), CELL * 72
    else:
        points = min(points_of(ax)) / (len(matrix) + GAP + WIDE)
    margins = _size(points, 6) >= SMALLEST  # 98.7 %
    size = _size(points, max(6 if margins else 1, len(str(matrix.max()))))
    _draw_cells(ax, matrix)
    _name_axes(ax, matrix, words, points, margins)
    if size >= SMALLEST:
        _write_counts(ax, matrix, size)
    if margins:
        _write_margins(ax, recall(matrix), precision(matrix), size)
    return ax


def class_names(names: Sequence[object] | None, classes: int) -> list[str]:
    """Return one name for each class, each in one line; the class numbers if no names are given.

    Raises
    ------
    ValueError
        The number of names is wrong.
    """
    if names is None:
        return [str(number) for number in range(classes)]
    if isinstance(names, str) or len(names) != classes:
        received = repr(names) if isinstance(names, str) else len(names)
        raise ValueError(f"Expected {classes} names, one for each class, received {received}; give a list of them.")
    return [" ".join(str(name).split()) for name in names]


def _size(points: float, letters: int) -> float:
    """Return the font size at which so many digits fit into a cell of the given width."""
    return min(LARGEST, 0.9 * points / (LETTER * letters))


def _new_axes(words: list[str]) -> Axes:
    """Create axes in a new figure, with cells of a fixed size and space for the names."""
    longest = 0.08 * max(map(len, words))
    width = (len(words) + GAP + WIDE) * CELL + max(0.7, longest) + 0.5
    height = (len(words) + GAP + HIGH) * CELL + (0.2 if _upright(words) else max(0.5, longest)) + 0.75
    figure = new_figure(max(4.2, width), height)
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
    return figure.subplots()


def _upright(words: list[str]) -> bool:
    """Return whether the names fit above the columns without rotation."""
    return max(map(len, words)) <= 3


def _draw_cells(ax: Axes, matrix: Counts) -> None:
    """Draw the shades of the cells, and the lines between and around them."""
    count = len(matrix)
    ax.imshow(_fractions(matrix), cmap="Greys", norm=PowerNorm(0.5, 0, 1))
    for place in np.arange(1, count) - 0.5:
        ax.plot([place, place], [-0.5, count - 0.5], color="0.85", linewidth=0.4)
        ax.plot([-0.5, count - 0.5], [place, place], color="0.85", linewidth=0.4)
    ax.add_patch(Rectangle((-0.5, -0.5), count, count, fill=False, edgecolor="black", linewidth=0.8, clip_on=False))
    ax.spines[:].set_visible(False)


def _name_axes(ax: Axes, matrix: Counts, words: list[str], points: float, margins: bool) -> None:
    """Label the rows and columns, the margins if they are drawn, and the axes; set the title."""
    count, images = len(matrix), int(matrix.sum())
    upright = _upright(words)
    letters = max(1, *map(len, words)) if upright else 1
    size = max(4.0, min(LARGEST, points * min(0.55, 0.85 / (LETTER * letters))))
    places, end = list(range(count)), count - 0.5 + GAP
    at_right, at_bottom = ([end + WIDE / 2], [end + HIGH / 2]) if margins else ([], [])
    ax.xaxis.tick_top()  # next to the cells, as in a table
    ax.xaxis.set_label_position("top")
    rotation = 0 if upright else 90
    above, at_left = [*words, *["recall"] * margins], [*words, *["precision"] * margins]
    ax.set_xticks([*places, *at_right], above, rotation=rotation, fontsize=size, parse_math=False)
    ax.set_yticks([*places, *at_bottom], at_left, fontsize=size, parse_math=False)
    ax.tick_params(length=0)
    ax.set(xlim=(-0.5, end + WIDE * margins), ylim=(end + HIGH * margins, -0.5), xlabel="prediction", ylabel="label")
    accuracy = _percent(float(matrix.trace()) / images)
    title = f"Confusion matrix: {accuracy} accuracy ({images:,}{NO_BREAK}image{'s' * (images > 1)})"
    ax.set_title(wrapped(title, max(240, points_of(ax)[0])), fontsize=TITLE_SIZE, pad=9)


def _write_counts(ax: Axes, matrix: Counts, size: float) -> None:
    """Write the count in each cell, in grey if it is 0."""
    fractions = _fractions(matrix)
    for (row, column), number in np.ndenumerate(matrix):
        dark = fractions[row, column] > 0.25
        colour = "white" if dark else ("black" if number else "0.6")
        ax.text(column, row, str(number), fontsize=size, color=colour, ha="center", va="center")


def _write_margins(ax: Axes, recalls: Fractions, precisions: Fractions, size: float) -> None:
    """Write the recall to the right of each row and the precision below each column."""
    end = len(recalls) - 0.5 + GAP
    for place, (of_row, of_column) in enumerate(zip(recalls, precisions, strict=True)):
        ax.text(end + WIDE / 2, place, _percent(of_row), fontsize=size, ha="center", va="center")
        ax.text(place, end + HIGH / 2, _percent(of_column), fontsize=size, ha="center", va="center")


def _fractions(matrix: Counts) -> Fractions:
    """Return the fraction of its row that each cell contains."""
    return matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))


def _percent(fraction: float) -> str:
    """Return a fraction in percent; a dash for NaN."""
    return "–" if np.isnan(fraction) else ("100 %" if fraction == 1 else f"{100 * fraction:.1f} %")
