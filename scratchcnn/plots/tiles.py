"""Sheets of small images: positions in a grid, all tiles in one matrix, axes for each tile, and captions that fit."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from scratchcnn.plots.inline import AxesList
from scratchcnn.plots.picture import new_figure

MOST_TILES = 400  # on a sheet with axes for each tile; thousands would take minutes
TITLE_SIZE, CAPTION_SIZE = 11.0, 8.5  # points
SMALLEST = 6.0  # points of a caption above a small tile
LINE = 1.35  # line height, relative to the font size
LETTER = 0.6  # mean width of a character, relative to the font size
MARGIN = 0.15  # inches
LEAST_WIDTH = 2.6  # inches of a sheet, for the title of a single tile
NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Sheet:
    """Grid of `count` tiles of equal size, from left to right and from top to bottom.

    The unit of length is arbitrary; `paste` requires pixels of the tiles.

    Examples
    --------
    >>> sheet = Sheet(count=3, columns=2, height=1, width=2, gap=1)
    >>> sheet.rows, sheet.size, sheet.corner(2)
    (2, (3, 5), (2, 0))
    >>> sheet.paste(np.arange(6).reshape(3, 1, 2))
    array([[ 0.,  1., nan,  2.,  3.],
           [nan, nan, nan, nan, nan],
           [ 4.,  5., nan, nan, nan]])
    """

    count: int
    columns: int
    height: float
    width: float
    gap: float

    @property
    def rows(self) -> int:
        """Number of rows."""
        return -(-self.count // self.columns)

    @property
    def size(self) -> tuple[float, float]:
        """Height and width of the sheet."""
        return self.rows * (self.height + self.gap) - self.gap, self.columns * (self.width + self.gap) - self.gap

    def corner(self, index: int) -> tuple[float, float]:
        """Return top and left of a tile."""
        row, column = divmod(index, self.columns)
        return row * (self.height + self.gap), column * (self.width + self.gap)

    def paste(self, tiles: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
        """Return one matrix with all tiles (N, H, W, ...), and NaN in the gaps between them."""
        pasted = np.full((*map(int, self.size), *tiles.shape[3:]), np.nan)
        for index, tile in enumerate(tiles):
            top, left = map(int, self.corner(index))
            pasted[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
        return pasted

    def ranges(self) -> list[str]:
        """Return the indices of the tiles in each row, as '0–7'."""
        firsts = range(0, self.count, self.columns)
        lasts = [min(first + self.columns, self.count) - 1 for first in firsts]
        return [str(first) if first == last else f"{first}–{last}" for first, last in zip(firsts, lasts, strict=True)]


def grid(count: int, width: float = 1.0, height: float = 1.0) -> tuple[int, int]:
    """Return rows and columns for `count` tiles: a sheet between square and 2:1, with the fewest empty places.

    >>> grid(20), grid(32), grid(7), grid(1)
    ((4, 5), (4, 8), (2, 4), (1, 1))
    """
    square = math.sqrt(count * height / width)
    least, most = max(1, min(count, math.ceil(square))), max(1, min(count, math.ceil(square * math.sqrt(2))))
    columns = min(range(least, most + 1), key=lambda number: (-count % number, number))
    return -(-count // columns), columns


def tile_axes(ax: Axes | Iterable[Axes] | None, count: int, width: float, lines: int, title: str) -> AxesList:
    """Return axes for each of `count` square tiles: the given ones, or those of a new figure.

    Parameters
    ----------
    ax : Axes, several, or None
        At least `count` axes, of which the others are left blank. None: a new figure.
    count : int
        Number of tiles.
    width : float
        Inches of a tile in a new figure.
    lines : int
        Lines of the captions in a new figure.
    title : str
        Title of a new figure.

    Raises
    ------
    ValueError
        There are fewer axes than tiles, or more than `MOST_TILES` tiles.
    """
    if count > MOST_TILES:
        raise ValueError(
            f"Expected at most {MOST_TILES} images on a sheet, received {count:,}; give some of them, as images[:100]."
        )
    if ax is None:
        return _new_axes(count, width, lines, title)
    given = listed_axes(ax)
    if len(given) < count:
        rows, columns = grid(count)
        raise ValueError(
            f"Expected {count} axes, one for each image, received {len(given)}; create them with "
            f"figure.subplots({rows}, {columns})."
        )
    for each in given[count:]:
        each.set_axis_off()
    return AxesList(given[:count])


def listed_axes(ax: Axes | Iterable[Axes]) -> AxesList:
    """Return a list of axes, given as one or as several, for example an array from `figure.subplots(3, 4)`."""
    given = [ax] if isinstance(ax, Axes) else list(np.asarray(ax if isinstance(ax, np.ndarray) else list(ax)).flat)
    for each in given:
        if not isinstance(each, Axes):
            raise TypeError(f"Expected axes of matplotlib, received {type(each).__name__}; use figure.subplots.")
    return AxesList(given)


def _new_axes(count: int, width: float, lines: int, title: str) -> AxesList:
    """Create axes at computed positions in a new figure; a layout engine would need seconds for a hundred axes."""
    above = (lines * LINE * CAPTION_SIZE + 5) / 72 if lines else 0.0
    sheet = Sheet(count, grid(count)[1], width + above, width, MARGIN)
    high, wide = sheet.size
    whole = max(wide + 2 * MARGIN, LEAST_WIDTH)
    heading = wrapped(title, (whole - 2 * MARGIN) * 72)
    top = MARGIN + (heading.count("\n") + 1) * LINE * TITLE_SIZE / 72 + MARGIN
    height, left = top + high + MARGIN, (whole - wide) / 2
    figure = new_figure(whole, height)
    figure.text(
        0.5, 1 - MARGIN / height, heading, fontsize=TITLE_SIZE, ha="center", va="top", linespacing=1.2,
        parse_math=False,
    )  # fmt: skip
    corners = [sheet.corner(index) for index in range(count)]
    return AxesList(
        figure.add_axes(
            ((left + x) / whole, (height - top - y - above - width) / height, width / whole, width / height)
        )
        for y, x in corners
    )


def width_for(captions: Sequence[str], least: float, most: float) -> float:
    """Return the width of tiles with such captions in inches, from `least` to `most`."""
    letters = max(map(len, captions), default=0)
    return min(most, max(least, (letters + 1) * LETTER * CAPTION_SIZE / 72))


def caption(ax: Axes, lines: Sequence[str]) -> None:
    """Write lines above a tile, in smaller letters if they are long, and shortened if they are still too long."""
    points = points_of(ax)[0]
    longest = max(1, *map(len, lines))
    size = min(CAPTION_SIZE, max(SMALLEST, points / (LETTER * longest)))
    most = max(3, int(points / (LETTER * size)))
    ax.set_title("\n".join(shortened(line, most) for line in lines), fontsize=size, pad=3, parse_math=False)


def points_of(ax: Axes) -> tuple[float, float]:
    """Return width and height of axes in points."""
    box = ax.get_window_extent()
    scale = 72 / ax.figure.figure.dpi
    return float(box.width * scale), float(box.height * scale)


def wrapped(text: str, points: float, size: float = TITLE_SIZE) -> str:
    """Break a text into lines of at most so many points at a font size."""
    return textwrap.fill(text, max(1, int(points / (LETTER * size))))


def shortened(text: str, most: int) -> str:
    """Return a text in one line of at most `most` characters, without its middle, as names often differ at the end.

    >>> shortened("convolution_of_block_12", 11)
    'convo…ck_12'
    """
    line = " ".join(text.split())
    end = (most - 1) // 2
    return line if len(line) <= most else f"{line[: most - 1 - end]}…{line[len(line) - end :]}"
