"""Draw a matrix as a grid of cells with their values; cells can be blank, filled later, and framed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from scratchcnn.plots.picture import new_figure

CELL = 0.4  # inches of a cell's side
NUMBER_SIZE, LABEL_SIZE, TITLE_SIZE = 9.0, 8.0, 9.5  # points
LETTER = 0.66  # width of a digit, relative to the font size
MOST_LETTERS = 6  # characters in a cell
POSITIVE, NEGATIVE = np.array([0.99, 0.70, 0.38]), np.array([0.47, 0.68, 0.92])  # orange and blue under black text
FRAME = "#d00030"
GRID, PADDING = "0.72", 0.90  # greys

Array = npt.NDArray[Any]


class NumberFormat(NamedTuple):
    """Number format and colour scale of grids, so that equal values look the same in all of them.

    Attributes
    ----------
    decimals : int
    exponent : int
        Values are divided by 10 ** exponent.
    limit : float
        The absolute value with the full tint.
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


class NumberGrid:
    """A matrix (rows, columns) drawn at (left, top), in cells of one unit of the axes.

    Parameters
    ----------
    ax : Axes
        As returned by `cell_axes`.
    left, top : float
    values : (rows, columns)
    form : NumberFormat
    dropped : bool (rows, columns), optional
        Cells that are grey, such as padding.
    blank_dropped : bool
        Leave the grey cells without values.
    """

    def __init__(
        self,
        ax: Axes,
        left: float,
        top: float,
        values: Array,
        form: NumberFormat,
        dropped: Array | None = None,
        blank_dropped: bool = False,
    ) -> None:
        self.ax, self.left, self.top, self.form = ax, left, top, form
        self.rows, self.columns = values.shape
        self.dropped = np.zeros(values.shape, bool) if dropped is None else dropped
        self.blank = self.dropped & blank_dropped
        extent = (left, left + self.columns, top + self.rows, top)
        self.image = ax.imshow(np.ones((*values.shape, 3)), extent=extent, interpolation="nearest", zorder=1)
        across = [((left, top + y), (left + self.columns, top + y)) for y in range(self.rows + 1)]
        down = [((left + x, top), (left + x, top + self.rows)) for x in range(self.columns + 1)]
        ax.add_collection(LineCollection(across + down, colors=GRID, linewidths=0.6, zorder=2))
        self.texts = [
            [label(ax, left + x + 0.5, top + y + 0.52, "") for x in range(self.columns)] for y in range(self.rows)
        ]
        self.frames: list[Rectangle] = []
        self.fill(values)

    def fill(self, values: Array, shown: Array | None = None) -> None:
        """Write the values; cells where `shown` (rows, columns) is False are blank."""
        visible = np.ones(values.shape, bool) if shown is None else np.broadcast_to(shown, values.shape)
        colours = np.where(visible[..., None], self.form.tints(values), 1)
        self.image.set_data(np.where((self.dropped & (visible | self.blank))[..., None], PADDING, colours))
        for place in np.ndindex(values.shape):
            text = self.form.text(float(values[place])) if visible[place] and not self.blank[place] else ""
            written = self.texts[place[0]][place[1]]
            written.set(text=text, color="0.45" if self.dropped[place] else "black")
            written.set_fontsize(min(NUMBER_SIZE, (72 * CELL - 3) / (LETTER * max(1, len(text)))))

    def frame(self, cells: Iterable[tuple[int, int]]) -> None:
        """Frame only these cells: with one rectangle if they form one, else one for each cell."""
        for old in self.frames:
            old.remove()
        chosen = list(cells)
        self.frames = []
        if not chosen:
            return
        (top, left), (bottom, right) = np.min(chosen, axis=0), np.max(chosen, axis=0)
        whole = (bottom - top + 1) * (right - left + 1) == len(chosen)
        boxes = [(top, left, bottom, right)] if whole else [(y, x, y, x) for y, x in chosen]
        for y, x, to_y, to_x in boxes:
            box = Rectangle((self.left + x, self.top + y), to_x - x + 1, to_y - y + 1)
            box.set(fill=False, edgecolor=FRAME, linewidth=2.2, zorder=5)
            self.ax.add_patch(box)
            self.frames.append(box)

    def title(self, *lines: str, below: bool = False) -> Text:
        """Write lines above the grid, or below."""
        y = self.top + self.rows + 0.2 if below else self.top - 0.2
        vertical = "top" if below else "bottom"
        return label(self.ax, self.left + self.columns / 2, y, "\n".join(lines), vertical, TITLE_SIZE)


def cell_axes(width: float, height: float) -> Axes:
    """Create axes that fill a new figure of the given cells; y increases downwards."""
    ax = new_figure(width * CELL, height * CELL).add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, width), ylim=(height, 0), aspect="equal", xticks=[], yticks=[], autoscale_on=False)
    ax.spines[:].set_visible(False)
    return ax


def label(
    ax: Axes, x: float, y: float, text: str, vertical: str = "center", size: float = LABEL_SIZE, side: str = "center"
) -> Text:
    """Write a text at a position of the axes."""
    colour = "black" if size >= TITLE_SIZE else "0.35"
    return ax.text(x, y, text, va=vertical, ha=side, fontsize=size, color=colour, linespacing=1.15, zorder=4)
