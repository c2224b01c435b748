"""The two halves of an im2col figure with printed values: forward from patches to outputs, backward to pixels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes

from scratchcnn.inspection.im2col.data import Im2colStoryData
from scratchcnn.plots.number_grid import TITLE_SIZE, Array, NumberFormat, NumberGrid, label
from scratchcnn.reference.im2col import window_slices

MOST_PATCHES, MOST_COLUMNS, MOST_FILTERS = 25, 27, 8  # of a matrix whose numbers are written in
MOST_HEIGHT, MOST_WIDTH = 12, 32  # cells of all channels side by side, padding included

GUTTER = 4.5  # cells left of a matrix: the row's number, its output, a sketch of its patch
LINE = 0.62  # cells from line to line of the places above a matrix
TITLE = 1.5  # cells of a title of two lines
LEAST_LINE = 8  # columns of a matrix whose title is in one line
LEAST_NAMED = 6  # rows of a kernel matrix beside which their name has room
LEAST_MAP = 3.8  # cells that a title needs above a narrow map
SKETCH = np.array([[0.93] * 3, [0.82, 0.0, 0.19]])  # colours of a pixel outside a patch, and inside


def fits(story: Im2colStoryData) -> bool:
    """Whether the numbers can be written in."""
    height, width, channels = story.padded.shape
    rows, columns = story.matrix.shape
    return (
        rows <= MOST_PATCHES
        and columns <= MOST_COLUMNS
        and story.kernel_matrix.shape[1] <= MOST_FILTERS
        and height <= MOST_HEIGHT
        and channels * (width + 1) <= MOST_WIDTH
    )


class Forward:
    """Image, matrix, kernel matrix and outputs, as in a multiplication on paper.

    The kernel matrix stands above the product, so that each output lies where its row and its filter meet.

    Parameters
    ----------
    story : Im2colStoryData
    ax : Axes or None
        None: only find out how large it becomes.
    left, top : float
        Where to begin, in cells.
    """

    def __init__(self, story: Im2colStoryData, ax: Axes | None, left: float = 0.0, top: float = 0.0) -> None:
        self.story = story
        rows, columns = story.matrix.shape
        filters = story.kernel_matrix.shape[1]
        height, width, channels = story.padded.shape
        bias = 0.0 if story.bias is None else 1.3
        above = max(height, columns + bias) + TITLE  # of the upper half
        below = top + above + _heads(story) * LINE + 0.3
        block = max(columns, channels * (max(width, LEAST_MAP) + 0.8))
        at_matrix, at_kernel = left + GUTTER, left + GUTTER + block + 2.9
        at_output = at_kernel + filters + 2.6
        down, right = story.windows
        total = above + _heads(story) * LINE + rows + TITLE
        self.places = list(_flow(at_output, top, filters, max(right.output, LEAST_MAP), down.output, total))
        self.width = max(x for x, _ in self.places) + max(right.output, LEAST_MAP) + 0.4 - left
        self.height = max(total + 0.3, max(y for _, y in self.places) + down.output - top + 0.4)
        if ax is None:
            return
        at_image = top + above - height - min(1.0, above - TITLE - height)
        self._draw_image(ax, at_matrix, at_image)
        self._draw_matrix(ax, at_matrix, below)
        self._draw_product(ax, at_kernel, top + TITLE, below)
        self._draw_outputs(ax)

    def _draw_image(self, ax: Axes, left: float, top: float) -> None:
        story = self.story
        _, width, channels = story.padded.shape
        form = NumberFormat.of(story.image)
        outside = _outside(story)
        self.image = []
        for channel in range(channels):
            at = left + channel * (max(width, LEAST_MAP) + 0.8)
            grid = NumberGrid(ax, at, top, story.padded[..., channel], form, outside)
            grid.title(*(("image", f"channel {channel}") if channels > 1 else ("image",)))
            self.image.append(grid)

    def _draw_matrix(self, ax: Axes, left: float, top: float) -> None:
        story = self.story
        _draw_heads(ax, story, left, top, on_the_left=False)
        _draw_row_labels(ax, story, left, top)
        self.matrix = NumberGrid(ax, left, top, story.matrix, NumberFormat.of(story.image), story.sources < 0)
        rows, columns = story.matrix.shape
        self.matrix.title(f"matrix, {rows} × {columns}", "a patch in each row", below=True)

    def _draw_product(self, ax: Axes, left: float, top: float, below: float) -> None:
        story = self.story
        columns, filters = story.kernel_matrix.shape
        form = NumberFormat.of(story.kernel_matrix)
        self.kernel = NumberGrid(ax, left, top, story.kernel_matrix, form)
        self.kernel.title(f"kernel matrix{form.unit}", f"{columns} × {filters}")
        for column, place in enumerate(story.columns()):
            numbers = place if story.image.shape[2] > 1 else place[:2]
            label(ax, left - 0.2, top + column + 0.5, ", ".join(map(str, numbers)), side="right")
        if columns >= LEAST_NAMED:
            name = "kernel row, column, channel"[: None if story.image.shape[2] > 1 else -len(", channel")]
            label(ax, left - 2.2, top + columns / 2, name).set_rotation(90)
        self.bias = None
        if story.bias is not None:
            self.bias = NumberGrid(ax, left, top + columns + 0.3, story.bias[None], NumberFormat.of(story.bias))
            label(ax, left - 0.2, top + columns + 0.8, "+ bias", side="right")
        label(ax, left - 0.55, below + len(story.matrix) / 2, "=", size=14)
        form = NumberFormat.of(story.product)
        self.product = NumberGrid(ax, left, below, story.product, form)
        self.product.title(f"product{form.unit}", f"{len(story.matrix)} × {filters}", below=True)

    def _draw_outputs(self, ax: Axes) -> None:
        story = self.story
        form = NumberFormat.of(story.output if story.activation == "softmax" else story.product)
        name = "output" if story.activation == "linear" else f"{story.activation} output"
        self.outputs = []
        for number, (x, y) in enumerate(self.places):
            grid = NumberGrid(ax, x, y, story.output[..., number], form)
            grid.title(name + form.unit, f"filter {number}")
            self.outputs.append(grid)

    def show(self, row: int | None, done: int) -> None:
        """Fill in the first `done` rows, and frame what belongs to `row`, if one is given."""
        story = self.story
        rows = np.arange(len(story.matrix)) < done
        self.matrix.fill(story.matrix, rows[:, None])
        self.product.fill(story.product, rows[:, None])
        for number, grid in enumerate(self.outputs):
            grid.fill(story.output[..., number], rows.reshape(story.output.shape[:2]))
        columns, filters = story.kernel_matrix.shape
        chosen = row is not None
        for grid in self.image:
            grid.frame([] if row is None else patch_cells(story, row))
        self.matrix.frame((row, column) for column in range(columns) if row is not None)
        self.product.frame((row, column) for column in range(filters) if row is not None)
        self.kernel.frame((place, column) for place in range(columns) for column in range(filters) if chosen)
        for grid in self.outputs:
            grid.frame([] if row is None else [story.position(row)])


class Backward:
    """The outputs' gradient, the transposed kernel matrix, their product, and what col2im makes of it.

    Parameters as for `Forward`.
    """

    def __init__(self, story: Im2colStoryData, ax: Axes | None, left: float = 0.0, top: float = 0.0) -> None:
        self.story = story
        rows, columns = story.matrix.shape
        filters = story.kernel_matrix.shape[1]
        height, width, channels = story.padded.shape
        at_kernel = top + TITLE + _heads(story) * LINE
        below = at_kernel + filters + 0.7
        at_matrix = left + GUTTER + filters + 2.4
        total = below + rows + 2 * TITLE - top
        wide = max(width, LEAST_MAP + 0.6)
        self.places = list(_flow(at_matrix + max(columns, LEAST_MAP) + 1.2, top, channels + 1, wide, height, total))
        self.width = max(x for x, _ in self.places) + wide + 0.4 - left
        self.height = max(total, max(y for _, y in self.places) + height - top + 0.4)
        if ax is None:
            return
        self.stages = [story.scattered(done) for done in range(rows + 1)]
        self._draw_gradient(ax, left + GUTTER, below)
        self._draw_matrix(ax, at_matrix, at_kernel, below)
        self._draw_image(ax)

    def _draw_gradient(self, ax: Axes, left: float, top: float) -> None:
        story = self.story
        rows, filters = story.dz.shape
        form = NumberFormat.of(story.dz)
        _draw_row_labels(ax, story, left, top)
        self.gradient = NumberGrid(ax, left, top, story.dz, form)
        self.gradient.title("gradient by", f"the product{form.unit}", f"{rows} × {filters}", below=True)

    def _draw_matrix(self, ax: Axes, left: float, top: float, below: float) -> None:
        story = self.story
        columns, filters = story.kernel_matrix.shape
        form = NumberFormat.of(story.kernel_matrix)
        _draw_heads(ax, story, left, top, on_the_left=True)
        self.kernel = NumberGrid(ax, left, top, story.kernel_matrix.T, form)
        y = top - _heads(story) * LINE - 0.3
        title = ("kernel matrix,", f"transposed{form.unit},", f"{filters} × {columns}")
        label(ax, left + columns / 2, y, _joined(title, columns), "bottom", TITLE_SIZE)
        for number in range(filters):
            label(ax, left - 0.2, top + number + 0.5, f"filter {number}", side="right")
        label(ax, left - 0.7, below + len(story.matrix) / 2, "=", size=14)
        form = NumberFormat.of(story.matrix_gradient)
        self.matrix = NumberGrid(ax, left, below, story.matrix_gradient, form, story.sources < 0)
        title = ("gradient by", f"the matrix{form.unit},", f"{len(story.matrix)} × {columns}")
        self.matrix.title(_joined(title, columns), below=True)

    def _draw_image(self, ax: Axes) -> None:
        story = self.story
        outside = _outside(story)
        form = NumberFormat.of(np.stack([gradient for gradient, _ in self.stages]))
        counts = NumberFormat.of(story.overlaps)
        blank = np.zeros(story.padded.shape[:2])
        (x, y), *others = self.places
        self.overlaps = NumberGrid(ax, x, y, blank, counts, outside, blank_dropped=True)
        self.overlaps.title("overlaps: patches", "on each pixel")
        self.image = []
        for channel, (x, y) in enumerate(others):
            grid = NumberGrid(ax, x, y, blank, form, outside, blank_dropped=True)
            of = f", channel {channel}" if len(others) > 1 else ""
            grid.title("gradient by", f"the image{of}{form.unit}")
            self.image.append(grid)

    def show(self, row: int | None, done: int) -> None:
        """Fill in the first `done` rows and what they add up to, and frame what belongs to `row`."""
        story = self.story
        rows = np.arange(len(story.matrix)) < done
        self.matrix.fill(story.matrix_gradient, rows[:, None])
        gradient, counts = self.stages[done]
        reached = _with_padding(story, (counts > 0) | (done == len(rows)))  # at the end, who is in no patch has a zero
        self.overlaps.fill(_with_padding(story, counts), reached)
        for channel, grid in enumerate(self.image):
            grid.fill(_with_padding(story, gradient[..., channel]), reached)
        columns, filters = story.kernel_matrix.shape
        self.gradient.frame((row, column) for column in range(filters) if row is not None)
        self.matrix.frame((row, column) for column in range(columns) if row is not None)
        self.kernel.frame((place, column) for place in range(filters) for column in range(columns) if row is not None)
        for grid in (self.overlaps, *self.image):
            grid.frame([] if row is None else patch_cells(story, row))


def patch_cells(story: Im2colStoryData, row: int) -> list[tuple[int, int]]:
    """The pixels of a patch, counted in the padded image."""
    rows, columns = window_slices(story.windows)[row]
    height, width, _ = story.padded.shape
    return [(y, x) for y in range(height)[rows] for x in range(width)[columns]]


def _outside(story: Im2colStoryData) -> Array:
    """Which pixels of the padded image are padding; bool (PH, PW)."""
    return _with_padding(story, np.ones(story.overlaps.shape)) == 0


def _with_padding(story: Im2colStoryData, values: Array) -> Array:
    """Numbers of the pixels (H, W) with zeros around them (PH, PW)."""
    down, right = story.windows
    return np.pad(values, ((down.before, down.after), (right.before, right.after)))


def _joined(title: tuple[str, ...], columns: int) -> str:
    """A title in one line, or in several above few columns."""
    return (" " if columns >= LEAST_LINE else "\n").join(title)


def _heads(story: Im2colStoryData) -> int:
    """Lines of places above a matrix: kernel row, kernel column, and channel if there are several."""
    return 2 + (story.image.shape[2] > 1)


def _draw_heads(ax: Axes, story: Im2colStoryData, left: float, top: float, on_the_left: bool) -> None:
    """Above a matrix, for each column its place in the kernel; the names at one side."""
    x, side = (left - 0.2, "right") if on_the_left else (left + len(story.kernel_matrix) + 0.2, "left")
    names = ("kernel row", "kernel column", "channel")[: _heads(story)]
    for line, name in enumerate(names):
        y = top - (len(names) - line - 0.5) * LINE - 0.1
        label(ax, x, y, name, side=side)
        for column, place in enumerate(story.columns()):
            label(ax, left + column + 0.5, y, str(place[line]))


def _draw_row_labels(ax: Axes, story: Im2colStoryData, left: float, top: float) -> None:
    """Left of a matrix, for each row its number, its output, and a sketch of where its patch lies."""
    height, width, _ = story.padded.shape
    tall = 0.84 * min(1, height / width)
    wide = 0.84 * min(1, width / height)
    for x, name in ((4.05, "row"), (2.55, "output"), (0.95, "patch")):
        label(ax, left - x, top - 0.35, name)
    for row in range(len(story.matrix)):
        y = top + row + 0.5
        label(ax, left - 4.05, y, str(row))
        label(ax, left - 2.55, y, "({}, {})".format(*story.position(row)))
        sketch = np.zeros((height, width), int)
        sketch[tuple(np.transpose(patch_cells(story, row)))] = 1
        box = (left - 0.95 - wide / 2, left - 0.95 + wide / 2, y + tall / 2, y - tall / 2)
        ax.imshow(SKETCH[sketch], extent=box, interpolation="nearest", zorder=1)


def _flow(
    left: float, top: float, count: int, width: float, height: float, room: float
) -> Iterator[tuple[float, float]]:
    """Places for maps with titles of two lines, one below the other, then in the next column."""
    in_column = max(1, int(room // (height + TITLE + 0.4)))
    for number in range(count):
        column, row = divmod(number, in_column)
        yield left + column * (width + 1.0), top + TITLE + row * (height + TITLE + 0.4)
