"""Common elements of figures of training: a line for each layer, colored by depth, with a legend at the right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from scratchcnn.plots.picture import new_figure
from scratchcnn.plots.tiles import shortened

STYLES = ("-", "--", "-.", ":")
MARKERS = "os^Dv<>P"
MOST_LETTERS = 22  # of a layer name
MOST_NAMES = 16  # in a legend
MOST_MARKERS = 20  # on a line


def depth_colours(count: int) -> list[tuple[float, float, float, float]]:
    """Return colors from the first layer (dark) to the last (light), which also differ in brightness."""
    return [colormaps["viridis"](position) for position in np.linspace(0.0, 0.85, count)]


def layer_lines(
    ax: Axes, steps: npt.NDArray[np.integer], values: npt.NDArray[np.floating], names: Sequence[str]
) -> None:
    """Draw one line for each layer over the steps, on a logarithmic scale; zeros and NaN leave gaps.

    Parameters
    ----------
    steps : (K,)
    values : (K, L)
    names : L layers
    """
    colours = depth_colours(len(names))
    every = max(1, -(-len(steps) // MOST_MARKERS))
    shown = np.where(np.isfinite(values) & (values > 0), values, np.nan)
    for place, name in enumerate(names):
        ax.plot(
            steps, shown[:, place], STYLES[place % len(STYLES)], color=colours[place], markersize=3.5, linewidth=1.3,
            marker=MARKERS[place % len(MARKERS)], markevery=every, label=shortened(name, MOST_LETTERS),
        )  # fmt: skip
    log_scale(ax, shown)
    whole_steps(ax, steps)


def log_scale(ax: Axes, values: npt.NDArray[np.floating]) -> None:
    """Make the y axis logarithmic, with at least two powers of ten."""
    known = values[np.isfinite(values) & (values > 0)]
    ax.set_yscale("log")
    low, high = (np.log10(known.min()), np.log10(known.max())) if len(known) else (-1.0, 0.0)
    ax.set_ylim(10 ** min(np.floor(low), low - 0.15), 10 ** max(np.ceil(high), high + 0.15))
    ax.yaxis.set_major_locator(LogLocator(numticks=10))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.grid(color="0.9")


def whole_steps(ax: Axes, steps: npt.NDArray[np.integer]) -> None:
    """Set ticks at whole numbers of steps."""
    space = max(0.5, 0.02 * (steps[-1] - steps[0]))
    ax.set_xlim(steps[0] - space, steps[-1] + space)
    ticks = MaxNLocator(nbins=6, integer=True, min_n_ticks=1).tick_values(steps[0], steps[-1])
    ax.set_xticks([tick for tick in ticks if steps[0] <= tick <= steps[-1]])


def names_beside(ax: Axes) -> None:
    """Add a legend at the right of a panel, for many layers with the first and the last ones only."""
    handles, names = ax.get_legend_handles_labels()
    if len(names) > MOST_NAMES:
        half = MOST_NAMES // 2
        handles, names = [*handles[:half], *handles[-half:]], [*names[:half], *names[-half:]]
    ax.legend(handles, names, loc="center left", bbox_to_anchor=(1.02, 0.5), fontsize=8, frameon=False)


def panels(
    count: int, width: float = 6.6, height: float = 3.8, columns: int | None = None
) -> tuple[Figure, list[Axes]]:
    """Create a figure with `count` panels in rows of `columns`."""
    columns = columns or count
    rows = -(-count // columns)
    figure = new_figure(width * columns, height * rows)
    figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)
