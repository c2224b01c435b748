"""Figure of the error of a central difference against its step, with the expected truncation and rounding errors."""

from __future__ import annotations

import os

import numpy as np
from matplotlib.figure import Figure

from scratchcnn.operands import Array
from scratchcnn.plots.picture import check_file, finish, new_axes


def plot_step_sweep(
    title: str, steps: Array, errors: Array, smooth: Array, truncation: Array, rounding: Array,
    to_file: str | os.PathLike[str] | None,
) -> Figure:  # fmt: skip
    """Draw the errors of a `StepSweep` over its steps, each (S,), in a log-log plot."""
    check_file(to_file)
    figure, axes = new_axes(6.4, 4.6)
    floor = min(values[values > 0].min(initial=np.inf) for values in (errors, rounding)) / 3
    shown = np.maximum(errors, floor)  # an error of exactly zero has no logarithm
    axes.loglog(steps, shown, "-", color="0.6", linewidth=1)
    for chosen, face, label in ((smooth, "black", "measured"), (~smooth, "white", "measured across a kink")):
        if chosen.any():
            axes.loglog(steps[chosen], shown[chosen], "o", color="black", markerfacecolor=face, label=label)
    for values, style, color, label in (
        (truncation, "--", "tab:blue", "truncation: |loss'''| h² / 6, slope 2"),
        (rounding, ":", "tab:orange", "rounding: noise / (√2 h), slope −1"),
    ):
        visible = values >= floor
        if visible.any():
            axes.loglog(steps[visible], values[visible], style, color=color, linewidth=2, label=label)
    axes.set(xlabel="step h", ylabel="|numerical − analytic gradient|", title=title)
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.legend(loc="upper center", fontsize="small")
    axes.set_ylim(top=axes.get_ylim()[1] * 300)  # room for the legend
    return finish(figure, to_file)
