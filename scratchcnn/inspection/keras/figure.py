"""Figure of the comparison with Keras: the difference of each array, and its tolerance."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from scratchcnn.inspection.keras.side_by_side import Row
from scratchcnn.plots.picture import finish, panels
from scratchcnn.plots.tiles import shortened

MOST_LETTERS = 38  # as many as batch_normalization_1/moving_variance has


def plot_keras_comparison(
    rows: Sequence[tuple[str, Row]], title: str, to_file: str | os.PathLike[str] | None
) -> Figure:
    """Draw a dot for the largest difference of each array, and a tick for its tolerance, on a logarithmic scale.

    Differences above their tolerance are red. Zero is drawn left of all other values, NaN at ten times the tolerance.
    """
    differences, tolerances = np.array([(row.difference, row.tolerance) for _, row in rows]).T
    finite, beyond = np.isfinite(differences), np.array([not row.agrees for _, row in rows])
    floor = min([*differences[finite & (differences > 0)], *tolerances]) / 3
    values = np.where(finite, np.maximum(differences, floor), 10 * tolerances)
    places = np.arange(len(rows))
    figure, (ax,) = panels(1, 7.4, max(3.8, 0.2 * len(rows) + 1.6))
    ax.hlines(places, floor / 2, tolerances, color="0.88", linewidth=5, label="within rounding")
    ax.plot(tolerances, places, "|", color="0.4", markersize=9, label="tolerance")
    ax.plot(values[~beyond], places[~beyond], "o", color="black", markersize=4.5, label="difference")
    if beyond.any():
        ax.plot(values[beyond], places[beyond], "X", color="tab:red", markersize=7, label="more than rounding")
    ax.set_xscale("log")
    ax.set_xlim(floor / 2, max(values.max(), tolerances.max()) * 5)
    names = [": ".join(filter(None, (stage, shortened(row.place.name, MOST_LETTERS)))) for stage, row in rows]
    ax.set_yticks(places, names, fontsize=7.5, parse_math=False)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set(xlabel="largest difference")
    ax.grid(axis="x", color="0.92")
    figure.legend(loc="outside lower left", ncols=4, fontsize=7.5, frameon=False)
    figure.suptitle(title, fontsize=11)
    return finish(figure, to_file)
