"""Animation of im2col and col2im as a GIF: one frame per patch in the forward and in the backward pass."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import imageio.v3 as imageio
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from PIL import Image

from scratchcnn.inspection.im2col.boards_figure import Backward, Forward, expect_small
from scratchcnn.inspection.im2col.data import Im2colStoryData
from scratchcnn.inspection.im2col.figure import HEADING_LINE, MARGIN, wrapped_lines, write_heading
from scratchcnn.inspection.im2col.grid_figure import CELL, FRAME, Array, cell_axes
from scratchcnn.inspection.im2col.steps import backward_step, forward_step, steps_of
from scratchcnn.plots.picture import check_path, write_whole

READING, STEP = 4000, 600  # milliseconds per frame: with a text to read, and of a single step
MOST_PIXELS, MOST_DPI = 1280, 110  # width of the frames, and their resolution
COLOURS, NEAR = 64, 20  # of the palette; minimum distance of its colours from white and from the red frames
MOST_ELEMENTS = 450  # of the matrix: more would take minutes to draw
LINES = 4  # of the heading


def animate_im2col(story: Im2colStoryData, to_file: str | os.PathLike[str]) -> None:
    """Write the animation of im2col and col2im; see `Im2colStory.animate`."""
    target = check_path(to_file, ("gif",))
    expect_small(story)
    rows, columns = story.matrix.shape
    if rows * columns > MOST_ELEMENTS:
        raise ValueError(
            f"Expected a matrix of at most {MOST_ELEMENTS} elements for an animation, received {rows} × {columns}; "
            "crop the image, for example image[:5, :5], or use plot."
        )
    frames, durations = zip(*_frames(story), strict=True)
    content = imageio.imwrite(
        "<bytes>", _with_common_palette(list(frames)), extension=".gif", duration=list(durations), loop=0
    )
    write_whole(target, to_file, content)


def _frames(story: Im2colStoryData) -> Iterator[tuple[Array, int]]:
    """Yield each frame as RGB (height, width, 3), and its duration in milliseconds."""
    boards = Forward(story), Backward(story)
    width = max(16.0, *(board.width for board in boards)) + 2 * MARGIN
    height = max(board.height for board in boards)
    top = MARGIN + LINES * HEADING_LINE + 0.5
    rows = len(story.matrix)
    patches, product, gradient, scatter = steps_of(story)
    texts = [
        (f"{patches.title}. {product.title}. {product.text}", forward_step, "All outputs are computed."),
        (f"{gradient.title}. {scatter.title}.", backward_step, scatter.text),
    ]
    for board, (first, step, last) in zip(boards, texts, strict=True):
        ax = cell_axes(width, top + height + MARGIN)
        ax.figure.figure.set_dpi(min(MOST_DPI, MOST_PIXELS / (width * CELL)))
        board.draw(ax, MARGIN, top + (height - board.height) / 3)
        board.show(None, 0)
        yield _rendered(ax, first, width), READING
        for row in range(rows):
            board.show(row, row + 1)
            yield _rendered(ax, step(story, row), width), STEP
        board.show(None, rows)
        yield _rendered(ax, last, width), READING


def _rendered(ax: Axes, text: str, width: float) -> Array:
    """Return the figure with a heading as RGB (height, width, 3)."""
    for old in ax.texts:
        if old.get_gid() == "heading":
            old.remove()
    write_heading(ax, wrapped_lines(text, width), MARGIN)
    ax.texts[-1].set_gid("heading")
    canvas: Any = ax.figure.figure.canvas
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _with_common_palette(frames: list[Array]) -> list[Array]:
    """Return the frames in the same few colours, so that the GIF stores only the differences between frames."""
    filled = Image.fromarray(np.concatenate([frames[len(frames) // 2 - 1], frames[-1]]))  # the last of each pass
    found = np.reshape(filled.quantize(COLOURS).getpalette() or [], (-1, 3))
    exact = np.array([(255, 255, 255), [round(255 * part) for part in to_rgb(FRAME)]])  # reproduced exactly
    others = found[np.abs(found[:, None] - exact).sum(axis=-1).min(axis=-1) > NEAR]
    palette = Image.new("P", (1, 1))
    palette.putpalette([*exact.ravel().tolist(), *others.ravel().tolist()])
    reduced = (Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames)
    return [np.asarray(frame.convert("RGB")) for frame in reduced]
