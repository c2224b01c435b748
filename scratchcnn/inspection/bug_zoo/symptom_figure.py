"""Figure of a symptom of the bug zoo: training losses with and without the bug."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from scratchcnn.operands import Array
from scratchcnn.plots.picture import check_file, finish, new_axes

HIGHEST = 20.0  # times the largest healthy loss: upper limit of the axis
TITLE_WIDTH = 72  # characters


def plot_symptom(title: Sequence[str], losses: Mapping[str, Array], to_file: str | os.PathLike[str] | None) -> Figure:
    """Draw training losses by their labels over the steps, the healthy ones first; a vertical line marks a NaN."""
    check_file(to_file)
    figure, axes = new_axes(6.4, 4.2)
    for (label, values), style, color in zip(losses.items(), ("-", "--"), ("black", "tab:orange"), strict=True):
        finite = np.isfinite(values)
        axes.plot(np.flatnonzero(finite) + 1, values[finite], style, color=color, label=label)
        if not finite.all():
            at = f"{label}: NaN after {finite.sum()} steps"
            axes.axvline(len(values), linestyle=":", color=color, linewidth=2, label=at)
    axes.set_ylim(0, min(axes.get_ylim()[1], HIGHEST * float(np.nanmax(next(iter(losses.values()))))))
    axes.set_title("\n".join(part for line in title for part in textwrap.wrap(line, TITLE_WIDTH)), fontsize="medium")
    axes.set(xlabel="step", ylabel="loss of the batch (nats)")
    axes.grid(color="0.9")
    axes.legend()
    return finish(figure, to_file)
