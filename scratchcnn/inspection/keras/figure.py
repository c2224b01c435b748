"""Figure of the differences between two runs and their tolerances: outputs, gradients, and weights over the steps."""

from __future__ import annotations

import os

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scratchcnn.inspection.keras.data import KerasComparisonData
from scratchcnn.inspection.keras.side_by_side import Row
from scratchcnn.plots.tiles import shortened
from scratchcnn.plots.training_lines import (
    MARKERS,
    depth_colours,
    finished,
    log_scale,
    names_beside,
    panels,
    whole_steps,
)

MOST_LETTERS = 22


def plot_keras_comparison(comparison: KerasComparisonData, to_file: str | os.PathLike[str] | None = None) -> Figure:
    """Draw differences and tolerances: of the first batch at the left, of each layer's weights over the steps.

    A difference above its tolerance is red. One that is zero is drawn at the lower edge.

    Parameters
    ----------
    comparison : KerasComparisonData
    to_file : path, optional
        A picture file to write.

    Returns
    -------
    Figure
    """
    first = [row for row in comparison.rows if row.place.stage != "weights"]
    figure, (left, right) = panels(2, 6.2, max(3.8, 0.2 * len(first) + 1.4))
    _draw_first(left, first)
    _draw_steps(right, comparison)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower left", ncols=4, fontsize=7.5, frameon=False)
    where = "no difference beyond rounding" if comparison.agrees else "what is red is beyond rounding"
    figure.suptitle(f"scratchcnn beside Keras on {comparison.backend}, {comparison.dtype}: {where}", fontsize=11)
    return finished(figure, to_file)


def _draw_first(ax: Axes, rows: list[Row]) -> None:
    """Outputs, loss and gradients of the first batch: a dot for the difference, a tick for the tolerance."""
    floor = _floor(rows)
    places = np.arange(len(rows))
    values = np.array([_seen(row, floor) for row in rows])
    tolerances = np.array([row.tolerance for row in rows])
    ax.hlines(places, floor, tolerances, color="0.88", linewidth=5, label="rounding may do this")
    ax.plot(tolerances, places, "|", color="0.4", markersize=9, label="tolerance")
    agrees = np.array([row.agrees for row in rows])
    ax.plot(values[agrees], places[agrees], "o", color="black", markersize=4.5, label="difference")
    if not agrees.all():
        ax.plot(values[~agrees], places[~agrees], "X", color="tab:red", markersize=7, label="beyond")
    ax.set_xscale("log")
    ax.set_xlim(floor / 2, max(values.max(), tolerances.max()) * 5)
    ax.set_yticks(places, [_name(row) for row in rows], fontsize=7.5, parse_math=False)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set(title="first batch, before any step", xlabel="largest difference")
    ax.grid(axis="x", color="0.92")


def _draw_steps(ax: Axes, comparison: KerasComparisonData) -> None:
    """The worst parameter of each layer after each step, and its tolerance as a dashed line of the same colour."""
    rows = [row for row in comparison.rows if row.place.stage == "weights"]
    names = list(dict.fromkeys(row.place.layer for row in rows))
    steps = np.arange(1, comparison.steps + 1)
    if not rows:
        ax.set_axis_off()
        return
    floor = _floor(rows)
    values = np.empty((len(names), len(steps), 2))
    for number, (name, colour) in enumerate(zip(names, depth_colours(len(names)), strict=True)):
        worst = [_worst([row for row in rows if row.place.layer == name and row.place.step == step]) for step in steps]
        values[number] = [(_seen(row, floor), row.tolerance) for row in worst]
        marker, label = MARKERS[number % len(MARKERS)], shortened(name, MOST_LETTERS)
        ax.plot(steps, values[number, :, 0], "-", marker=marker, color=colour, markersize=4, linewidth=1.2, label=label)
        ax.plot(steps, values[number, :, 1], "--", color=colour, linewidth=1)
        for step, row, value in zip(steps, worst, values[number, :, 0], strict=True):
            if not row.agrees:
                ax.plot(step, value, "X", color="tab:red", markersize=7)
    log_scale(ax, values)
    whole_steps(ax, steps)
    ax.plot([], [], "--", color="0.4", linewidth=1, label="tolerance")
    ax.set(title="weights after each step", xlabel="step", ylabel="largest difference")
    names_beside(ax)


def _worst(rows: list[Row]) -> Row:
    return max(rows, key=lambda row: np.inf if np.isnan(row.difference) else row.difference / row.tolerance)


def _floor(rows: list[Row]) -> float:
    """Where zero is drawn: a little below all other numbers."""
    known = [row.difference for row in rows if row.difference > 0 and np.isfinite(row.difference)]
    return min([*known, *(row.tolerance for row in rows)]) / 3


def _seen(row: Row, floor: float) -> float:
    """A difference where it can be drawn: zero at the floor, what is not finite at ten times the tolerance."""
    return max(row.difference, floor) if np.isfinite(row.difference) else row.tolerance * 10


def _name(row: Row) -> str:
    name = "/".join(part for part in (row.place.layer, row.place.parameter) if part)
    return f"{row.place.stage} {shortened(name, MOST_LETTERS)}".strip()
