"""Figure of the probability of a class for each translation of an image, changed predictions marked."""

from __future__ import annotations

import os

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from scratchcnn.inspection.attribution.shifts_data import PixelShiftsData
from scratchcnn.plots.overlay import color_bar, draw_image, finish, panel_title, panels
from scratchcnn.plots.tiles import points_of

LARGEST, SMALLEST = 10.0, 5.0  # points of an answer in its cell; smaller ones are left out
MOST_TICKS = 11


def plot_pixel_shifts(found: PixelShiftsData, to_file: str | os.PathLike[str] | None = None) -> Figure:
    """Draw the image, and a square of cells, one for each shift: its shade is the probability, its number the answer.

    Parameters
    ----------
    found : PixelShiftsData
        What `inspection.pixel_shifts` returned.
    to_file : str, path or None
        Where to write the picture. None: nowhere.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError, OSError
        As `picture.save`.
    """
    title = f"Pixel shifts: class {found.label} when the image is moved"
    figure, (left, right) = panels(2, found.image, title, to_file)
    before = found.probabilities[found.most, found.most]
    draw_image(left, found.image, f"unmoved: {found.answer} ({before[found.answer]:.1%})")
    end = found.most + 0.5
    drawn = right.imshow(
        found.map, cmap="Greys", vmin=0, vmax=1, extent=(-end, end, end, -end), interpolation="nearest"
    )
    _write_answers(right, found)
    step = -(-(2 * found.most + 1) // MOST_TICKS)
    ticks = [tick for tick in range(-found.most, found.most + 1) if tick % step == 0]
    names = [f"{tick:+d}" if tick else "0" for tick in ticks]
    right.set_xticks(ticks, names, fontsize=8)
    right.set_yticks(ticks, names, fontsize=8)
    right.set_xlabel("pixels to the right", fontsize=8.5)
    right.set_ylabel("pixels down", fontsize=8.5)
    changed = int((found.answers != found.answer).sum())
    others = found.map.size - 1
    panel_title(right, f"answer changes in {changed} of {others}" if changed else f"same answer in all {others}")
    color_bar(drawn, right, f"probability of class {found.label}")
    return finish(figure, to_file)


def _write_answers(ax: Axes, found: PixelShiftsData) -> None:
    """The answer in each cell; red and framed where it is another than that of the unmoved image."""
    ax.figure.figure.draw_without_rendering()  # so that the layout is known, and with it the size of a cell
    longest = len(str(int(found.answers.max())))
    size = min(LARGEST, 0.8 * min(points_of(ax)) / (2 * found.most + 1) / max(1.0, 0.64 * longest))
    for (row, column), answer in np.ndenumerate(found.answers):
        x, y = column - found.most, row - found.most
        changed = answer != found.answer
        if changed:
            ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, edgecolor="firebrick", linewidth=1.2))
        if size >= SMALLEST:
            dark = found.map[row, column] > 0.5
            colour = ("lightcoral" if dark else "firebrick") if changed else ("0.9" if dark else "black")
            ax.text(x, y, str(answer), fontsize=size, color=colour, ha="center", va="center")
