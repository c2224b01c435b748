"""Figure of one weight over training, under one or several optimizers: value, gradient, state and updates."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scratchcnn.inspection.optimizer.microscope_data import WeightHistoryData
from scratchcnn.plots.tiles import shortened
from scratchcnn.plots.training_lines import finished, panels, whole_steps

COLOURS = ("black", "tab:orange", "tab:blue", "tab:green", "tab:purple")
STYLES = ("-", "--", "-.", ":", (0, (1, 1)))
MOST_LETTERS = 60


def plot_weight_histories(
    histories: Sequence[WeightHistoryData], to_file: str | os.PathLike[str] | None = None
) -> Figure:
    """Draw four panels: the weight, its gradient, what is remembered of it, and the steps, over training.

    Parameters
    ----------
    histories : sequence of WeightHistoryData
        The same weight under one or several optimizers.
    to_file : path, optional
        A picture file to write.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        No step was seen.
    """
    if not all(len(history.steps) for history in histories):
        raise ValueError("Expected at least one step to draw, received none; give the microscope to model.fit first.")
    figure, (weight, gradient, memory, step) = panels(4, 4.8, 3.0, columns=2)
    for number, history in enumerate(histories):
        colour, style = COLOURS[number % len(COLOURS)], STYLES[number % len(STYLES)]
        look: dict[str, Any] = {"color": colour, "linestyle": style, "label": history.optimizer, "linewidth": 1.2}
        steps = history.steps
        before = np.concatenate([history.before[:1], history.after])
        weight.plot([steps[0] - 1, *steps], before, **look)
        gradient.plot(steps, history.gradients, **look)
        step.plot(steps, history.changes, **look)
        _draw_memory(memory, history, colour, style)
    first = histories[0]
    weight.set(title="weight", ylabel="value stored")
    gradient.set(title="gradient", ylabel="d loss / d weight")
    memory.set(title="what is remembered", xlabel="step")
    step.set(title="step made", ylabel="after - before", xlabel="step")
    for ax in (weight, gradient, memory, step):
        whole_steps(ax, np.array([first.steps[0] - (ax is weight), first.steps[-1]]))
        ax.grid(color="0.9")
        ax.ticklabel_format(axis="y", style="sci", scilimits=(-3, 3))
        if ax.get_lines() and (len(histories) > 1 or ax is memory):
            ax.legend(fontsize=8)
    figure.suptitle(shortened(first.name, MOST_LETTERS), parse_math=False)
    return finished(figure, to_file)


def _draw_memory(ax: Axes, history: WeightHistoryData, colour: str, style: Any) -> None:
    """Adam: m_hat, and the root of v_hat around zero; SGD: the velocity; others: their slots."""
    steps = history.steps
    if history.optimizer == "Adam":
        ax.plot(steps, history.m_hat, color=colour, linestyle=style, linewidth=1.2, label="Adam: m_hat")
        root = np.sqrt(history.v_hat)
        ax.fill_between(steps, -root, root, color=colour, alpha=0.15, linewidth=0, label="Adam: ± sqrt(v_hat)")
        return
    for name, values in history.slots.items():
        ax.plot(steps, values, color=colour, linestyle=style, linewidth=1.2, label=f"{history.optimizer}: {name}")
