"""im2col and col2im of one image as text: all values of a tiny image, some of a larger one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scratchcnn.inspection.im2col.data import Im2colStoryData
from scratchcnn.inspection.im2col.steps import steps_of
from scratchcnn.inspection.text.layout import WIDTH, wrap
from scratchcnn.inspection.text.numbers import aligned, short
from scratchcnn.inspection.text.table import table
from scratchcnn.operands import Array

INDENT = "   "
MOST_ROWS, FIRST_ROWS = 16, 4  # rows of a table that is printed completely; first rows of a longer one
MOST_SIDE, MOST_MAPS = 12, 4  # size and number of images that are printed
MOST_TERMS = 9  # of a sum


def story_text(story: Im2colStoryData) -> str:
    """Return the four steps with their values."""
    down, right = story.windows
    height, width, channels = story.image.shape
    lines = [
        f"im2col for {story.label}, one image of {height} × {width} × {channels}",
        f"{story.kernel_matrix.shape[1]} filters of {down.kernel} × {right.kernel} × {channels}, strides "
        f"({down.stride}, {right.stride}), padding '{story.padding}', dilation ({down.dilation}, {right.dilation})",
    ]
    for number, (step, content) in enumerate(
        zip(steps_of(story), (_patches, _product, _gradient, _scatter), strict=True), start=1
    ):
        lines += ["", *wrap(step.title, first=f"{number}. "), *wrap(step.text, first=INDENT)]
        lines += [f"{INDENT}{line}".rstrip() for line in content(story)]
    return "\n".join(lines)


def _patches(story: Im2colStoryData) -> list[str]:
    names = "kernel row, column" if story.image.shape[2] == 1 else "kernel row, column, channel"
    title = f"matrix (columns: {names})"
    return [*_maps("image", "channel", story.image), *_rows(story, title, column_names(story), story.matrix)]


def _product(story: Im2colStoryData) -> list[str]:
    filters = [f"filter {number}" for number in range(story.kernel_matrix.shape[1])]
    columns = column_names(story)
    bias = [] if story.bias is None else [short(float(story.bias[0]))]
    terms = [f"{_in_sum(x)} × {_in_sum(w)}" for x, w in zip(story.matrix[0], story.kernel_matrix[:, 0], strict=True)]
    after = "" if story.activation == "linear" else f" after {story.activation}"
    return [
        *_table("kernel matrix, transposed", [""], [[name] for name in filters], columns, story.kernel_matrix.T),
        *([] if story.bias is None else _table("bias", [""], [["bias"]], filters, story.bias[None])),
        "",
        "Row 0 × filter 0, the output of filter 0 at (0, 0):",
        *_sum([*terms, *bias], float(story.product[0, 0])),
        *_rows(story, "product", filters, story.product),
        *_maps(f"output{after}", "filter", story.output),
    ]


def _gradient(story: Im2colStoryData) -> list[str]:
    filters = [f"filter {number}" for number in range(story.dz.shape[1])]
    through = "" if story.activation == "linear" else f", backpropagated through {story.activation}"
    default = np.array_equal(story.dy, story.output)
    loss = "No dy was given; this is the gradient of the loss sum(output²) / 2, which equals the output."
    return [
        *([loss] if default else []),
        *_rows(story, f"gradient w.r.t. the outputs{through}", filters, story.dz),
        *_rows(story, "gradient w.r.t. the matrix", column_names(story), story.matrix_gradient),
    ]


def _scatter(story: Im2colStoryData) -> list[str]:
    """col2im, with the sum for the first pixel that is in the most patches."""
    row, column = (int(place) for place in np.unravel_index(story.overlaps.argmax(), story.overlaps.shape))
    pixel = (row * story.image.shape[1] + column) * story.image.shape[2]  # in channel 0
    found = np.argwhere(story.sources == pixel)
    terms = [f"{_in_sum(story.matrix_gradient[r, c])} (row {r}, column {c})" for r, c in found]
    of = f"The gradient w.r.t. pixel ({row}, {column}){', channel 0' if story.image.shape[2] > 1 else ''}"
    total = _sum(terms, float(story.image_gradient[row, column, 0])) if terms else ["0"]
    return [
        *_maps("number of patches that contain each pixel", "", story.overlaps[..., None]),
        "", f"{of}:" if terms else f"{of}, which is in no patch:", *total,
        *_maps("gradient w.r.t. the image", "channel", story.image_gradient),
    ]  # fmt: skip


def column_names(story: Im2colStoryData) -> list[str]:
    """Return the position in the kernel of each column of the matrix, as '0,2' or with the channel '0,2,1'."""
    axes = 2 if story.image.shape[2] == 1 else 3
    return [",".join(map(str, place[:axes])) for place in story.columns()]


def _rows(story: Im2colStoryData, title: str, names: Sequence[str], values: Array) -> list[str]:
    """Return a table with a row for each patch."""
    beside = [[str(row), "({}, {})".format(*story.position(row))] for row in range(len(values))]
    return _table(title, ["row", "output"], beside, names, values)


def _table(
    title: str, heads: list[str], beside: Sequence[Sequence[str]], names: Sequence[str], values: Array
) -> list[str]:
    """Return a matrix with named rows and columns; of a large one, the first and the last rows and columns."""
    rows = list(range(len(values)))
    if len(rows) > MOST_ROWS:
        rows = [*rows[:FIRST_ROWS], rows[-1]]
    cells = np.array(aligned(values[rows]), object).reshape(len(rows), len(names))
    left = sum(max(map(len, column)) + 2 for column in zip(heads, *(beside[row] for row in rows), strict=True))
    width = max(map(len, [*names, *cells.ravel()])) + 2
    room = (WIDTH - len(INDENT) - left) // width
    columns: list[int | None] = list(range(len(names)))
    if len(names) > room:
        columns = [*columns[: room - 2], None, columns[-1]]
    lines = [
        [*beside[row], *("…" if c is None else texts[c] for c in columns)]
        for row, texts in zip(rows, cells, strict=True)
    ]
    if len(rows) < len(values):
        lines.insert(FIRST_ROWS, ["…"] * len(lines[0]))
    return ["", title, *table([*heads, *("…" if c is None else names[c] for c in columns)], lines, left=())]


def _maps(what: str, each: str, image: Array) -> list[str]:
    """Return the values of an image (H, W, C), a channel per line block; of a large one, its shape and range."""
    height, width, count = image.shape
    if max(height, width) > MOST_SIDE or count > MOST_MAPS:
        return ["", f"{what}: shape {image.shape}, values from {short(image.min())} to {short(image.max())}"]
    texts = aligned(image)
    size = max(map(len, texts))
    grid = np.array([text.rjust(size + 2) for text in texts], object).reshape(image.shape)
    lines = []
    for channel in range(count):
        lines += ["", f"{what}, {each} {channel}" if count > 1 else what, *map("".join, grid[..., channel])]
    return lines


def _sum(terms: list[str], total: float) -> list[str]:
    """Return a sum in lines, with its value; of many terms, the first ones and the last."""
    shown = terms if len(terms) <= 2 * MOST_TERMS else [*terms[: MOST_TERMS - 1], "…", terms[-1]]
    return [line[len(INDENT) :] for line in wrap(f"{' + '.join(shown)} = {short(total)}", first=INDENT)]


def _in_sum(value: float) -> str:
    """Return a term of a sum, in brackets if it is negative."""
    return f"({short(value)})" if value < 0 else short(value)
