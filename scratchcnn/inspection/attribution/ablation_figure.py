"""Figure of a filter ablation: increase of the loss, and decrease of each class's recall, filter by filter."""

from __future__ import annotations

import os

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scratchcnn.inspection.attribution.ablation_data import FilterAblationData
from scratchcnn.plots.overlay import SIGNED, color_bar, finish
from scratchcnn.plots.picture import check_path, new_figure
from scratchcnn.plots.tiles import TITLE_SIZE, shortened

STEP = 0.17  # inches of one filter
LEAST, MOST = 4.2, 14.0  # inches of all
ROW = 0.2  # inches of one class
MOST_NAMED = 80  # filters that have their numbers below them; of more, some have


def plot_filter_ablation(found: FilterAblationData, to_file: str | os.PathLike[str] | None = None) -> Figure:
    """Draw a bar for each filter, the one that matters most first, and below it what each class loses.

    Parameters
    ----------
    found : FilterAblationData
        What `inspection.filter_ablation` returned.
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
    if to_file is not None:
        check_path(to_file)  # before anything is drawn
    filters, classes = found.right.shape
    wide, high = min(MOST, max(LEAST, STEP * filters)), min(8.0, max(1.4, ROW * classes))
    figure = new_figure(wide + 1.8, 1.9 + high + 1.3)
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[1.9, high])
    order = found.order
    rises = found.rises[order]
    above.bar(range(filters), rises, color=np.where(rises >= 0, "0.35", "steelblue").tolist(), width=0.75)
    above.axhline(0, color="black", linewidth=0.8)
    above.set_ylabel("rise of the loss, nats", fontsize=8.5)
    above.tick_params(labelsize=8)
    above.tick_params(axis="x", length=0, labelbottom=False)
    above.spines[["top", "right", "bottom"]].set_visible(False)
    falls = 100 * found.recall_falls[order].T  # (classes, F)
    limit = float(np.nanmax(np.abs(falls))) or 1.0
    drawn = below.imshow(falls, cmap=SIGNED, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    _name_axes(below, found, order.tolist())
    color_bar(drawn, below, "fall of recall, points")
    title = f"What is lost without each {found.kind} of {shortened(found.layer, 20)!r}"
    whole = f"with all: loss {found.loss:.3f}, accuracy {found.accuracy:.1%}"
    figure.suptitle(title, fontsize=TITLE_SIZE, parse_math=False)
    above.set_title(whole, fontsize=9.5)
    return finish(figure, to_file)


def _name_axes(ax: Axes, found: FilterAblationData, order: list[int]) -> None:
    """Numbers of filters below, of classes to the left."""
    every = -(-len(order) // MOST_NAMED)
    places = list(range(0, len(order), every))
    turned = 90 if len(order) > LEAST / STEP / 1.2 else 0
    ax.set_xticks(places, [str(order[place]) for place in places], rotation=turned, fontsize=7.5)
    step = -(-found.right.shape[1] // 20)
    classes = list(range(0, found.right.shape[1], step))
    ax.set_yticks(classes, [str(number) for number in classes], fontsize=8)
    ax.tick_params(length=0)
    ax.set_xlabel(f"{found.kind}, the one that matters most first", fontsize=8.5)
    ax.set_ylabel("class", fontsize=8.5)
