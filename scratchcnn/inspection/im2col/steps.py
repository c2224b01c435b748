"""The four steps of im2col and col2im in words: for the text, the figure and the animation."""

from __future__ import annotations

from typing import NamedTuple

from scratchcnn.inspection.im2col.data import Im2colStoryData


class Step(NamedTuple):
    """One step: a heading, and an explanation for this image and layer."""

    title: str
    text: str


def steps_of(story: Im2colStoryData) -> list[Step]:
    """Return the steps: patches, matrix product, gradient w.r.t. the matrix, col2im."""
    down, right = story.windows
    rows, columns = story.matrix.shape
    filters, channels = story.kernel_matrix.shape[1], story.image.shape[2]
    bias = "" if story.bias is None else " + bias"
    low, high = int(story.overlaps.min()), int(story.overlaps.max())
    count = f"{low}" if low == high else f"{low} to {high}"
    padding = padding_text(story)
    return [
        Step(
            "im2col: copy each patch of the image into one row of a matrix",
            f"The window has {down.output} × {right.output} positions, so the matrix has {rows} rows; a patch has "
            f"{down.kernel} × {right.kernel} × {channels} values, so it has {columns} columns. "
            f"row = output row × {right.output} + output column; column = (kernel row × {right.kernel} + kernel "
            f"column) × {channels} + channel." + (f" The image is padded with zeros: {padding}." if padding else ""),
        ),
        Step(
            f"Matrix product: matrix × kernel matrix{bias} = outputs",
            f"({rows} × {columns}) × ({columns} × {filters}) = ({rows} × {filters}). The kernel matrix contains one "
            "column per filter, with the weights in the order of the patches. A row of the product contains the "
            "outputs of all filters at one position.",
        ),
        Step(
            "Backward pass: output gradient × transposed kernel matrix = gradient w.r.t. the matrix",
            f"({rows} × {filters}) × ({filters} × {columns}) = ({rows} × {columns}).",
        ),
        Step(
            "col2im: add each row to the pixels of its patch",
            f"The result is the gradient w.r.t. the image. Each pixel is in {count} patch{'es' * (high != 1)}, whose "
            "values are added up." + (" Values for the padding are dropped." if padding else ""),
        ),
    ]


def forward_step(story: Im2colStoryData, row: int) -> str:
    """Return what happens to one row in the forward pass."""
    bias = "" if story.bias is None else " + bias"
    return (
        f"Row {row} of the matrix is the patch for output position {story.position(row)}. "
        f"Row {row} × kernel matrix{bias} = outputs of all filters at that position."
    )


def backward_step(story: Im2colStoryData, row: int) -> str:
    """Return what happens to one row in the backward pass."""
    return (
        f"The gradient w.r.t. the outputs at {story.position(row)} × transposed kernel matrix = row {row} of the "
        "gradient w.r.t. the matrix. col2im adds it to the pixels of its patch."
    )


def padding_text(story: Im2colStoryData) -> str:
    """Return the rows and columns of padding, or '' if there is none."""
    down, right = story.windows
    sides = ((down.before, "above"), (down.after, "below"), (right.before, "left"), (right.after, "right"))
    return ", ".join(f"{count} {side}" for count, side in sides if count)
