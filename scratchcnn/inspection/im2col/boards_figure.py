"""The two matrix products of an im2col figure, arranged as on paper: forward to the outputs, backward to the pixels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from scratchcnn.inspection.im2col.data import Im2colStoryData
from scratchcnn.inspection.im2col.grid_figure import Array, NumberFormat, NumberGrid, label
from scratchcnn.inspection.im2col.text import column_names
from scratchcnn.reference.im2col import window_slices

MOST_PATCHES, MOST_COLUMNS, MOST_FILTERS = 25, 27, 8  # of a matrix with printed values
MOST_HEIGHT, MOST_WIDTH = 12, 32  # cells of the padded image, its channels side by side

LABELS = 3.4  # cells left of a matrix, for its rows' names
GAP = 2.6  # cells between two matrices, for names and the sign between them
TITLE = 2.1  # cells of a title of three lines
LEAST = 3.4  # cells of a title's width


def expect_small(story: Im2colStoryData) -> None:
    """Raise ValueError if the image and the matrices are too large to print their values."""
    height, width, channels = story.padded.shape
    (rows, columns), filters = story.matrix.shape, story.kernel_matrix.shape[1]
    small = rows <= MOST_PATCHES and columns <= MOST_COLUMNS and filters <= MOST_FILTERS
    if not small or height > MOST_HEIGHT or channels * (width + 1) > MOST_WIDTH:
        raise ValueError(
            f"Expected an image of at most {MOST_PATCHES} patches, {MOST_COLUMNS} matrix columns and {MOST_FILTERS} "
            f"filters, so that all values can be printed, received {rows:,} patches, {columns} columns and {filters} "
            f"filters; crop the image of {height} × {width} × {channels}, for example image[:6, :6], or use a layer "
            "with fewer channels and filters."
        )


class Sheet(NamedTuple):
    """Values that become a `NumberGrid`; `outside` marks the padding, `blank` leaves it empty."""

    title: str
    values: Array
    form: NumberFormat
    outside: Array | None = None
    blank: bool = False

    @property
    def width(self) -> float:
        """Cells, with room for the title."""
        return max(self.values.shape[1], LEAST)


class Board:
    """A matrix product, first × second = product, with images above the first matrix and right of the product.

    Parameters
    ----------
    story : Im2colStoryData

    Attributes
    ----------
    width, height : float
        Cells.
    """

    first: Sheet
    second: Sheet
    product: Sheet
    bias: Sheet | None = None
    before: tuple[Sheet, ...] = ()
    after: tuple[Sheet, ...]
    row_names: tuple[list[str], list[str]]  # of the first matrix, of the second

    def __init__(self, story: Im2colStoryData) -> None:
        self.story = story
        rows, inner = self.first.values.shape
        images = TITLE + max((len(each.values) for each in self.before), default=-TITLE) + 1
        first_width = max(self.first.width, sum(each.width + 0.8 for each in self.before))
        self.second_x = LABELS + first_width + GAP
        self.product_y = TITLE + max(inner + (1.3 if self.bias else 0), images) + 1
        x = self.second_x + self.second.width + GAP
        self.height = self.product_y + rows + TITLE
        self.places, y = [], TITLE
        for sheet in self.after:  # one below the other, then in the next column
            tall = len(sheet.values)
            if y > TITLE and y + tall > self.height:
                x, y = x + sheet.width + 1, TITLE
            self.places.append((x, y))
            y += tall + TITLE + 0.4
            self.height = max(self.height, self.places[-1][1] + tall + 0.4)
        self.width = x + self.after[-1].width + 0.4

    def draw(self, ax: Axes, left: float, top: float) -> None:
        """Draw all grids and their names, from this corner on."""

        def grid(sheet: Sheet, x: float, y: float, below: bool = False) -> NumberGrid:
            drawn = NumberGrid(ax, left + x, top + y, sheet.values, sheet.form, sheet.outside, sheet.blank)
            drawn.title(*sheet.title.split("\n"), below=below)
            return drawn

        story, (of_first, of_second) = self.story, self.row_names
        self.first_grid = grid(self.first, LABELS, self.product_y, below=True)
        self.second_grid = grid(self.second, self.second_x, TITLE)
        self.product_grid = grid(self.product, self.second_x, self.product_y, below=True)
        x = LABELS
        self.before_grids = []
        for sheet in self.before:
            self.before_grids.append(grid(sheet, x, self.product_y - 1.4 - len(sheet.values)))
            x += sheet.width + 0.8
        self.after_grids = [grid(sheet, *place) for sheet, place in zip(self.after, self.places, strict=True)]
        for row in range(len(self.first.values)):
            name = f"{row}: {story.position(row)}"
            label(ax, left + LABELS - 0.2, top + self.product_y + row + 0.5, name, side="right")
        label(ax, left + LABELS - 0.2, top + self.product_y - 0.35, "row: output", side="right")
        for column, name in enumerate(of_first):
            label(ax, left + LABELS + column + 0.5, top + self.product_y - 0.35, name)
        inner = len(self.second.values)
        for row, name in enumerate(of_second):
            label(ax, left + self.second_x - 0.2, top + TITLE + row + 0.5, name, side="right")
        if self.bias is not None:
            y = TITLE + inner + 0.3
            NumberGrid(ax, left + self.second_x, top + y, self.bias.values, self.bias.form)
            label(ax, left + self.second_x - 0.2, top + y + 0.5, self.bias.title, side="right")
        middle = self.product_y + len(self.first.values) / 2
        label(ax, left + self.second_x - 0.6, top + middle, "=", size=14)

    def show(self, row: int | None, done: int) -> None:
        """Fill in the first `done` rows and what follows from them, and frame what belongs to `row`, if given."""
        raise NotImplementedError

    def _frame(self, row: int | None, images: Iterable[NumberGrid]) -> None:
        """Frame one row of the first matrix and of the product, the second matrix, and one patch of the images."""
        shape = self.second.values.shape
        chosen = [] if row is None else [row]
        self.first_grid.frame((r, column) for r in chosen for column in range(shape[0]))
        self.product_grid.frame((r, column) for r in chosen for column in range(shape[1]))
        self.second_grid.frame(place for _ in chosen for place in np.ndindex(shape))
        for grid in images:
            grid.frame([] if row is None else _patch_cells(self.story, row))


class Forward(Board):
    """Image, matrix × kernel matrix + bias = product, and the outputs."""

    def __init__(self, story: Im2colStoryData) -> None:
        rows, columns = story.matrix.shape
        filters = story.kernel_matrix.shape[1]
        of_image, outside = NumberFormat.of(story.image), _outside(story)
        channels = story.image.shape[2]
        self.before = tuple(
            Sheet("image" + f"\nchannel {c}" * (channels > 1), story.padded[..., c], of_image, outside)
            for c in range(channels)
        )
        self.first = Sheet(f"matrix\n{rows} × {columns}", story.matrix, of_image, story.sources < 0)
        form = NumberFormat.of(story.kernel_matrix)
        self.second = Sheet(f"kernel matrix{form.unit}\n{columns} × {filters}", story.kernel_matrix, form)
        if story.bias is not None:
            self.bias = Sheet("+ bias", story.bias[None], NumberFormat.of(story.bias))
        form = NumberFormat.of(story.product)
        self.product = Sheet(f"product{form.unit}\n{rows} × {filters}", story.product, form)
        form = NumberFormat.of(story.output if story.activation == "softmax" else story.product)
        name = "output" if story.activation == "linear" else f"{story.activation} output"
        self.after = tuple(Sheet(f"{name}{form.unit}\nfilter {f}", story.output[..., f], form) for f in range(filters))
        self.row_names = column_names(story), column_names(story)
        super().__init__(story)

    def show(self, row: int | None, done: int) -> None:
        """See `Board.show`."""
        story = self.story
        rows = np.arange(len(story.matrix)) < done
        self.first_grid.fill(story.matrix, rows[:, None])
        self.product_grid.fill(story.product, rows[:, None])
        self._frame(row, self.before_grids)
        for number, grid in enumerate(self.after_grids):
            grid.fill(story.output[..., number], rows.reshape(story.output.shape[:2]))
            grid.frame([] if row is None else [story.position(row)])


class Backward(Board):
    """Output gradient × transposed kernel matrix = gradient w.r.t. the matrix, and what col2im makes of it."""

    def __init__(self, story: Im2colStoryData) -> None:
        rows, columns = story.matrix.shape
        filters = story.kernel_matrix.shape[1]
        self.stages = [story.scattered(done) for done in range(rows + 1)]
        form = NumberFormat.of(story.dz)
        self.first = Sheet(f"gradient w.r.t.\nthe outputs{form.unit}\n{rows} × {filters}", story.dz, form)
        form = NumberFormat.of(story.kernel_matrix)
        title = f"kernel matrix,\ntransposed{form.unit}\n{filters} × {columns}"
        self.second = Sheet(title, story.kernel_matrix.T, form)
        form = NumberFormat.of(story.matrix_gradient)
        title = f"gradient w.r.t.\nthe matrix{form.unit}\n{rows} × {columns}"
        self.product = Sheet(title, story.matrix_gradient, form, story.sources < 0)
        form = NumberFormat.of(np.stack([gradient for gradient, _ in self.stages]))
        empty, outside = np.zeros(story.padded.shape[:2]), _outside(story)
        names = ["the image"] if story.image.shape[2] == 1 else [f"channel {c}" for c in range(story.image.shape[2])]
        counts = Sheet("number of\npatches", empty, NumberFormat.of(story.overlaps), outside, blank=True)
        titles = [f"gradient w.r.t.\n{name}{form.unit}" for name in names]
        self.after = counts, *(Sheet(title, empty, form, outside, blank=True) for title in titles)
        self.row_names = [str(f) for f in range(filters)], [f"filter {f}" for f in range(filters)]
        super().__init__(story)

    def show(self, row: int | None, done: int) -> None:
        """See `Board.show`."""
        story = self.story
        rows = np.arange(len(story.matrix)) < done
        self.product_grid.fill(story.matrix_gradient, rows[:, None])
        gradient, counts = self.stages[done]
        reached = _with_padding(story, (counts > 0) | rows.all())  # at the end, a pixel in no patch has gradient 0
        overlaps, *images = self.after_grids
        overlaps.fill(_with_padding(story, counts), reached)
        for channel, grid in enumerate(images):
            grid.fill(_with_padding(story, gradient[..., channel]), reached)
        self._frame(row, self.after_grids)


def _patch_cells(story: Im2colStoryData, row: int) -> list[tuple[int, int]]:
    """Return the pixels of a patch as rows and columns of the padded image."""
    rows, columns = window_slices(story.windows)[row]
    height, width, _ = story.padded.shape
    return [(y, x) for y in range(height)[rows] for x in range(width)[columns]]


def _outside(story: Im2colStoryData) -> Array:
    """Return which pixels of the padded image are padding; bool (PH, PW)."""
    return _with_padding(story, np.ones(story.overlaps.shape)) == 0


def _with_padding(story: Im2colStoryData, values: Array) -> Array:
    """Pad (H, W) with zeros to (PH, PW)."""
    down, right = story.windows
    return np.pad(values, ((down.before, down.after), (right.before, right.after)))
