"""Figure of the error of a central difference against its step, with the expected truncation and rounding errors."""

from __future__ import annotations

import os

import numpy as np
from matplotlib.figure import Figure

from scratchcnn.inspection.gradients.step_sweep_data import StepSweepData
from scratchcnn.plots.picture import check_path, new_figure, save


def plot_step_sweep(sweep: StepSweepData, to_file: str | os.PathLike[str] | None = None) -> Figure:
    """Draw a StepSweep in logarithms.

    Parameters
    ----------
    sweep : StepSweepData
        What `inspection.sweep_step` returned.
    to_file : str or path, optional
        Where to write the picture.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError, OSError
        `to_file` has another ending, or cannot be written.
    """
    if to_file is not None:
        check_path(to_file)
    figure = new_figure(6.4, 4.6)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    lowest = sweep.errors[sweep.errors > 0].min(initial=np.inf)
    floor = min(lowest, float(sweep.rounding.min())) / 3 if np.isfinite(lowest) else float(sweep.rounding.min()) / 3
    errors = np.maximum(sweep.errors, floor)  # an error of exactly zero has no logarithm
    axes.loglog(sweep.steps, errors, "-", color="0.6", linewidth=1)
    for chosen, face, label in ((sweep.smooth, "black", "measured"), (~sweep.smooth, "white", "measured, over a kink")):
        if chosen.any():
            axes.loglog(sweep.steps[chosen], errors[chosen], "o", color="black", markerfacecolor=face, label=label)
    for values, style, colour, label in (
        (sweep.truncation, "--", "tab:blue", "truncation: |loss'''| h² / 6, slope 2"),
        (sweep.rounding, ":", "tab:orange", "rounding: noise / (√2 h), slope −1"),
    ):
        seen = values >= floor
        if seen.any():
            axes.loglog(sweep.steps[seen], values[seen], style, color=colour, linewidth=2, label=label)
    place = ", ".join(map(str, sweep.index))
    remark = "\nflat bottom: backward is wrong, or this is a kink" if sweep.flat else ""
    axes.set(
        xlabel="step h", ylabel="|difference − backward|", title=f"Central difference of {sweep.array}[{place}]{remark}"
    )
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.legend(loc="upper center", fontsize="small")
    axes.set_ylim(top=axes.get_ylim()[1] * 300)  # room for the legend
    if to_file is not None:
        save(figure, to_file)
    return figure
