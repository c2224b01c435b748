"""Figure of the comparison with Keras: differences and tolerances of the first batch, and of the weights over steps."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scratchcnn.inspection.keras.side_by_side import Row
from scratchcnn.inspection.optimizer.lines_figure import (
    MARKERS,
    depth_colours,
    log_scale,
    names_beside,
    panels,
    whole_steps,
)
from scratchcnn.plots.picture import finish
from scratchcnn.plots.tiles import shortened

MOST_LETTERS = 22


def plot_keras_comparison(rows: Sequence[Row], title: str, to_file: str | os.PathLike[str] | None = None) -> Figure:
    """Draw differences and tolerances: of the first batch on the left, of each layer's weights over the steps.

    A difference above its tolerance is red. One that is zero is drawn at the lower end of the axis.

    Parameters
    ----------
    rows : sequence of Row
        Those of a `KerasComparison`.
    title : str
    to_file : path, optional
        An image file to write.

    Returns
    -------
    Figure
    """
    first = [row for row in rows if row.place.stage != "weights"]
    figure, (left, right) = panels(2, 6.2, max(3.8, 0.2 * len(first) + 1.4))
    _draw_first_batch(left, first)
    _draw_steps(right, [row for row in rows if row.place.stage == "weights"])
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower left", ncols=4, fontsize=7.5, frameon=False)
    figure.suptitle(title, fontsize=11)
    return finish(figure, to_file)


def _draw_first_batch(ax: Axes, rows: Sequence[Row]) -> None:
    """Outputs, loss and gradients of the first batch: a dot for the difference, a tick for the tolerance."""
    floor = _floor(rows)
    places = np.arange(len(rows))
    values = np.array([_drawn(row, floor) for row in rows])
    tolerances = np.array([row.tolerance for row in rows])
    ax.hlines(places, floor, tolerances, color="0.88", linewidth=5, label="within rounding")
    ax.plot(tolerances, places, "|", color="0.4", markersize=9, label="tolerance")
    agrees = np.array([row.agrees for row in rows])
    ax.plot(values[agrees], places[agrees], "o", color="black", markersize=4.5, label="difference")
    if not agrees.all():
        ax.plot(values[~agrees], places[~agrees], "X", color="tab:red", markersize=7, label="more than rounding")
    ax.set_xscale("log")
    ax.set_xlim(floor / 2, max(values.max(), tolerances.max()) * 5)
    names = [f"{row.place.stage} {shortened(row.place.name, MOST_LETTERS)}".strip() for row in rows]
    ax.set_yticks(places, names, fontsize=7.5, parse_math=False)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set(title="First batch, before the first step", xlabel="largest difference")
    ax.grid(axis="x", color="0.92")


def _draw_steps(ax: Axes, rows: Sequence[Row]) -> None:
    """The worst parameter of each layer after each step, and its tolerance as a dashed line of the same color."""
    if not rows:
        ax.set_axis_off()
        return
    floor = _floor(rows)
    names = list(dict.fromkeys(row.place.layer for row in rows))
    steps = np.arange(1, rows[-1].place.step + 1)
    drawn = []
    for number, (name, colour) in enumerate(zip(names, depth_colours(len(names)), strict=True)):
        of_layer = [[row for row in rows if row.place.step == step and row.place.layer == name] for step in steps]
        worst = [max(of_step, key=lambda row: row.share_of_tolerance) for of_step in of_layer]
        values = np.array([_drawn(row, floor) for row in worst])
        tolerances = np.array([row.tolerance for row in worst])
        marker, label = MARKERS[number % len(MARKERS)], shortened(name, MOST_LETTERS)
        ax.plot(steps, values, "-", marker=marker, color=colour, markersize=4, linewidth=1.2, label=label)
        ax.plot(steps, tolerances, "--", color=colour, linewidth=1)
        differs = [not row.agrees for row in worst]
        ax.plot(steps[differs], values[differs], "X", color="tab:red", markersize=7)
        drawn += [values, tolerances]
    log_scale(ax, np.array(drawn))
    whole_steps(ax, steps)
    ax.plot([], [], "--", color="0.4", linewidth=1, label="tolerance")
    ax.set(title="Weights after each step", xlabel="step", ylabel="largest difference")
    names_beside(ax)


def _floor(rows: Sequence[Row]) -> float:
    """Return where zero is drawn: a little below all other values."""
    known = [row.difference for row in rows if row.difference > 0 and np.isfinite(row.difference)]
    return min([*known, *(row.tolerance for row in rows)]) / 3


def _drawn(row: Row, floor: float) -> float:
    """Return the difference where it can be drawn: zero at the floor, NaN or infinity at ten times the tolerance."""
    return max(row.difference, floor) if np.isfinite(row.difference) else row.tolerance * 10
