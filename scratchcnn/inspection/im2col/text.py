"""im2col and col2im of one image in words, and as blocks of text: all values of a tiny image, some of a larger one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from scratchcnn.display.blocks import WIDTH, Block, Group, Indented, Lines, Paragraph, Table, Title, wrap
from scratchcnn.inspection.arguments import index_of
from scratchcnn.inspection.im2col.data import Im2colStoryData
from scratchcnn.inspection.text.numbers import aligned, short
from scratchcnn.operands import Array

INDENT = "   "
MOST_ROWS, FIRST_ROWS = 16, 4  # rows of a table that is printed completely; first rows of a longer one
MOST_SIDE, MOST_MAPS = 12, 4  # size and number of images that are printed
MOST_TERMS, FIRST_TERMS = 18, 8  # terms of a sum that is printed completely; first terms of a longer one


def steps_of(story: Im2colStoryData) -> list[tuple[str, str]]:
    """Return title and text of the steps: patches, matrix product, gradient w.r.t. the matrix, col2im."""
    down, right = story.windows
    rows, columns = story.matrix.shape
    filters, channels = story.kernel_matrix.shape[1], story.image.shape[2]
    low, high = int(story.overlaps.min()), int(story.overlaps.max())
    count = f"{low}" if low == high else f"{low} to {high}"
    sides = ((down.before, "above"), (down.after, "below"), (right.before, "left"), (right.after, "right"))
    padding = ", ".join(f"{count} {side}" for count, side in sides if count)
    return [
        (
            "im2col: copy each patch of the image into one row of a matrix",
            f"The window has {down.output} × {right.output} positions, so the matrix has {rows} rows; a patch has "
            f"{down.kernel} × {right.kernel} × {channels} values, so it has {columns} columns. "
            f"row = output row × {right.output} + output column; column = (kernel row × {right.kernel} + kernel "
            f"column) × {channels} + channel." + (f" The image is padded with zeros: {padding}." if padding else ""),
        ),
        (
            f"Matrix product: matrix × kernel matrix{_plus_bias(story)} = outputs",
            f"({rows} × {columns}) × ({columns} × {filters}) = ({rows} × {filters}). The kernel matrix contains one "
            "column per filter, with the weights in the order of the patches. A row of the product contains the "
            "outputs of all filters at one position.",
        ),
        (
            "Backward pass: output gradient × transposed kernel matrix = gradient w.r.t. the matrix",
            f"({rows} × {filters}) × ({filters} × {columns}) = ({rows} × {columns}).",
        ),
        (
            "col2im: add each row to the pixels of its patch",
            f"The result is the gradient w.r.t. the image. Each pixel is in {count} patch{'es' * (high != 1)}, whose "
            "values are added up." + (" Values for the padding are dropped." if padding else ""),
        ),
    ]


def row_texts(story: Im2colStoryData, row: int) -> tuple[str, str]:
    """Return what happens to one row in the forward and in the backward pass."""
    position = story.position(row)
    return (
        f"Row {row} of the matrix is the patch for output position {position}. "
        f"Row {row} × kernel matrix{_plus_bias(story)} = outputs of all filters at that position.",
        f"The gradient w.r.t. the outputs at {position} × transposed kernel matrix = row {row} of the gradient w.r.t. "
        "the matrix. col2im adds it to the pixels of its patch.",
    )


def _plus_bias(story: Im2colStoryData) -> str:
    return "" if story.bias is None else " + bias"


def column_names(story: Im2colStoryData) -> list[str]:
    """Return the position in the kernel of each column of the matrix, as '0,2' or with the channel '0,2,1'."""
    axes = 2 if story.image.shape[2] == 1 else 3
    return [",".join(map(str, place[:axes])) for place in story.columns()]


def story_blocks(story: Im2colStoryData) -> Iterator[Block]:
    """Yield the title, and the four steps with their values."""
    down, right = story.windows
    height, width, channels = story.image.shape
    yield Group(
        Title(f"im2col for {story.label}, one image of {height} × {width} × {channels}"),
        Paragraph(
            f"{story.kernel_matrix.shape[1]} filters of {down.kernel} × {right.kernel} × {channels}, strides "
            f"({down.stride}, {right.stride}), padding '{story.padding}', dilation ({down.dilation}, {right.dilation})"
        ),
    )
    contents = _patches(story), _product(story), _gradient(story), _scatter(story)
    for number, ((title, text), content) in enumerate(zip(steps_of(story), contents, strict=True), start=1):
        yield Group(Title(title, first=f"{number}. "), Paragraph(text, first=INDENT))
        yield from (Indented(block, INDENT) for block in content)


def _patches(story: Im2colStoryData) -> list[Block]:
    names = "kernel row, column" if story.image.shape[2] == 1 else "kernel row, column, channel"
    title = f"matrix (columns: {names})"
    return [*_maps("image", "channel", story.image), _rows(story, title, column_names(story), story.matrix)]


def _product(story: Im2colStoryData) -> list[Block]:
    filters = [f"filter {number}" for number in range(story.kernel_matrix.shape[1])]
    terms = [f"{_in_sum(x)} × {_in_sum(w)}" for x, w in zip(story.matrix[0], story.kernel_matrix[:, 0], strict=True)]
    bias: list[Block] = []
    if story.bias is not None:
        terms.append(short(float(story.bias[0])))
        bias = [_table("bias", [""], [["bias"]], filters, story.bias[None])]
    after = "" if story.activation == "linear" else f" after {story.activation}"
    kernel = [[name] for name in filters]
    return [
        _table("kernel matrix, transposed", [""], kernel, column_names(story), story.kernel_matrix.T), *bias,
        _sum("Row 0 × filter 0, the output of filter 0 at (0, 0):", terms, float(story.product[0, 0])),
        _rows(story, "product", filters, story.product),
        *_maps(f"output{after}", "filter", story.output),
    ]  # fmt: skip


def _gradient(story: Im2colStoryData) -> list[Block]:
    filters = [f"filter {number}" for number in range(story.dz.shape[1])]
    through = "" if story.activation == "linear" else f", backpropagated through {story.activation}"
    loss = "No dy was given; this is the gradient of the loss sum(output²) / 2, which equals the output."
    return [
        *([Paragraph(loss)] if np.array_equal(story.dy, story.output) else []),
        _rows(story, f"gradient w.r.t. the outputs{through}", filters, story.dz),
        _rows(story, "gradient w.r.t. the matrix", column_names(story), story.matrix_gradient),
    ]


def _scatter(story: Im2colStoryData) -> list[Block]:
    """col2im, with the sum for the first pixel that is in the most patches."""
    row, column = index_of(story.overlaps.argmax(), story.overlaps)
    pixel = (row * story.image.shape[1] + column) * story.image.shape[2]  # in channel 0
    found = np.argwhere(story.sources == pixel)
    terms = [f"{_in_sum(story.matrix_gradient[r, c])} (row {r}, column {c})" for r, c in found] or ["an empty sum"]
    channel = ", channel 0" if story.image.shape[2] > 1 else ""
    heading = f"The gradient w.r.t. pixel ({row}, {column}){channel}:"
    return [
        *_maps("number of patches that contain each pixel", "", story.overlaps[..., None]),
        _sum(heading, terms, float(story.image_gradient[row, column, 0])),
        *_maps("gradient w.r.t. the image", "channel", story.image_gradient),
    ]  # fmt: skip


def _rows(story: Im2colStoryData, title: str, names: Sequence[str], values: Array) -> Block:
    """Return a table with a row for each patch."""
    beside = [[str(row), "({}, {})".format(*story.position(row))] for row in range(len(values))]
    return _table(title, ["row", "output"], beside, names, values)


def _table(title: str, heads: list[str], beside: Sequence[Sequence[str]], names: Sequence[str], values: Array) -> Block:
    """Return a matrix with named rows and columns; of a large one, the first and the last rows and columns."""
    rows = list(range(len(values)))
    if len(rows) > MOST_ROWS:
        rows = [*rows[:FIRST_ROWS], rows[-1]]
    cells = np.array(aligned(values[rows]), object).reshape(len(rows), len(names))
    left = sum(max(map(len, column)) + 2 for column in zip(heads, *(beside[row] for row in rows), strict=True))
    room = (WIDTH - len(INDENT) - left) // (max(map(len, [*names, *cells.ravel()])) + 2)
    if len(names) > room:
        names = [*names[: room - 2], "…", names[-1]]
        cells = np.insert(cells[:, [*range(room - 2), -1]], room - 2, "…", axis=1)
    lines = [[*beside[row], *texts] for row, texts in zip(rows, cells, strict=True)]
    if len(rows) < len(values):
        lines.insert(FIRST_ROWS, ["…"] * len(lines[0]))
    return Group(Paragraph(title), Table([*heads, *names], lines, left=()))


def _maps(what: str, each: str, image: Array) -> list[Block]:
    """Return the values of an image (H, W, C), a block per channel; of a large one, its shape and range."""
    height, width, count = image.shape
    if max(height, width) > MOST_SIDE or count > MOST_MAPS:
        return [Paragraph(f"{what}: shape {image.shape}, values from {short(image.min())} to {short(image.max())}")]
    texts = aligned(image)
    size = max(map(len, texts))
    grid = np.array([text.rjust(size + 2) for text in texts], object).reshape(image.shape)
    return [
        Lines([f"{what}, {each} {channel}" if count > 1 else what, *map("".join, grid[..., channel])])
        for channel in range(count)
    ]


def _sum(heading: str, terms: list[str], total: float) -> Block:
    """Return a sum in lines, with its value, below a heading; of many terms, the first ones and the last."""
    shown = terms if len(terms) <= MOST_TERMS else [*terms[:FIRST_TERMS], "…", terms[-1]]
    lines = wrap(f"{' + '.join(shown)} = {short(total)}", first=INDENT)
    return Group(Paragraph(heading), Lines(line[len(INDENT) :] for line in lines))


def _in_sum(value: float) -> str:
    """Return a term of a sum, in brackets if it is negative."""
    return f"({short(value)})" if value < 0 else short(value)
