"""Figure of im2col, the matrix products and col2im for a small image, with all values."""

from __future__ import annotations

import os
import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scratchcnn.inspection.im2col.boards_figure import Backward, Forward, expect_small
from scratchcnn.inspection.im2col.data import Im2colStoryData
from scratchcnn.inspection.im2col.grid_figure import CELL, cell_axes
from scratchcnn.inspection.im2col.steps import backward_step, forward_step, steps_of
from scratchcnn.plots.picture import check_file, finish

MARGIN = 0.6  # cells
HEADING_SIZE = 11.0  # points
HEADING_LINE = 0.53  # cells between the lines of a heading


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
    expect_small(story)
    check_file(to_file)  # before anything is drawn
    figure = _draw(story, row)
    return finish(figure, to_file)


def _draw(story: Im2colStoryData, row: int) -> Figure:
    boards = Forward(story), Backward(story)
    width = max(board.width for board in boards) + 2 * MARGIN
    patches, product, gradient, scatter = steps_of(story)
    texts = [
        f"im2col for {story.label}. {patches.title}. {product.title}. Red frames: {_lower(forward_step(story, row))}",
        f"{gradient.title}. {scatter.title}. {scatter.text} Red frames: {_lower(backward_step(story, row))}",
    ]
    headings = [wrapped_lines(text, width) for text in texts]
    tall = [len(heading) * HEADING_LINE + 0.3 for heading in headings]
    ax = cell_axes(width, sum(board.height for board in boards) + sum(tall) + 3 * MARGIN)
    top = MARGIN
    for board, heading, height in zip(boards, headings, tall, strict=True):
        write_heading(ax, heading, top)
        board.draw(ax, MARGIN, top + height)
        board.show(row, len(story.matrix))
        top += height + board.height + MARGIN
    return ax.figure.figure


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def wrapped_lines(text: str, width: float) -> list[str]:
    """Return a heading as lines that fit into a width in cells."""
    return textwrap.wrap(text, int((width - 2 * MARGIN) * CELL * 72 / (0.56 * HEADING_SIZE)))


def write_heading(ax: Axes, lines: list[str], top: float) -> None:
    """Write lines at the left margin."""
    text = "\n".join(lines)
    ax.text(MARGIN, top, text, fontsize=HEADING_SIZE, va="top", ha="left", linespacing=1.25, parse_math=False)
