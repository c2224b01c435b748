"""The two matrix products of an im2col figure, arranged as on paper: forward to the outputs, backward to the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from scratchcnn.inspection.im2col.data import Im2colStoryData
from scratchcnn.inspection.im2col.grid_figure import Array, Grid, NumberFormat
from scratchcnn.inspection.im2col.text import column_names
from scratchcnn.reference.im2col import window_slices

NAMES = 3.4  # cells left of a matrix, for its rows' names
GAP = 2.6  # cells between two matrices, besides the names
TITLE = 2.1  # cells of a title of three lines


class Board(NamedTuple):
    """Grids with their upper left corners (x, y), and the size of them all, in cells."""

    grids: Sequence[tuple[Grid, float, float]]
    width: float
    height: float

    def draw(self, ax: Axes, left: float, top: float) -> None:
        """Draw all grids, from this corner on."""
        for grid, x, y in self.grids:
            grid.draw(ax, left + x, top + y)


def forward_board(story: Im2colStoryData, row: int | None, done: int) -> Board:
    """Return the board of image, matrix × kernel matrix + bias = product, and outputs.

    The first `done` rows are computed; what belongs to `row`, if given, is framed.
    """
    (rows, columns), filters = story.matrix.shape, story.kernel_matrix.shape[1]
    number = np.arange(rows)[:, None]
    computed, chosen = number < done, number == row  # (R, 1)
    of_output, channels = story.output.shape[:2], story.image.shape[2]
    form = NumberFormat.of(story.image)
    images = [
        Grid(
            f"image{form.unit}" + f"\nchannel {c}" * (channels > 1), _with_padding(story, story.image[..., c]), form,
            grey=_outside(story), framed=_patch(story, row),
        )
        for c in range(channels)
    ]  # fmt: skip
    matrix = Grid(
        f"matrix{form.unit}\n{rows} × {columns}", story.matrix, form, _row_names(story), column_names(story),
        (story.sources < 0) & computed, computed, chosen, below=True,
    )  # fmt: skip
    form = NumberFormat.of(story.kernel_matrix)
    title = f"× kernel matrix{form.unit}\n{columns} × {filters}"
    kernel = Grid(title, story.kernel_matrix, form, column_names(story), framed=row is not None)
    form = NumberFormat.of(0.0 if story.bias is None else story.bias)
    bias = None if story.bias is None else Grid("", story.bias[None], form, [f"+ bias{form.unit}"])
    form = NumberFormat.of(story.product)
    title = f"= product{form.unit}\n{rows} × {filters}"
    product = Grid(title, story.product, form, shown=computed, framed=chosen, below=True)
    form = NumberFormat.of(story.output if story.activation == "softmax" else story.product)
    name = "output" if story.activation == "linear" else f"{story.activation} output"
    outputs = [
        Grid(
            f"{name}{form.unit}\nfilter {f}", story.output[..., f], form, shown=computed.reshape(of_output),
            framed=chosen.reshape(of_output),
        )
        for f in range(filters)
    ]  # fmt: skip
    return _arranged(matrix, kernel, product, images, outputs, bias)


def backward_board(story: Im2colStoryData, row: int | None, done: int) -> Board:
    """Return the board of output gradient × transposed kernel matrix = matrix gradient, and what col2im makes of it.

    `row` and `done` as in `forward_board`.
    """
    (rows, columns), filters = story.matrix.shape, story.kernel_matrix.shape[1]
    number = np.arange(rows)[:, None]
    computed, chosen = number < done, number == row  # (R, 1)
    form = NumberFormat.of(story.dz)
    names = [str(f) for f in range(filters)]
    title = f"gradient w.r.t.\nthe outputs{form.unit}\n{rows} × {filters}"
    outputs = Grid(title, story.dz, form, _row_names(story), names, framed=chosen, below=True)
    form = NumberFormat.of(story.kernel_matrix)
    title = f"× kernel matrix,\ntransposed{form.unit}\n{filters} × {columns}"
    names = [f"filter {f}" for f in range(filters)]
    kernel = Grid(title, story.kernel_matrix.T, form, names, framed=row is not None)
    form = NumberFormat.of(story.matrix_gradient)
    title = f"= gradient w.r.t.\nthe matrix{form.unit}\n{rows} × {columns}"
    matrix = Grid(
        title, story.matrix_gradient, form, grey=(story.sources < 0) & computed, shown=computed, framed=chosen,
        below=True,
    )  # fmt: skip
    gradient, counts = story.scattered(done)
    reached = (counts > 0) | (done == rows)  # at the end, a pixel in no patch has gradient 0
    form = NumberFormat.of(np.stack([story.scattered(count)[0] for count in range(rows + 1)]))
    channels = gradient.shape[2]
    names = ["the image"] if channels == 1 else [f"channel {c}" for c in range(channels)]
    sums = [
        ("number of\npatches", counts, NumberFormat.of(story.overlaps)),
        *((f"gradient w.r.t.\n{name}{form.unit}", gradient[..., c], form) for c, name in enumerate(names)),
    ]
    images = [
        Grid(
            title, _with_padding(story, values), form, grey=_outside(story), shown=_with_padding(story, reached),
            framed=_patch(story, row),
        )
        for title, values, form in sums
    ]  # fmt: skip
    return _arranged(outputs, kernel, matrix, [], images)


def _arranged(
    first: Grid, second: Grid, product: Grid, before: Sequence[Grid], after: Sequence[Grid], bias: Grid | None = None
) -> Board:
    """Place a product: the second matrix above it, images above the first matrix and on the right."""
    images = TITLE + max(len(grid.values) for grid in before) if before else 0.0
    of_first = max(first.width, sum(grid.width + 0.8 for grid in before))
    across, down = NAMES + of_first + GAP, TITLE + max(len(second.values) + (1.3 if bias else 0), images + 1) + 1
    placed = [(first, NAMES, down), (second, across, TITLE), (product, across, down)]
    if bias is not None:
        placed.append((bias, across, TITLE + len(second.values) + 0.3))
    x = NAMES
    for grid in before:
        placed.append((grid, x, down - 1.4 - len(grid.values)))
        x += grid.width + 0.8
    x, y, height = across + second.width + GAP, TITLE, down + len(first.values) + TITLE
    for grid in after:  # one below the other, then in the next column
        if y > TITLE and y + len(grid.values) > height:
            x, y = x + grid.width + 1, TITLE
        placed.append((grid, x, y))
        y += len(grid.values) + 0.4
        height = max(height, y)
        y += TITLE
    return Board(placed, x + after[-1].width + 0.4, height)


def _row_names(story: Im2colStoryData) -> list[str]:
    return [f"row {row}: {story.position(row)}" for row in range(len(story.matrix))]


def _patch(story: Im2colStoryData, row: int | None) -> Array:
    """Return a mask (PH, PW) of the pixels of a patch, or of none."""
    mask = np.zeros_like(_outside(story))
    if row is not None:
        mask[window_slices(story.windows)[row]] = True
    return mask


def _outside(story: Im2colStoryData) -> Array:
    """Return a mask (PH, PW) of the padding."""
    return ~_with_padding(story, np.ones(story.overlaps.shape, bool))


def _with_padding(story: Im2colStoryData, values: Array) -> Array:
    """Pad (H, W) with zeros to (PH, PW)."""
    return np.pad(values, [(axis.before, axis.after) for axis in story.windows])
