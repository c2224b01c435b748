"""Draw images and small matrices: a colour for each element, and its value where there is space."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.patheffects import withStroke

from scratchcnn.plots.overlay import draw_image

Numbers = npt.NDArray[np.floating]

INK, SIGNED = "Greys", "RdBu_r"  # colormaps without and with negative elements
LIGHTER = 1.6  # keeps the darkest cells grey, so that text on them is legible
OUTSIDE = "0.88"  # grey of cells without an element
MOST_WRITTEN = 49  # cells with their value


def draw_cells(
    ax: Axes, numbers: Numbers, texts: list[list[str]] | None = None, inside: npt.NDArray[np.bool_] | None = None
) -> None:
    """Draw a matrix (rows, columns) in colours, with zero in white.

    Parameters
    ----------
    texts : list of rows of str, optional
        Written into the cells.
    inside : bool (rows, columns), optional
        Cells that are False are grey and empty.
    """
    there = np.isfinite(numbers) if inside is None else inside & np.isfinite(numbers)
    known = numbers[there]
    limit = float(np.abs(known).max()) if known.size and known.any() else 1.0
    signed = bool((known < 0).any())
    colors = colormaps[SIGNED if signed else INK].with_extremes(bad=OUTSIDE)
    norm = Normalize(-limit, limit) if signed else Normalize(0, LIGHTER * limit)
    ax.imshow(np.ma.masked_array(numbers, ~there), cmap=colors, norm=norm, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
    if texts is None:
        return
    longest = max(len(text) for row in texts for text in row)
    size = min(10.0, 150.0 / (numbers.shape[1] * max(4, longest)) * 1.5)
    for place in np.argwhere(there).tolist():
        red, green, blue, _ = colors(norm(numbers[place[0], place[1]]))
        dark = 0.3 * red + 0.6 * green + 0.1 * blue < 0.5
        text = texts[place[0]][place[1]]
        ax.text(place[1], place[0], text, ha="center", va="center", fontsize=size, color="white" if dark else "black")


def draw_input(ax: Axes, image: Numbers, title: str) -> None:
    """Draw an input image (H, W, C); RGB values above 1 are scaled to a maximum of 1."""
    draw_image(ax, image / max(1.0, float(image.max())) if image.shape[2] == 3 else image, title)


def outline(ax: Axes, mask: npt.NDArray[np.bool_], color: str = "tab:red") -> None:
    """Draw the outline of a mask (rows, columns) over an image."""
    padded = np.pad(mask, 1)
    lines = []
    for row, column in np.argwhere(padded[1:, 1:-1] != padded[:-1, 1:-1]).tolist():  # between two rows
        lines.append([(column - 0.5, row - 0.5), (column + 0.5, row - 0.5)])
    for row, column in np.argwhere(padded[1:-1, 1:] != padded[1:-1, :-1]).tolist():
        lines.append([(column - 0.5, row - 0.5), (column - 0.5, row + 0.5)])
    halo = [withStroke(linewidth=3.4, foreground="white")]  # visible on any image
    ax.add_collection(LineCollection(lines, colors=color, linewidths=1.6, path_effects=halo, capstyle="round"))
