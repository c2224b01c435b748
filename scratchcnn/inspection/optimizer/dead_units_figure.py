"""Figure of ReLU activity: the fraction of images that activate each unit, layer by layer, dead units marked."""

from __future__ import annotations

import os
import textwrap

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from scratchcnn.inspection.optimizer.dead_units_data import DeadUnitsData
from scratchcnn.plots.tiles import LETTER, grid, shortened
from scratchcnn.plots.training_lines import finished, panels

MOST_LETTERS = 24
TITLE = 10.5  # points


def plot_dead_units(found: DeadUnitsData, to_file: str | os.PathLike[str] | None = None) -> Figure:
    """Draw a panel for each layer: its units, sorted by the share of the images for which they are not zero.

    Parameters
    ----------
    found : DeadUnitsData
    to_file : path, optional
        A picture file to write.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        No layer ends in ReLU.
    """
    if not found.layers:
        raise ValueError("Expected a layer that ends in ReLU, received a model without; there is nothing to draw.")
    figure, axes = panels(len(found.layers), 3.6, 3.0, columns=grid(len(found.layers))[1])
    for ax in axes[len(found.layers) :]:
        ax.set_axis_off()
    for ax, units in zip(axes, found.layers, strict=False):
        active = np.sort(units.active)
        dead = len(units.dead)
        places = np.arange(len(active))
        ax.bar(places, active, width=1.0, color="0.35", linewidth=0)
        if dead:
            ax.axvspan(-0.5, dead - 0.5, color="tab:red", alpha=0.35, linewidth=0)
        ax.set_title(
            f"{shortened(units.layer, MOST_LETTERS)}\n{dead:,} of {len(active):,} dead, {units.zeros:.0%} zeros",
            fontsize=9.5, parse_math=False,
        )  # fmt: skip
        ax.set(xlim=(-0.5, len(active) - 0.5), ylim=(0, 1.02), xlabel="units, sorted", ylabel="images not zero for")
        ax.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
        ax.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    title = f"For what share of {found.images:,} images each unit speaks (red: dead)"
    letters = int(figure.get_figwidth() * 72 / (LETTER * TITLE))
    figure.suptitle(textwrap.fill(title, letters), fontsize=TITLE)
    return finished(figure, to_file)
