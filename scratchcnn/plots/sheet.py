"""Draw matrices as a sheet of tiles in one colour scale, with frames, numbers and a colour bar."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle

from scratchcnn.plots.picture import new_figure
from scratchcnn.plots.tiles import LETTER, LINE, TITLE_SIZE, Sheet, grid, points_of, wrapped

TILE = 0.7  # inches: square root of the area of a tile
LEAST_HEIGHT, MOST_WIDTH = 1.0, 9.0  # inches of a sheet: few tiles are enlarged, many are reduced
LEAST_WIDTH, NARROW = 4.0, 2.8  # inches of the title in a new figure, in given axes
GAP = 0.26  # between tiles, relative to the square root of their area; contains the captions
SIDE, BAR, TOP, BOTTOM = 0.7, 1.1, 0.4, 0.35  # inches: left, right with the colour bar, above, below
NUMBER_SIZE = 7.0  # points


def draw_sheet(
    tiles: npt.NDArray[np.floating],
    title: str,
    noun: str,
    quantity: str,
    colors: str,
    limits: tuple[float, float],
    ax: Axes | None = None,
    captions: Sequence[str] | None = None,
) -> Axes:
    """Draw equally large matrices in one colour scale.

    Parameters
    ----------
    tiles : (N, H, W) or (N, H, W, P)
        P matrices are drawn side by side.
    title : str
    noun : str
        What a tile is, such as 'filter', for the label of the row numbers.
    quantity : str
        Label of the colour bar.
    colors : str
        Name of a colormap.
    limits : (float, float)
        Values at the ends of the colormap.
    ax : Axes, optional
        Default: those of a new figure.
    captions : sequence of str, optional
        Written above the tiles. The rows show the numbers of their tiles. Default: the number of each tile where there
        is space, else the rows only.

    Returns
    -------
    Axes
    """
    parts = tiles[..., None] if tiles.ndim == 3 else tiles
    count, height, part_width, part_count = parts.shape
    part_gap = max(1, round(min(height, part_width) / 6))
    width = part_count * (part_width + part_gap) - part_gap
    side = math.sqrt(height * width)
    gap = max(1 if part_count == 1 else 2 * part_gap, round(GAP * side))
    sheet = Sheet(count, grid(count, width + gap, height + gap)[1], height, width, gap)
    high, wide = sheet.size
    unit = min(MOST_WIDTH / wide, max(TILE / side, LEAST_HEIGHT / high))  # inches of a pixel in a new figure
    own = ax is None
    if ax is None:
        ax = _new_axes(wide * unit, high * unit, title)
    image = ax.imshow(
        sheet.paste(_side_by_side(parts, part_gap)), colormaps[colors].with_extremes(bad="white"), Normalize(*limits),
        extent=(0, wide, high, 0), interpolation="nearest",
    )  # fmt: skip
    frames = [
        Rectangle((left + part * (part_width + part_gap), top), part_width, height)
        for top, left in map(sheet.corner, range(count))
        for part in range(part_count)
    ]
    ax.add_collection(PatchCollection(frames, facecolor="none", edgecolor="0.4", linewidth=0.5, clip_on=False))
    inches = points_of(ax)[0] / 72
    bar = ax.inset_axes((1 + 0.15 / inches, 0.0, 0.14 / inches, 1.0)) if own else None
    ax.figure.colorbar(image, cax=bar, ax=None if own else ax, label=quantity)
    ax.set(xlim=(0, wide), ylim=(high, 0), aspect="equal", xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    numbers = [str(number) for number in range(count)]
    fits = gap * unit * 72 >= LINE * NUMBER_SIZE and width * unit * 72 >= LETTER * NUMBER_SIZE * len(numbers[-1])
    if captions is None and own and fits:
        captions = numbers
    else:
        _number_rows(ax, sheet, noun)
    for (top, left), text in zip(map(sheet.corner, range(count)), captions or [], strict=False):
        ax.annotate(
            text, (left + width / 2, top), (0, 1.5), textcoords="offset points", ha="center", va="bottom",
            fontsize=NUMBER_SIZE,
        )  # fmt: skip
    heading = wrapped(title, max(points_of(ax)[0], 72 * (LEAST_WIDTH if own else NARROW)))
    ax.set_title(heading, fontsize=TITLE_SIZE, parse_math=False, pad=14)
    return ax


def _number_rows(ax: Axes, sheet: Sheet, noun: str) -> None:
    """Write at each row the numbers of its tiles."""
    middles = [sheet.corner(row * sheet.columns)[0] + sheet.height / 2 for row in range(sheet.rows)]
    ax.set_yticks(middles, sheet.ranges(), fontsize=NUMBER_SIZE)
    ax.set_ylabel(noun + "s" * (sheet.count > 1))


def _side_by_side(parts: npt.NDArray[np.floating], gap: int) -> npt.NDArray[np.floating]:
    """Return one matrix for each tile: the parts (N, H, W, P) from left to right, with NaN in between."""
    count, height = parts.shape[:2]
    padded = np.pad(parts, ((0, 0), (0, 0), (0, gap), (0, 0)), constant_values=np.nan)  # to the right of each part
    return padded.swapaxes(2, 3).reshape(count, height, -1)[..., :-gap]


def _new_axes(width: float, height: float, title: str) -> Axes:
    """Create axes of the given inches in a new figure, with space for the title, the row numbers and the colour bar."""
    across = max(width, LEAST_WIDTH)
    lines = wrapped(title, across * 72).count("\n") + 1
    whole, high = across + SIDE + BAR, TOP + lines * LINE * TITLE_SIZE / 72 + height + BOTTOM
    figure = new_figure(whole, high)
    left = SIDE + (across - width) / 2
    return figure.add_axes((left / whole, BOTTOM / high, width / whole, height / high))
