"""Figures of training: one weight with one or several optimizers, gradient flow, update ratios, and dead units."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from scratchcnn.operands import Array
from scratchcnn.plots.curves import whole_steps
from scratchcnn.plots.picture import finish, panels
from scratchcnn.plots.tiles import grid, shortened, wrapped

PANELS = {"Weight": "stored value", "Gradient": "dL/dw", "Optimizer state": "", "Update": "weight after - before"}
COLOURS = ("black", "tab:orange", "tab:blue", "tab:green", "tab:purple", "tab:brown", "tab:pink")
STYLES = ("-", "--", "-.", ":", (0, (1, 1)))
MARKERS = "os^Dv<>P"
MOST_LETTERS = 60  # of the name of a weight
MOST_LETTERS_OF_LAYER = 22
MOST_NAMES = 16  # in a legend
MOST_MARKERS = 20  # on a line
TITLE = 10.5  # points


def plot_weight(histories: Sequence[tuple[str, Any]], to_file: str | os.PathLike[str] | None) -> Figure:
    """Draw four panels: a weight, its gradient, the optimizer state, and the updates, one line for each optimizer.

    `histories` are labels and `WeightHistory` objects of the same weight. The state of Adam is drawn as m_hat with a
    band of ± sqrt(v_hat).
    """
    if not all(len(history.steps) for _, history in histories):
        raise ValueError("Expected at least one step to draw, received none; pass the microscope to model.fit first.")
    figure, axes = panels(4, 4.8, 3.0, columns=2)
    weight, gradient, state, change = axes
    for number, (label, history) in enumerate(histories):
        colour, style = COLOURS[number % len(COLOURS)], STYLES[number % len(STYLES)]
        look: dict[str, Any] = {"color": colour, "linestyle": style, "linewidth": 1.2}
        steps, adam = history.steps, history.optimizer in ("Adam", "AdamW")
        weight.plot([steps[0] - 1, *steps], [history.before[0], *history.after], label=label, **look)
        gradient.plot(steps, history.gradients, label=label, **look)
        change.plot(steps, history.changes, label=label, **look)
        for name, values in ({"m_hat": history.m_hat} if adam else history.slots).items():
            state.plot(steps, values, label=f"{label}: {name}", **look)
        if adam:
            half, name = np.sqrt(history.v_hat), f"{label}: ± sqrt(v_hat)"
            state.fill_between(steps, -half, half, color=colour, alpha=0.15, linewidth=0, label=name)
    first, last = histories[0][1].steps[[0, -1]]
    for ax, (title, quantity) in zip(axes, PANELS.items(), strict=True):
        ax.set(title=title, ylabel=quantity, xlabel="step" if ax in (state, change) else "")
        whole_steps(ax, first - (ax is weight), last)
        ax.grid(color="0.9")
        ax.ticklabel_format(axis="y", style="sci", scilimits=(-3, 3))
        if ax.get_lines() and (len(histories) > 1 or ax is state):
            ax.legend(fontsize=8)
    figure.suptitle(shortened(histories[0][1].name, MOST_LETTERS), parse_math=False)
    return finish(figure, to_file)


def plot_layers(
    flow: Any, values: Array, title: str, quantity: str, usual: Sequence[float], to_file: str | os.PathLike[str] | None
) -> Figure:
    """Draw values (K, L) of a `GradientFlow`, one line for each layer, on a logarithmic scale.

    Zeros and NaN leave gaps. `usual` is empty, or the lowest, typical and highest usual value.
    """
    if not len(flow.steps):
        raise ValueError("Expected at least one step to draw, received none; pass the watcher to model.fit first.")
    figure, (ax,) = panels(1)
    shown = np.where(np.isfinite(values) & (values > 0), values, np.nan)
    colours = colormaps["viridis"](np.linspace(0.0, 0.85, len(flow.layers)))  # they also differ in brightness
    every = -(-len(flow.steps) // MOST_MARKERS)
    for place, name in enumerate(flow.layers):
        ax.plot(
            flow.steps, shown[:, place], linestyle=STYLES[place % len(STYLES)], color=colours[place], linewidth=1.3,
            marker=MARKERS[place % len(MARKERS)], markersize=3.5, markevery=every,
            label=shortened(name, MOST_LETTERS_OF_LAYER),
        )  # fmt: skip
    if usual:
        lowest, typical, highest = usual
        ax.axhspan(lowest, highest, color="0.93", zorder=0, label=f"usual: {lowest:g} to {highest:g}")
        ax.axhline(typical, color="0.4", linewidth=0.8, linestyle=(0, (6, 4)), label=f"rule of thumb: {typical:g}")
    powers = np.log10([*shown[np.isfinite(shown)], *usual] or [0.1, 1.0])
    low, high = powers.min(), powers.max()
    ax.set_yscale("log")
    ax.set_ylim(10 ** min(np.floor(low), low - 0.15), 10 ** max(np.ceil(high), high + 0.15))
    ax.yaxis.set_major_locator(LogLocator(numticks=10))
    ax.yaxis.set_minor_formatter(NullFormatter())
    whole_steps(ax, flow.steps[0], flow.steps[-1])
    ax.grid(color="0.9")
    ax.set(title=title, xlabel="step", ylabel=quantity)
    handles, names = ax.get_legend_handles_labels()
    if len(names) > MOST_NAMES:
        half = MOST_NAMES // 2
        handles, names = [*handles[:half], *handles[-half:]], [*names[:half], *names[-half:]]
    ax.legend(handles, names, loc="center left", bbox_to_anchor=(1.02, 0.5), fontsize=8, frameon=False)
    return finish(figure, to_file)


def plot_dead_units(found: Any, to_file: str | os.PathLike[str] | None) -> Figure:
    """Draw a panel for each layer of `DeadUnits`: the activity of its units, sorted."""
    if not found.layers:
        raise ValueError("Expected a model with a layer that ends in ReLU, received none; there is nothing to draw.")
    figure, axes = panels(len(found.layers), 3.6, 3.0, columns=grid(len(found.layers))[1])
    for ax in axes[len(found.layers) :]:
        ax.set_axis_off()
    for ax, units in zip(axes, found.layers, strict=False):
        count, dead = len(units.active), len(units.dead)
        ax.bar(np.arange(count), np.sort(units.active), width=1.0, color="0.35", linewidth=0)
        if dead:
            ax.axvspan(-0.5, dead - 0.5, color="tab:red", alpha=0.35, linewidth=0)
        title = f"{shortened(units.layer, MOST_LETTERS_OF_LAYER)}\n{dead:,} of {count:,} dead, {units.zeros:.0%} zeros"
        ax.set_title(title, fontsize=9.5, parse_math=False)
        ax.set(xlim=(-0.5, count - 0.5), ylim=(0, 1.02), xlabel="units, sorted", ylabel="images with output > 0")
        ax.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
        ax.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    title = f"Active ReLU units: fraction of {found.images:,} images (red: dead)"
    figure.suptitle(wrapped(title, 72 * figure.get_figwidth(), TITLE), fontsize=TITLE)
    return finish(figure, to_file)
