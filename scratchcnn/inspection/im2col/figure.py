"""Figure of im2col, the matrix product and col2im for one image, with printed values or as heat maps."""

from __future__ import annotations

import os
import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scratchcnn.inspection.im2col.boards_figure import Backward, Forward, fits
from scratchcnn.inspection.im2col.colours_figure import draw_colours
from scratchcnn.inspection.im2col.data import Im2colStoryData
from scratchcnn.plots.number_grid import CELL, cell_axes
from scratchcnn.plots.picture import check_path, save

MARGIN = 0.6  # cells
HEADING_SIZE = 11.0  # points
HEADING_LINE = 0.53  # cells from line to line of a heading


def plot_im2col(
    story: Im2colStoryData, to_file: str | os.PathLike[str] | None = None, row: int | None = None
) -> Figure:
    """Draw the patches, products and gradients of im2col; see `Im2colStory.plot`."""
    rows = len(story.matrix)
    if row is None:
        height, width, _ = story.output.shape
        row = height // 2 * width + width // 2
    if isinstance(row, bool) or not isinstance(row, int) or not 0 <= row < rows:
        raise ValueError(f"Expected row as a whole number from 0 to {rows - 1}, received {row!r}.")
    if to_file is not None:
        check_path(to_file)  # before anything is drawn
    figure = draw_numbers(story, row) if fits(story) else draw_colours(story, row)
    if to_file is not None:
        save(figure, to_file)
    return figure


def draw_numbers(story: Im2colStoryData, row: int) -> Figure:
    """Both halves with their numbers, one patch framed."""
    boards = Forward(story, None), Backward(story, None)
    width = max(board.width for board in boards) + 2 * MARGIN
    oy, ox = story.position(row)
    headings = [
        wrapped_lines(
            f"im2col for {story.label}: each patch of the image is a row of a matrix. A row × the kernel matrix"
            f"{'' if story.bias is None else ' + the bias'} is the output of all filters at one place. Framed: row "
            f"{row}, the output at ({oy}, {ox}).",
            width,
        ),
        wrapped_lines(
            "Backward: the gradient by the product × the kernel matrix, transposed, is the gradient by the matrix; "
            "col2im adds each row back to its patch. Where patches overlap, numbers add up; those on padding are "
            "dropped.",
            width,
        ),
    ]
    tall = [len(heading) * HEADING_LINE + 0.3 for heading in headings]
    ax = cell_axes(width, sum(board.height for board in boards) + sum(tall) + 3 * MARGIN)
    write_heading(ax, headings[0], MARGIN)
    forward = Forward(story, ax, MARGIN, MARGIN + tall[0])
    middle = 2 * MARGIN + tall[0] + forward.height
    write_heading(ax, headings[1], middle)
    backward = Backward(story, ax, MARGIN, middle + tall[1])
    for board in (forward, backward):
        board.show(row, len(story.matrix))
    return ax.figure.figure


def wrapped_lines(text: str, width: float) -> list[str]:
    """A heading in lines that fit into so many cells."""
    return textwrap.wrap(text, int((width - 2 * MARGIN) * CELL * 72 / (0.56 * HEADING_SIZE)))


def write_heading(ax: Axes, lines: list[str], top: float) -> None:
    """Lines at the left edge."""
    text = "\n".join(lines)
    ax.text(MARGIN, top, text, fontsize=HEADING_SIZE, va="top", ha="left", linespacing=1.25, parse_math=False)
