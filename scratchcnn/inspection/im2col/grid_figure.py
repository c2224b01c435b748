"""Draw a matrix as a grid of cells with their values, in tints of orange and blue, with frames and names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from scratchcnn.plots.picture import new_figure

CELL = 0.4  # inches of a cell's side
NUMBER_SIZE, NAME_SIZE, TITLE_SIZE = 9.0, 8.0, 9.5  # points
LETTER = 0.66  # width of a digit, relative to the font size
MOST_LETTERS = 6  # characters in a cell
LEAST = 3.4  # cells of a title's width
POSITIVE, NEGATIVE = np.array([0.99, 0.70, 0.38]), np.array([0.47, 0.68, 0.92])  # orange and blue under black text
FRAME = "#d00030"

Array = npt.NDArray[Any]


class NumberFormat(NamedTuple):
    """Number format and colour scale of grids, so that equal values look the same in all of them.

    Values are divided by 10 ** `exponent`; `limit` is the absolute value with the full tint.
    """

    decimals: int
    exponent: int
    limit: float

    @classmethod
    def of(cls, values: npt.ArrayLike) -> NumberFormat:
        """Return the format with the most decimals that fit into a cell for all values."""
        numbers = np.asarray(values, np.float64)
        largest = float(np.abs(numbers).max(initial=0))
        exponent = 0 if largest == 0 or 0.1 <= largest < 1e5 else math.floor(math.log10(largest))
        scaled = numbers / 10.0**exponent
        for decimals in (0,) if (scaled == np.round(scaled)).all() else (3, 2, 1, 0):
            form = cls(decimals, exponent, largest or 1.0)
            if max(len(form.text(float(number))) for number in (numbers.min(), numbers.max())) < MOST_LETTERS:
                break
        return form

    def text(self, number: float) -> str:
        """Return the text of a cell."""
        return f"{round(number / 10.0**self.exponent, self.decimals) + 0.0:.{self.decimals}f}"

    @property
    def unit(self) -> str:
        """The power of ten for the title, or '' if values are not scaled."""
        return f" [$10^{{{self.exponent}}}$]" if self.exponent else ""

    def tints(self, values: Array) -> Array:
        """Return colours (..., 3): orange for positive values, blue for negative ones, deeper for larger ones."""
        depth = np.clip(np.abs(values) / self.limit, 0, 1)[..., None] ** 0.7
        return 1 - depth * (1 - np.where(values[..., None] > 0, POSITIVE, NEGATIVE))


class Grid(NamedTuple):
    """A matrix (rows, columns) to be drawn; the masks are bool and broadcast to its shape."""

    title: str
    values: Array
    form: NumberFormat
    rows: Sequence[str] = ()  # names, on the left
    columns: Sequence[str] = ()  # names, above
    grey: Array | bool = False  # padding
    shown: Array | bool = True  # cells with a value
    framed: Array | bool = False
    below: bool = False  # the title is below the grid

    @property
    def width(self) -> float:
        """Cells, with room for the title."""
        return max(self.values.shape[1], LEAST)

    def draw(self, ax: Axes, left: float, top: float) -> None:
        """Draw the grid with this corner, in cells of one unit of the axes."""
        rows, columns = self.values.shape
        grey, shown, framed = (
            np.broadcast_to(mask, self.values.shape) for mask in (self.grey, self.shown, self.framed)
        )
        colours = np.where(shown[..., None], self.form.tints(self.values), 1.0)
        colours[grey] = 0.90
        ax.imshow(colours, extent=(left, left + columns, top + rows, top), interpolation="nearest", zorder=1)
        lines = [((left, top + y), (left + columns, top + y)) for y in range(rows + 1)]
        lines += [((left + x, top), (left + x, top + rows)) for x in range(columns + 1)]
        ax.add_collection(LineCollection(lines, colors="0.72", linewidths=0.6, zorder=2))
        for y, x in np.argwhere(shown):
            text = self.form.text(float(self.values[y, x]))
            size = min(NUMBER_SIZE, (72 * CELL - 3) / (LETTER * len(text)))
            _write(ax, left + x + 0.5, top + y + 0.52, text, size, "0.45" if grey[y, x] else "black")
        for y, name in enumerate(self.rows):
            _write(ax, left - 0.2, top + y + 0.5, name, NAME_SIZE, "0.35", ha="right")
        for x, name in enumerate(self.columns):
            _write(ax, left + x + 0.5, top - 0.35, name, NAME_SIZE, "0.35")
        y, side = (top + rows + 0.2, "top") if self.below else (top - 0.2, "bottom")
        _write(ax, left + columns / 2, y, self.title, TITLE_SIZE, va=side, linespacing=1.15)
        _frame(ax, left, top, framed)


def _frame(ax: Axes, left: float, top: float, cells: Array) -> None:
    """Frame cells, bool (rows, columns): with one rectangle if they form one, else one for each cell."""
    places = np.argwhere(cells)
    if len(places):
        first, last = places.min(axis=0), places.max(axis=0)
        whole = cells[first[0] : last[0] + 1, first[1] : last[1] + 1].all()
        for y, x in [first] if whole else places:
            height, width = last - first + 1 if whole else (1, 1)
            box = Rectangle((left + x, top + y), width, height, fill=False, edgecolor=FRAME, linewidth=2.2, zorder=5)
            ax.add_patch(box)


def cell_axes(width: float, height: float) -> Axes:
    """Create axes that fill a new figure of the given cells; y increases downwards."""
    ax = new_figure(width * CELL, height * CELL).add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, width), ylim=(height, 0), aspect="equal", xticks=[], yticks=[], autoscale_on=False)
    ax.spines[:].set_visible(False)
    return ax


def _write(ax: Axes, x: float, y: float, text: str, size: float, colour: str = "black", **options: Any) -> None:
    """Write a text, centered unless `options` of `Axes.text` say otherwise."""
    ax.text(x, y, text, fontsize=size, color=colour, zorder=4, **{"ha": "center", "va": "center"} | options)
