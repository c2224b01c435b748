"""Figure of im2col for an image too large to print its values: each matrix as a heat map with a colour bar."""

from __future__ import annotations

from typing import Literal

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from scratchcnn.inspection.im2col.data import Im2colStoryData
from scratchcnn.plots.number_grid import FRAME, Array
from scratchcnn.plots.picture import new_figure
from scratchcnn.plots.tiles import grid

MOST_SHEETS = 16  # channels or filters that are drawn
MOST_TICKS = 9
BETWEEN = "#e8e4c8"  # between maps: a colour that is no number's


def draw_colours(story: Im2colStoryData, row: int) -> Figure:
    """The forward pass above, the backward pass below, one patch framed."""
    rows, columns = story.matrix.shape
    filters = story.kernel_matrix.shape[1]
    figure = new_figure(13, 8)
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08, wspace=0.04, hspace=0.06)
    axes = figure.subplots(2, 4, width_ratios=(1.2, 1.2, 0.8, 1.2))
    oy, ox = story.position(row)
    figure.suptitle(
        f"im2col for {story.label}: {rows:,} patches of {columns:,} numbers. Framed: row {row}, the output at "
        f"({oy}, {ox}).",
        fontsize=11, parse_math=False,
    )  # fmt: skip
    patch = patch_box(story, row)
    _draw_maps(axes[0, 0], story.padded, "image", "channel", patch)
    _draw_matrix(axes[0, 1], story, story.matrix, f"matrix, {rows:,} × {columns:,}\na patch in each row", row)
    _draw_kernel(axes[0, 2], story.kernel_matrix, f"kernel matrix\n{columns:,} × {filters}")
    after = "" if story.activation == "linear" else f" after {story.activation}"
    _draw_maps(axes[0, 3], story.output, f"output{after}", "filter", (ox, oy, 1, 1))
    _draw_kernel(axes[1, 0], story.dz, f"gradient by the product\n{rows:,} × {filters}", row)
    _draw_matrix(axes[1, 1], story, story.matrix_gradient, f"gradient by the matrix\n{rows:,} × {columns:,}", row)
    down, right = story.windows
    inside = (patch[0] - right.before, patch[1] - down.before, *patch[2:])
    _draw_maps(axes[1, 2], story.overlaps[..., None], "overlaps: how many\npatches hold a pixel", "", inside)
    _draw_maps(axes[1, 3], story.image_gradient, "gradient by the image", "channel", inside)
    return figure


def patch_box(story: Im2colStoryData, row: int) -> tuple[int, int, int, int]:
    """Left, top, width and height of a patch in the padded image."""
    down, right = story.windows
    oy, ox = story.position(row)
    spans = [(axis.kernel - 1) * axis.dilation + 1 for axis in (right, down)]
    return ox * right.stride, oy * down.stride, spans[0], spans[1]


def _image(ax: Axes, values: Array, of: Array, aspect: Literal["equal", "auto"]) -> None:
    """Draw numbers in the scale of `of`, with its bar.

    From zero to the largest number in greys, or, with negative ones, blue and red around a white zero.
    """
    largest = float(np.abs(of).max(initial=0)) or 1.0
    signed = bool(of.min() < 0)
    colours = colormaps["RdBu_r" if signed else "Greys"].with_extremes(bad=BETWEEN)
    norm = Normalize(-largest if signed else 0, largest)
    image = ax.imshow(values, cmap=colours, norm=norm, aspect=aspect, interpolation="auto")
    ax.figure.colorbar(image, ax=ax, shrink=0.8).ax.tick_params(labelsize=7)


def _draw_maps(ax: Axes, maps: Array, title: str, each: str, box: tuple[int, int, int, int]) -> None:
    """Maps (H, W, number) side by side in one picture, the box framed in each."""
    height, width, count = maps.shape
    shown = min(count, MOST_SHEETS)
    rows, columns = grid(shown, width, height)
    gap = max(1, round(0.06 * max(height, width)))
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for number in range(shown):
        row, column = divmod(number, columns)
        top, left = row * (height + gap), column * (width + gap)
        sheet[top : top + height, left : left + width] = maps[..., number]
        frame = Rectangle((left + box[0] - 0.5, top + box[1] - 0.5), box[2], box[3])
        frame.set(fill=False, edgecolor=FRAME, linewidth=1.2)
        ax.add_patch(frame)
    _image(ax, sheet, maps, "equal")
    some = f"{each}s 0 to {shown - 1} of {count}" if shown < count else f"{count} {each}s"
    ax.set_title(f"{title}\n{some}" if count > 1 else title, fontsize=9)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)


def _draw_matrix(ax: Axes, story: Im2colStoryData, matrix: Array, title: str, row: int) -> None:
    """A matrix with a row for each patch; its columns are named by their place in the kernel."""
    columns = matrix.shape[1]
    _image(ax, matrix, matrix, "auto")
    ax.set_title(title, fontsize=9)
    places = story.columns()
    chosen = np.unique(np.linspace(0, columns - 1, min(columns, MOST_TICKS)).round().astype(int))
    names = [", ".join(map(str, places[column])) for column in chosen]
    ax.set_xticks(chosen, names, fontsize=7, rotation=90)
    ax.set_xlabel("column: kernel row, kernel column, channel", fontsize=8)
    _rows(ax, row, columns)


def _draw_kernel(ax: Axes, matrix: Array, title: str, row: int | None = None) -> None:
    """A matrix with a column for each filter."""
    _image(ax, matrix, matrix, "auto")
    ax.set_title(title, fontsize=9)
    filters = matrix.shape[1]
    ax.set_xticks(np.unique(np.linspace(0, filters - 1, min(filters, 5)).round().astype(int)))
    ax.set_xlabel("filter", fontsize=8)
    ax.tick_params(labelsize=7)
    if row is None:
        ax.set_ylabel("row: as the matrix's columns", fontsize=8)
    else:
        _rows(ax, row, filters)


def _rows(ax: Axes, row: int, columns: int) -> None:
    """Name the rows, and frame one: a line where it is too thin to have a frame."""
    ax.set_ylabel("row", fontsize=8)
    ax.tick_params(axis="y", labelsize=7)
    frame = Rectangle((-0.5, row - 0.5), columns, 1)
    frame.set(fill=False, edgecolor=FRAME, linewidth=1.2)
    ax.add_patch(frame)
