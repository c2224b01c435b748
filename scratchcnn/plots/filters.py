"""Draws the filters of a convolution as a sheet in one scale: what a layer looks for."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from scratchcnn.layers import Conv2D
from scratchcnn.layers.base import Layer
from scratchcnn.names import look_up
from scratchcnn.plots.picture import new_figure
from scratchcnn.plots.tiles import LETTER, LINE, MOST_TILES, SMALLEST, TITLE_SIZE, grid, points_of, shortened
from scratchcnn.sequential import Sequential

GAP = 0.35  # between filters, as a share of a filter's side
TILE = 0.5  # inches of a filter's longer side
LEAST_WIDTH = 4.0  # inches of a figure, for the title
LEAST_HEIGHT, MOST_WIDTH = 1.2, 8.0  # inches of a sheet that is made larger
LEAST_TITLE = 260.0  # points of a line of it
NO_BREAK = "\N{NO-BREAK SPACE}"
SIDE, TOP, BOTTOM = 1.0, 0.5, 0.3  # inches around the sheet: numbers and colour bar, a title of two lines, a note

Array = npt.NDArray[np.floating]


class Shown(NamedTuple):
    """What is drawn of a kernel.

    Attributes
    ----------
    weights : (KH, KW, D, F)
        D pictures of each filter.
    title, note : str
        What they are, to stand behind the title and below the sheet; '' for nothing.
    numbers : list of int or None
        For each filter, which channel was chosen.
    """

    weights: Array
    title: str
    note: str
    numbers: list[int] | None = None


def plot_filters(layer: Sequential | Conv2D, ax: Axes | None = None, channels: str | None = None) -> Axes:
    """Draw the filters of a convolution, all in the same symmetric scale.

    Zero is the middle grey. As a digit is drawn as dark ink, a dark weight counts for ink at its place and a light one
    counts against it.

    Parameters
    ----------
    layer : Sequential or Conv2D
        A built layer, or a model, of which the first Conv2D is meant.
    ax : Axes, optional
        Where to draw; the colour bar takes some of its room. Default: a new figure.
    channels : {'all', 'strongest', 'mean'}, optional
        What to show of a layer with several input channels: all of them side by side; of each filter the one with the
        greatest sum of squares, with its number above; or the mean over them. Default: all, or the strongest where all
        were more than 400 pictures. The title says which.

    Returns
    -------
    Axes
        `save(axes, 'filters.png')` writes it.

    Raises
    ------
    TypeError
        Neither a model nor a Conv2D.
    ValueError
        The model has no Conv2D, the layer has no weights yet, or they hold NaN or infinity; `channels` is none of
        those, or 'all' are too many.

    Notes
    -----
    Filter f is kernel[:, :, c, f], shape (KH, KW), for each channel c of the input; with several channels they lie side
    by side in one frame, from left to right.

    Examples
    --------
    >>> plot_filters(Sequential([Conv2D(4, 3, input_shape=(28, 28, 1))])).get_title()[:21]
    "4 filters of 'conv2d'"
    """
    chosen = _find(layer)
    shown = _chosen_channels(_check(chosen), channels)
    kernel = shown.weights
    height, width, side_by_side, filters = kernel.shape
    frame = side_by_side * width + (side_by_side - 1) * GAP / 2 * min(height, width)  # of one filter's channels
    gap = GAP * min(height, width)
    rows, columns = grid(filters, frame + gap, height + gap)
    sheet = (columns * (frame + gap), rows * (height + gap))
    own, title = ax is None, _title(chosen, shown)
    if ax is None:
        unit = TILE / max(height, width)
        ax = _new_axes(sheet[0] * unit, sheet[1] * unit, title)
    limit = float(np.abs(kernel).max()) or 1.0
    for number in range(filters):
        row, column = divmod(number, columns)
        left, top = column * (frame + gap), row * (height + gap)
        _draw_filter(ax, kernel[..., number], left, top, limit)
        if shown.numbers is not None:
            channel = str(shown.numbers[number])
            ax.text(left + width / 2, top - 0.04 * gap, channel, ha="center", va="bottom", fontsize=SMALLEST)
    ax.set(xlim=(-gap / 2, sheet[0] - gap / 2), ylim=(sheet[1] - gap / 2, -gap / 2))
    ax.set_title(_wrapped(title, points_of(ax)[0]), fontsize=TITLE_SIZE, parse_math=False)
    _label(ax, shown, [row * (height + gap) + height / 2 for row in range(rows)], columns)
    bar = ax.inset_axes((sheet[0], 0, gap, sheet[1] - gap), transform=ax.transData) if own else None
    ax.figure.colorbar(ax.images[0], cax=bar, ax=None if own else ax, label="weight")
    return ax


def _find(layer: object) -> Conv2D:
    """The layer itself, or the first Conv2D of a model."""
    if isinstance(layer, Conv2D):
        return layer
    if isinstance(layer, Layer):
        raise TypeError(f"Expected a Conv2D, whose weights are filters, received {layer.label}; give model.layers[0].")
    if not isinstance(layer, Sequential):
        raise TypeError(f"Expected a Sequential or a Conv2D, received {layer!r}.")
    for each in layer.layers:
        if isinstance(each, Conv2D):
            return each
    raise ValueError("Expected a model with a Conv2D, received one without; only convolutions have filters.")


def _check(layer: Conv2D) -> Array:
    """The filters (KH, KW, C, F) of a built layer."""
    if "kernel" not in layer.params:
        raise ValueError(
            f"Expected a layer with weights, received {layer.label} before it is built; give input_shape to the "
            "model's first layer, or call model.build((None, 28, 28, 1)) or fit."
        )
    kernel = layer.params["kernel"]
    if not np.isfinite(kernel).all():
        raise ValueError(f"Expected finite weights, received NaN or infinity in {layer.label}; train the model anew.")
    return kernel


def _new_axes(width: float, height: float, title: str) -> Axes:
    """Axes of so many inches in the middle of a new figure; few or flat filters are drawn larger."""
    larger = max(1.0, min(LEAST_HEIGHT / height, MOST_WIDTH / width))
    width, height = width * larger, height * larger
    more_lines = max(0, _wrapped(title, width * 72).count("\n") - 1)
    whole, high = max(LEAST_WIDTH, width + 2 * SIDE), TOP + more_lines * LINE * TITLE_SIZE / 72 + height + BOTTOM
    figure = new_figure(whole, high)
    return figure.add_axes(((1 - width / whole) / 2, BOTTOM / high, width / whole, height / high))


def _draw_filter(ax: Axes, weights: Array, left: float, top: float, limit: float) -> None:
    """One filter (KH, KW, C) in a frame, its channels side by side."""
    height, width, channels = weights.shape
    step = width + GAP / 2 * min(height, width)
    for channel in range(channels):
        x = left + channel * step
        box = (x, x + width, top + height, top)
        ax.imshow(weights[..., channel], cmap="gray_r", vmin=-limit, vmax=limit, extent=box, interpolation="nearest")
        ax.add_patch(Rectangle((x, top), width, height, fill=False, edgecolor="black", linewidth=0.5))


def _chosen_channels(kernel: Array, channels: str | None) -> Shown:
    """What to draw of a kernel (KH, KW, C, F)."""
    ways: dict[str, Callable[[Array], Shown]] = {"all": _all_channels, "strongest": _strongest, "mean": _mean}
    count, filters = kernel.shape[2:]
    fits = count * filters <= MOST_TILES
    way = look_up("channels", ("all" if fits or count == 1 else "strongest") if channels is None else channels, ways)
    if way is _all_channels and count > 1 and not fits:
        raise ValueError(
            f"Expected at most {MOST_TILES} pictures on a sheet, received {filters} filters of {count} channels; use "
            "channels='strongest' or 'mean'."
        )
    return way(kernel) if count > 1 else _all_channels(kernel)


def _all_channels(kernel: Array) -> Shown:
    channels = kernel.shape[2]
    return Shown(kernel, "", f"{channels} channels of each filter side by side" if channels > 1 else "")


def _strongest(kernel: Array) -> Shown:
    energy = np.square(kernel, dtype=np.float64).sum(axis=(0, 1))  # (C, F)
    chosen = energy.argmax(axis=0)
    weights = np.take_along_axis(kernel, chosen[None, None, None], axis=2)  # (KH, KW, 1, F)
    return Shown(weights, "the strongest channel of each", "above each filter: its strongest channel", chosen.tolist())


def _mean(kernel: Array) -> Shown:
    return Shown(kernel.mean(axis=2, keepdims=True), "the mean over the channels", "")


def _title(layer: Conv2D, shown: Shown) -> str:
    """What is drawn."""
    height, width, channels, filters = layer.params["kernel"].shape
    size = f"{height} × {width}" + (f" × {channels} channels" if channels > 1 else "")
    title = f"{filters} filter{'s' * (filters > 1)} of {shortened(layer.label, 28)}, {size.replace(' ', NO_BREAK)}"
    return f"{title}: {shown.title}" if shown.title else title


def _wrapped(title: str, points: float) -> str:
    """A title in lines above axes of so many points."""
    return textwrap.fill(title, int(max(points, LEAST_TITLE) / (LETTER * TITLE_SIZE)))


def _label(ax: Axes, shown: Shown, middles: list[float], columns: int) -> None:
    """At each row which filters stand in it, and a note below."""
    filters = shown.weights.shape[3]
    firsts = range(0, filters, columns)
    ends = [min(first + columns, filters) - 1 for first in firsts]
    names = [str(first) if first == end else f"{first}–{end}" for first, end in zip(firsts, ends, strict=True)]
    ax.set_yticks(middles, names, fontsize=9)
    ax.set_xticks([])
    ax.set(xlabel=shown.note, ylabel="filter" if filters == 1 else "filters", aspect="equal")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
