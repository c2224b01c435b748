"""The story of im2col as text, in four steps: in full for a tiny image, abridged for a larger one."""

from __future__ import annotations

import numpy as np

from scratchcnn.inspection.im2col.data import Im2colStoryData
from scratchcnn.inspection.im2col.number_table import (
    INDENT,
    image_text,
    indented,
    number_table,
    number_texts,
    some,
    wrapped,
)
from scratchcnn.operands import Array

MOST_TERMS = 9  # of a sum that is written out


def story_text(story: Im2colStoryData) -> str:
    """All four steps, with their numbers."""
    steps = (_head, _patches, _product, _gradient, _scatter)
    return "\n\n".join("\n".join(step(story)) for step in steps)


def padding_text(story: Im2colStoryData) -> str:
    """How many rows and columns of zeros stand around the image, or '' for none."""
    down, right = story.windows
    sides = ((down.before, "above"), (down.after, "below"), (right.before, "left"), (right.after, "right"))
    return ", ".join(f"{count} {side}" for count, side in sides if count)


def _head(story: Im2colStoryData) -> list[str]:
    down, right = story.windows
    height, width, channels = story.image.shape
    return [
        f"im2col for {story.label} on one image of {height} × {width} × {channels}",
        f"{_many(story.kernel_matrix.shape[1], 'filter')} of {down.kernel} × {right.kernel} × {channels}, strides "
        f"({down.stride}, {right.stride}), padding '{story.padding}', dilation ({down.dilation}, {right.dilation})",
    ]


def _patches(story: Im2colStoryData) -> list[str]:
    """Which patch becomes which row, and in which order."""
    down, right = story.windows
    rows, columns = story.matrix.shape
    channels = story.image.shape[2]
    fastest = "kernel column" if channels == 1 else "channel"
    note = padding_text(story)
    lines = [
        f"The window lies at {down.output} × {right.output} places: {_many(rows, 'row')}. It holds {down.kernel} × "
        f"{right.kernel} × {channels} numbers: {_many(columns, 'column')}.",
        f"row = output row × {right.output} + output column",
        f"column = (kernel row × {right.kernel} + kernel column) × {channels} + channel, so the {fastest} changes "
        "fastest",
    ]
    if note:
        lines.append(f"Zeros are put around the image ({note}); rows and columns outside of it are these.")
    return [
        "1. im2col: each patch of the image becomes one row of a matrix.",
        indented(lines),
        "",
        image_text("image", "channel", story.image),
        "",
        _matrix_table(story, story.matrix),
    ]


def _product(story: Im2colStoryData) -> list[str]:
    """The product of matrices, with one of its numbers in full."""
    rows, filters = story.product.shape
    columns = len(story.kernel_matrix)
    bias = "" if story.bias is None else " + bias"
    lines = [
        f"2. matrix × kernel matrix{bias} = all outputs: ({rows} × {columns}) × ({columns} × {filters}) = "
        f"({rows} × {filters}).",
        indented([
            "The kernel matrix is the kernel in the same order, a column for each filter. It is printed lying down, so",
            "that each weight stands where the number stands that it multiplies.",
        ]),
        "",
        _kernel_table(story),
        "",
        indented([f"Row 0 times filter 0{bias}, the output at (0, 0):"]),
        _first_sum(story),
        "",
        _row_table(story, story.product),
    ]  # fmt: skip
    after = "" if story.activation == "linear" else f" after {story.activation}"
    return [*lines, "", image_text(f"output{after}", "filter", story.output)]


def _gradient(story: Im2colStoryData) -> list[str]:
    """The way back, as far as the gradient by the matrix."""
    rows, filters = story.dz.shape
    columns = len(story.kernel_matrix)
    through = "" if story.activation == "linear" else f", taken back through {story.activation}"
    return [
        f"3. Backward: a gradient × the kernel matrix, transposed: ({rows} × {filters}) × ({filters} × {columns}) = "
        f"({rows} × {columns}).",
        indented([f"The gradient of the loss by each output{through}:", *_of_what_loss(story)]),
        "",
        _row_table(story, story.dz),
        "",
        indented(["It makes a gradient by each number of the matrix:"]),
        "",
        _matrix_table(story, story.matrix_gradient),
    ]


def _scatter(story: Im2colStoryData) -> list[str]:
    """col2im, with the sum of one pixel in full."""
    low, high = int(story.overlaps.min()), int(story.overlaps.max())
    patches = "1 patch" if high == 1 else f"{high} patches"
    dropped = " What came from padding is dropped." if padding_text(story) else ""
    return [
        "4. col2im: each number of a row is added to the pixel that it was copied from.",
        indented([
            f"Every pixel is in {patches}.{dropped}" if low == high else
            f"Where patches overlap, the numbers add up: a pixel is in {low} to {patches}.{dropped}"
        ]),
        "",
        image_text("overlaps: how many patches hold the pixel", "", story.overlaps[..., None]),
        "",
        *_pixel(story),
        "",
        image_text("gradient by the image", "channel", story.image_gradient),
    ]  # fmt: skip


def _of_what_loss(story: Im2colStoryData) -> list[str]:
    if not np.array_equal(story.dy, story.output):
        return []
    return ["(No dy was given, so it is that of the loss sum(output²) / 2, which is the output itself.)"]


def _first_sum(story: Im2colStoryData) -> str:
    """The first number of the product, as a sum of products."""
    pairs = zip(number_texts(story.matrix[0]), number_texts(story.kernel_matrix[:, 0]), strict=True)
    terms = [f"{one.strip()} × {_in_sum(other)}" for one, other in pairs]
    bias = [] if story.bias is None else [_in_sum(f"{story.bias[0]:.4g}")]
    return wrapped([*_abridged(terms, 2 * MOST_TERMS), *bias], f"= {story.product[0, 0]:.4g}")


def _pixel(story: Im2colStoryData) -> list[str]:
    """Where the gradient of the first pixel with the most overlaps comes from."""
    row, column = (int(place) for place in np.unravel_index(story.overlaps.argmax(), story.overlaps.shape))
    number = (row * story.image.shape[1] + column) * story.image.shape[2]  # of its channel 0
    found = np.argwhere(story.sources == number)
    values = number_texts(story.matrix_gradient[tuple(found.T)])
    terms = [f"{_in_sum(text)} [row {r}, column {c}]" for (r, c), text in zip(found, values, strict=True)]
    of_channel = ", channel 0," if story.image.shape[2] > 1 else ""
    total = f"= {story.image_gradient[row, column, 0]:.4g}"
    if not terms:
        return [indented([f"The pixel at ({row}, {column}){of_channel} is in no patch; its gradient is 0."])]
    return [
        indented([f"The pixel at ({row}, {column}){of_channel} gets:"]),
        wrapped(_abridged(terms, MOST_TERMS), total),
    ]


def _matrix_table(story: Im2colStoryData, matrix: Array) -> str:
    """A matrix with a row for each patch: its place in the image at the side, the places in the kernel above."""
    places = list(zip(*story.columns(), strict=True))
    names = ("kernel row", "kernel column", "channel")[: 2 + (story.image.shape[2] > 1)]
    heads = [*zip(names, places, strict=False), ("column", range(matrix.shape[1]))]
    shown = some(len(matrix))
    spans = [[_span(places) for places in story.patch(row)] for row in shown]
    width = max(len("from rows"), *(len(rows) for rows, _ in spans))
    beside = [
        f"{_row(story, row)}  {rows:<{width}}  {columns}" for row, (rows, columns) in zip(shown, spans, strict=True)
    ]
    title = f"{_row_title(story)}  {'from rows':<{width}}  columns"
    return number_table(title, [(name, list(numbers)) for name, numbers in heads], beside, matrix)


def _row_table(story: Im2colStoryData, values: Array) -> str:
    """For each row, a number of each filter."""
    beside = [_row(story, row) for row in some(len(values))]
    return number_table(_row_title(story), [("filter", list(range(values.shape[1])))], beside, values)


def _kernel_table(story: Im2colStoryData) -> str:
    """The kernel matrix lying down, and the bias."""
    columns, filters = story.kernel_matrix.shape
    beside = [f"filter {number}" for number in some(filters)]
    table = number_table("", [("column", list(range(columns)))], beside, story.kernel_matrix.T)
    if story.bias is None:
        return table
    return f"{table}\n{INDENT}bias: {', '.join(_abridged([t.strip() for t in number_texts(story.bias)], MOST_TERMS))}"


def _row(story: Im2colStoryData, row: int) -> str:
    return f"{row:>{_row_width(story)}}  {story.position(row)!s:<{_position_width(story)}}"


def _row_title(story: Im2colStoryData) -> str:
    return f"{'row':>{_row_width(story)}}  {'output':<{_position_width(story)}}"


def _row_width(story: Im2colStoryData) -> int:
    return max(len("row"), len(str(len(story.matrix) - 1)))


def _position_width(story: Im2colStoryData) -> int:
    return max(len("output"), len(str(story.position(len(story.matrix) - 1))))


def _span(places: list[int]) -> str:
    """Rows or columns that a patch takes, as '0 to 2', or '0, 2, 4' with dilation."""
    if len(places) > 1 and places[1] - places[0] == 1:
        return f"{places[0]} to {places[-1]}"
    listed = [str(place) for place in places]
    return ", ".join(listed if len(listed) <= 3 else [*listed[:2], "…", listed[-1]])


def _abridged(terms: list[str], most: int) -> list[str]:
    return terms if len(terms) <= most else [*terms[:4], "…", terms[-1]]


def _in_sum(text: str) -> str:
    """A number as it stands in a sum: a negative one in brackets."""
    return f"({text.strip()})" if text.strip().startswith("-") else text.strip()


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"
