"""Figures of training: one weight with one or several optimizers, gradient flow, update ratios, and dead units."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from scratchcnn.inspection.optimizer.lines_figure import layer_lines, names_beside, panels, whole_steps
from scratchcnn.operands import Array
from scratchcnn.plots.picture import finish
from scratchcnn.plots.tiles import LETTER, grid, shortened

COLOURS = ("black", "tab:orange", "tab:blue", "tab:green", "tab:purple")
STYLES = ("-", "--", "-.", ":", (0, (1, 1)))
MOST_LETTERS = 60  # of the name of a weight
MOST_LETTERS_OF_LAYER = 24
TITLE = 10.5  # points

FilePath = str | os.PathLike[str]


class Curves(NamedTuple):
    """One weight over K steps with one optimizer; `band` is drawn around zero in the panel of the optimizer state."""

    optimizer: str
    steps: Array  # (K,)
    weights: Array  # (K + 1,), before the first step and after each
    gradients: Array  # (K,)
    changes: Array  # (K,)
    state: Mapping[str, Array]  # (K,) each
    band: tuple[str, Array] | None  # label and half width (K,)


def plot_weight(name: str, histories: Sequence[Curves], to_file: FilePath | None) -> Figure:
    """Draw four panels: a weight, its gradient, the optimizer state, and the updates, one line for each optimizer."""
    if not all(len(history.steps) for history in histories):
        raise ValueError("Expected at least one step to draw, received none; pass the microscope to model.fit first.")
    figure, (weight, gradient, state, change) = panels(4, 4.8, 3.0, columns=2)
    for number, history in enumerate(histories):
        colour, style = COLOURS[number % len(COLOURS)], STYLES[number % len(STYLES)]
        look: dict[str, Any] = {"color": colour, "linestyle": style, "linewidth": 1.2}
        steps, optimizer = history.steps, history.optimizer
        weight.plot([steps[0] - 1, *steps], history.weights, label=optimizer, **look)
        gradient.plot(steps, history.gradients, label=optimizer, **look)
        change.plot(steps, history.changes, label=optimizer, **look)
        for label, values in history.state.items():
            state.plot(steps, values, label=f"{optimizer}: {label}", **look)
        if history.band is not None:
            label, half = history.band
            state.fill_between(steps, -half, half, color=colour, alpha=0.15, linewidth=0, label=f"{optimizer}: {label}")
    weight.set(title="Weight", ylabel="stored value")
    gradient.set(title="Gradient", ylabel="dL/dw")
    state.set(title="Optimizer state", xlabel="step")
    change.set(title="Update", ylabel="weight after - before", xlabel="step")
    steps = histories[0].steps
    for ax in (weight, gradient, state, change):
        whole_steps(ax, np.array([steps[0] - (ax is weight), steps[-1]]))
        ax.grid(color="0.9")
        ax.ticklabel_format(axis="y", style="sci", scilimits=(-3, 3))
        if ax.get_lines() and (len(histories) > 1 or ax is state):
            ax.legend(fontsize=8)
    figure.suptitle(shortened(name, MOST_LETTERS), parse_math=False)
    return finish(figure, to_file)


def plot_gradients(layers: Sequence[str], steps: Array, sizes: Array, to_file: FilePath | None) -> Figure:
    """Draw the root mean square (K, L) of each layer's gradient over the steps, on a logarithmic scale.

    A vanishing gradient lies far below the others, mostly in the first layers; an exploding one rises steeply. Where a
    gradient is zero, its line has a gap.
    """
    figure, ax = _lines_of_layers(layers, steps, sizes)
    ax.set(title="Gradient flow", xlabel="step", ylabel="root mean square of the gradient")
    names_beside(ax)
    return finish(figure, to_file)


def plot_ratios(
    layers: Sequence[str], steps: Array, ratios: Array, usual: tuple[float, float, float], to_file: FilePath | None
) -> Figure:
    """Draw the update-to-weight ratios (K, L) over the steps, and their usual range: lowest, typical and highest."""
    figure, ax = _lines_of_layers(layers, steps, ratios)
    low, high = ax.get_ylim()
    lowest, typical, highest = usual
    ax.set_ylim(min(low, lowest / 2), max(high, highest * 2))
    ax.axhspan(lowest, highest, color="0.93", zorder=0, label=f"usual: {lowest:g} to {highest:g}")
    ax.axhline(typical, color="0.4", linewidth=0.8, linestyle=(0, (6, 4)), label=f"rule of thumb: {typical:g}")
    ax.set(title="Update-to-weight ratio", xlabel="step", ylabel="|update| / |weights|")
    names_beside(ax)
    return finish(figure, to_file)


def _lines_of_layers(layers: Sequence[str], steps: Array, values: Array) -> tuple[Figure, Axes]:
    if not len(steps):
        raise ValueError("Expected at least one step to draw, received none; pass the watcher to model.fit first.")
    figure, (ax,) = panels(1)
    layer_lines(ax, steps, values, layers)
    return figure, ax


def plot_dead_units(layers: Sequence[tuple[str, Array, float]], images: int, to_file: FilePath | None) -> Figure:
    """Draw a panel for each layer, given its name, activity and sparsity: the activity of its units, sorted."""
    if not layers:
        raise ValueError("Expected a model with a layer that ends in ReLU, received none; there is nothing to draw.")
    figure, axes = panels(len(layers), 3.6, 3.0, columns=grid(len(layers))[1])
    for ax in axes[len(layers) :]:
        ax.set_axis_off()
    for ax, (name, active, zeros) in zip(axes, layers, strict=False):
        count, dead = len(active), int((active == 0).sum())
        ax.bar(np.arange(count), np.sort(active), width=1.0, color="0.35", linewidth=0)
        if dead:
            ax.axvspan(-0.5, dead - 0.5, color="tab:red", alpha=0.35, linewidth=0)
        title = f"{shortened(name, MOST_LETTERS_OF_LAYER)}\n{dead:,} of {count:,} dead, {zeros:.0%} zeros"
        ax.set_title(title, fontsize=9.5, parse_math=False)
        ax.set(xlim=(-0.5, count - 0.5), ylim=(0, 1.02), xlabel="units, sorted", ylabel="images with output > 0")
        ax.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
        ax.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    letters = int(figure.get_figwidth() * 72 / (LETTER * TITLE))
    title = f"Active ReLU units: fraction of {images:,} images (red: dead)"
    figure.suptitle(textwrap.fill(title, letters), fontsize=TITLE)
    return finish(figure, to_file)
