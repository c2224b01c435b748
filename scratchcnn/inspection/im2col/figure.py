"""Figure of im2col, the matrix products and col2im for a small image, with all values; the same as an animated GIF."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from scratchcnn.inspection.im2col.boards_figure import Board, backward_board, forward_board
from scratchcnn.inspection.im2col.data import Im2colStoryData
from scratchcnn.inspection.im2col.grid_figure import CELL, Array, cell_axes
from scratchcnn.inspection.im2col.text import row_texts, steps_of
from scratchcnn.plots.inline import Animation
from scratchcnn.plots.picture import check_file, check_path, finish, write_whole
from scratchcnn.plots.tiles import wrapped

MOST_PATCHES, MOST_COLUMNS, MOST_FILTERS = 25, 27, 8  # of a matrix with printed values
MOST_HEIGHT, MOST_WIDTH = 12, 32  # cells of the padded image, its channels side by side
MOST_ELEMENTS = 450  # of the matrix of an animation: more would take minutes to draw
MARGIN = 0.6  # cells
HEADING_SIZE, HEADING_LINE = 11.0, 0.53  # points of a heading, cells between its lines
READING, STEP = 4000, 600  # milliseconds per frame: with a text to read, and of a single step
MOST_PIXELS, MOST_DPI = 1280, 110  # width of the frames, and their resolution
COLOURS = 256


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
    _expect_small(story)
    check_file(to_file)  # before anything is drawn
    (patches, _), (product, _), (gradient, _), (scatter, sums) = steps_of(story)
    forward, backward = row_texts(story, row)
    texts = [
        f"im2col for {story.label}. {patches}. {product}. Red frames: {forward}",
        f"{gradient}. {scatter}. {sums} Red frames: {backward}",
    ]
    boards = [board_of(story, row, rows) for board_of in (forward_board, backward_board)]
    width = max(board.width for board in boards) + 2 * MARGIN
    headings, heights = _headings(texts, width)
    ax = cell_axes(width, sum(board.height for board in boards) + sum(heights) + 0.6 + 3 * MARGIN)
    top = MARGIN
    for heading, height, board in zip(headings, heights, boards, strict=True):
        _write(ax, heading, top)
        board.draw(ax, MARGIN, top + height + 0.3)
        top += height + 0.3 + board.height + MARGIN
    return finish(ax.figure.figure, to_file)


def animate_im2col(story: Im2colStoryData, to_file: str | os.PathLike[str] | None) -> Animation:
    """Return the animation of im2col and col2im; see `Im2colStory.animate`."""
    target = None if to_file is None else check_path(to_file, ("gif",))
    _expect_small(story)
    rows, columns = story.matrix.shape
    if rows * columns > MOST_ELEMENTS:
        raise ValueError(
            f"Expected a matrix of at most {MOST_ELEMENTS} elements for an animation, received {rows} × {columns}; "
            "crop the image, for example image[:5, :5], or use plot."
        )
    boards, texts, durations = zip(*_frames(story), strict=True)
    width = max(16.0, *(board.width for board in boards)) + 2 * MARGIN
    headings, heights = _headings(texts, width)
    top, height = MARGIN + max(heights) + 0.5, max(board.height for board in boards)
    pictures = [_rendered(board, text, width, top, height) for board, text in zip(boards, headings, strict=True)]
    # With a common palette, that of the last row in both passes, the GIF stores only the differences between frames.
    full = Image.fromarray(np.concatenate([pictures[rows], pictures[-2]]))
    palette = full.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1)  # keeps white
    first, *others = (Image.fromarray(each).quantize(palette=palette, dither=Image.Dither.NONE) for each in pictures)
    content = io.BytesIO()
    first.save(content, "gif", save_all=True, append_images=others, duration=list(durations), loop=0)
    if target is not None and to_file is not None:
        write_whole(target, to_file, content.getvalue())
    return Animation(content.getvalue())


def _frames(story: Im2colStoryData) -> Iterator[tuple[Board, str, int]]:
    """Yield the board, the heading and the duration in milliseconds of each frame."""
    rows = len(story.matrix)
    (patches, _), (product, sizes), (gradient, _), (scatter, sums) = steps_of(story)
    passes = [
        (forward_board, f"{patches}. {product}. {sizes}", "All outputs are computed."),
        (backward_board, f"{gradient}. {scatter}.", sums),
    ]
    for number, (board_of, first, last) in enumerate(passes):
        yield board_of(story, None, 0), first, READING
        for row in range(rows):
            yield board_of(story, row, row + 1), row_texts(story, row)[number], STEP
        yield board_of(story, None, rows), last, READING


def _rendered(board: Board, heading: str, width: float, top: float, height: float) -> Array:
    """Return a frame as RGB (height, width, 3)."""
    ax = cell_axes(width, top + height + MARGIN)
    figure = ax.figure.figure
    figure.set_dpi(min(MOST_DPI, MOST_PIXELS / (width * CELL)))
    _write(ax, heading, MARGIN)
    board.draw(ax, MARGIN, top + (height - board.height) / 3)
    canvas: Any = figure.canvas
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def _expect_small(story: Im2colStoryData) -> None:
    """Raise ValueError if the image and the matrices are too large to print their values."""
    height, width = (axis.before + axis.size + axis.after for axis in story.windows)
    (rows, columns), filters, channels = story.matrix.shape, story.kernel_matrix.shape[1], story.image.shape[2]
    small = rows <= MOST_PATCHES and columns <= MOST_COLUMNS and filters <= MOST_FILTERS
    if not small or height > MOST_HEIGHT or channels * (width + 1) > MOST_WIDTH:
        raise ValueError(
            f"Expected an image of at most {MOST_PATCHES} patches, {MOST_COLUMNS} matrix columns and {MOST_FILTERS} "
            f"filters, so that all values can be printed, received {rows:,} patches, {columns} columns and {filters} "
            f"filters; crop the image of {height} × {width} × {channels}, for example image[:6, :6], or use a layer "
            "with fewer channels and filters."
        )


def _headings(texts: Sequence[str], width: float) -> tuple[list[str], list[float]]:
    """Return texts in lines that fit into a width in cells, and their heights in cells."""
    headings = [wrapped(text, (width - 2 * MARGIN) * CELL * 72, HEADING_SIZE) for text in texts]
    return headings, [HEADING_LINE * (heading.count("\n") + 1) for heading in headings]


def _write(ax: Axes, heading: str, top: float) -> None:
    """Write a heading at the left margin."""
    ax.text(MARGIN, top, heading, fontsize=HEADING_SIZE, va="top", ha="left", linespacing=1.25, parse_math=False)
