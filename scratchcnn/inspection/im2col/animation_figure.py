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

from scratchcnn.inspection.im2col.boards_figure import MOST_COLUMNS, MOST_FILTERS, MOST_PATCHES, Backward, Forward, fits
from scratchcnn.inspection.im2col.data import Im2colStoryData
from scratchcnn.inspection.im2col.figure import HEADING_LINE, MARGIN, wrapped_lines, write_heading
from scratchcnn.plots.number_grid import CELL, FRAME, Array, cell_axes
from scratchcnn.plots.picture import check_path, write_whole

READING, STEP = 4000, 450  # milliseconds that a text to be read is shown, and a step
MOST_PIXELS, MOST_DPI = 1280, 110  # across; dots per inch of a smaller picture
COLOURS, NEAR = 64, 20  # of the palette; how far its other colours are from white and the frames' red, at least
MOST_NUMBERS = 450  # of a matrix: more would take minutes to draw, and to watch
LINES = 3  # of text above


def animate_im2col(story: Im2colStoryData, to_file: str | os.PathLike[str]) -> None:
    """Write the animation of im2col and col2im; see `Im2colStory.animate`."""
    target = check_path(to_file, ("gif",))
    _expect_small(story)
    frames, durations = zip(*_frames(story), strict=True)
    same_colours = _in_few_colours(list(frames))
    content = imageio.imwrite("<bytes>", same_colours, extension=".gif", duration=list(durations), loop=0)
    write_whole(target, to_file, content)


def _expect_small(story: Im2colStoryData) -> None:
    """Refuse what nobody could read, or would wait for."""
    rows, columns = story.matrix.shape
    if rows > MOST_PATCHES:
        raise ValueError(
            f"Expected an image of at most {MOST_PATCHES} patches for an animation, received {rows:,}; cut the image, "
            "as image[:6, :6], or use plot, which shows a large one in colours."
        )
    if rows * columns > MOST_NUMBERS or not fits(story):
        raise ValueError(
            f"Expected a matrix of at most {MOST_NUMBERS} numbers, in {MOST_COLUMNS} columns, and {MOST_FILTERS} "
            f"filters for an animation, received {rows} × {columns} and {story.kernel_matrix.shape[1]} filters; cut "
            "the image, as image[:5, :5], take a layer with fewer channels, or use plot."
        )


def _frames(story: Im2colStoryData) -> Iterator[tuple[Array, int]]:
    """Each frame as RGB (height, width, 3), and how many milliseconds it is shown."""
    sizes = [(board.width, board.height) for board in (Forward(story, None), Backward(story, None))]
    width, height = (max(lengths) for lengths in zip(*sizes, strict=True))
    width, top = max(width, 16) + 2 * MARGIN, MARGIN + LINES * HEADING_LINE + 0.5
    rows = len(story.matrix)
    for board, texts, step in ((Forward, _forward_texts, _forward_text), (Backward, _backward_texts, _backward_text)):
        ax = cell_axes(width, top + height + MARGIN)
        ax.figure.figure.set_dpi(min(MOST_DPI, MOST_PIXELS / (width * CELL)))
        room = height - board(story, None).height
        drawn = board(story, ax, MARGIN, top + room / 3)
        first, last = texts(story)
        drawn.show(None, 0)
        yield _picture(ax, first, width), READING
        for row in range(rows):
            drawn.show(row, row + 1)
            yield _picture(ax, step(story, row), width), STEP
        drawn.show(None, rows)
        yield _picture(ax, last, width), READING


def _forward_texts(story: Im2colStoryData) -> tuple[str, str]:
    rows, columns = story.matrix.shape
    bias = "" if story.bias is None else " + bias"
    return (
        f"im2col turns a convolution into one product of matrices. In each frame the framed patch of the image becomes "
        f"a row of the matrix; the row × the kernel matrix{bias} is the output at one place, for all filters. There "
        f"are {rows} patches of {columns} numbers.",
        f"All {rows} outputs: matrix × kernel matrix{bias} = product. Now the way back, for a gradient by the product.",
    )


def _forward_text(story: Im2colStoryData, row: int) -> str:
    oy, ox = story.position(row)
    bias = "" if story.bias is None else " + bias"
    return (
        f"Patch {row + 1} of {len(story.matrix)}: its numbers, {_in_order(story)}, become row {row} of "
        f"the matrix. Row {row} × kernel matrix{bias} = output ({oy}, {ox})."
    )


def _backward_texts(story: Im2colStoryData) -> tuple[str, str]:
    return (
        "Backward: the gradient by the product × the kernel matrix, transposed, is a gradient by each number of the "
        "matrix. Then col2im: in each frame one row is added to the patch that it was copied from.",
        "The gradient by the image: where patches overlapped, so many numbers were added"
        + ("; what belongs to padding (grey) was dropped." if (story.sources < 0).any() else "."),
    )


def _backward_text(story: Im2colStoryData, row: int) -> str:
    oy, ox = story.position(row)
    return (
        f"Row {row + 1} of {len(story.matrix)}: the gradient by output ({oy}, {ox}) × kernel matrix, transposed = row "
        f"{row}. col2im adds it to the framed patch, and each pixel there counts one patch more."
    )


def _in_order(story: Im2colStoryData) -> str:
    return "row after row" if story.image.shape[2] == 1 else "row after row, of each pixel all channels"


def _picture(ax: Axes, text: str, width: float) -> Array:
    """The figure as it is now, with a text above, as RGB (height, width, 3)."""
    for old in ax.texts:
        if old.get_gid() == "text":
            old.remove()
    write_heading(ax, wrapped_lines(text, width), MARGIN)
    ax.texts[-1].set_gid("text")
    canvas: Any = ax.figure.figure.canvas
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _in_few_colours(frames: list[Array]) -> list[Array]:
    """The frames in the same few colours, so that a frame only stores what is new in it."""
    filled = Image.fromarray(np.concatenate([frames[len(frames) // 2 - 1], frames[-1]]))  # of both halves
    found = np.reshape(filled.quantize(COLOURS).getpalette() or [], (-1, 3))
    exact = np.array([(255, 255, 255), [round(255 * share) for share in to_rgb(FRAME)]])  # these two stay as they are
    others = found[np.abs(found[:, None] - exact).sum(axis=-1).min(axis=-1) > NEAR]
    palette = Image.new("P", (1, 1))
    palette.putpalette([*exact.reshape(-1).tolist(), *others.reshape(-1).tolist()])
    return [
        np.asarray(Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.NONE).convert("RGB"))
        for picture in frames
    ]
