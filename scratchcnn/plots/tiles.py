"""Lays out small pictures on a sheet: axes of one size in rows, each with room for its caption, under a title."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from scratchcnn.plots.picture import new_figure

MOST_TILES = 400  # each is an axes of its own, and thousands would take minutes
TITLE_SIZE, CAPTION_SIZE = 11.0, 8.5  # points
SMALLEST = 6.0  # points of a caption above a small tile
LINE = 1.35  # heights of letters from line to line
LETTER = 0.6  # mean width of a letter, as a share of its size
MARGIN = 0.15  # inches
LEAST_WIDTH = 2.6  # inches, so that a sheet of one has room for its title


def listed_axes(ax: Axes | Iterable[Axes]) -> list[Axes]:
    """One axes, or several as `figure.subplots(3, 4)` makes them, as a list."""
    given = [ax] if isinstance(ax, Axes) else list(np.asarray(ax if isinstance(ax, np.ndarray) else list(ax)).flat)
    for each in given:
        if not isinstance(each, Axes):
            raise TypeError(f"Expected axes of matplotlib, received {type(each).__name__}; use figure.subplots.")
    return given


def tile_axes(ax: Axes | Iterable[Axes] | None, count: int, width: float, lines: int, title: str) -> list[Axes]:
    """One axes for each of `count` tiles, where the caller wants them or in a new figure.

    Parameters
    ----------
    ax : Axes, several, or None
        Those the caller gave: at least `count`; the others are left blank. None: a new figure.
    count, width, lines
        Of the tiles: how many, how many inches wide, and how many lines a caption has. For a new figure, as is `title`.

    Raises
    ------
    ValueError
        Fewer axes than tiles, or more tiles than a sheet holds.
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
            f"Expected {count} axes, one for each image, received {len(given)}; make them with "
            f"figure.subplots({rows}, {columns})."
        )
    for each in given[count:]:
        each.set_axis_off()
    return given[:count]


def grid(count: int, width: float = 1.0, height: float = 1.0) -> tuple[int, int]:
    """Rows and columns for so many tiles: a sheet between square and twice as wide, with the fewest empty places.

    >>> grid(20), grid(32), grid(7), grid(1)
    ((4, 5), (4, 8), (2, 4), (1, 1))
    """
    square = math.sqrt(count * height / width)
    least, most = max(1, min(count, math.ceil(square))), max(1, min(count, math.ceil(square * math.sqrt(2))))
    columns = min(range(least, most + 1), key=lambda number: (-count % number, number))
    return -(-count // columns), columns


def width_for(captions: Sequence[str], least: float, most: float) -> float:
    """Inches that a tile needs for such lines above it, within two bounds."""
    letters = max(map(len, captions), default=0)
    return min(most, max(least, (letters + 1) * LETTER * CAPTION_SIZE / 72))


def caption(ax: Axes, lines: Sequence[str]) -> None:
    """Write lines above a tile; too long ones get smaller letters, and then lose their middle."""
    points = points_of(ax)[0]
    longest = max(1, *map(len, lines))
    size = min(CAPTION_SIZE, max(SMALLEST, points / (LETTER * longest)))
    most = max(3, int(points / (LETTER * size)))
    ax.set_title("\n".join(shortened(line, most) for line in lines), fontsize=size, pad=3, parse_math=False)


def points_of(ax: Axes) -> tuple[float, float]:
    """Width and height of axes, in points."""
    box = ax.get_window_extent()
    scale = 72 / ax.figure.figure.dpi
    return float(box.width * scale), float(box.height * scale)


def shortened(text: str, most: int) -> str:
    """A text in one line of at most so many letters; it loses its middle, as names often differ at their end.

    >>> shortened("convolution_of_block_12", 11)
    'convo…ck_12'
    """
    line = " ".join(text.split())
    end = (most - 1) // 2
    return line if len(line) <= most else f"{line[: most - 1 - end]}…{line[len(line) - end :]}"


def _new_axes(count: int, width: float, lines: int, title: str) -> list[Axes]:
    """Axes in a new figure, placed by inches: a layout engine would need seconds for a hundred."""
    rows, columns = grid(count)
    above = (lines * LINE * CAPTION_SIZE + 5) / 72 if lines else 0.0
    whole = max(columns * (width + MARGIN) + MARGIN, LEAST_WIDTH)
    heading = textwrap.wrap(title, int((whole - 2 * MARGIN) * 72 / (LETTER * TITLE_SIZE)))
    head = (len(heading) * LINE * TITLE_SIZE) / 72 + MARGIN
    height = head + rows * (width + above + MARGIN) + MARGIN
    figure = new_figure(whole, height)
    figure.text(
        0.5, 1 - MARGIN / height, "\n".join(heading), fontsize=TITLE_SIZE, ha="center", va="top", linespacing=1.2,
        parse_math=False,
    )  # fmt: skip
    left = (whole - columns * (width + MARGIN) + MARGIN) / 2
    places = [divmod(place, columns) for place in range(count)]
    boxes: list[npt.NDArray[np.float64]] = [
        np.array([left + column * (width + MARGIN), height - head - (row + 1) * (width + above + MARGIN), width, width])
        for row, column in places
    ]
    return [figure.add_axes(tuple(box / [whole, height, whole, height])) for box in boxes]
