"""Draws the filters of a convolution as a sheet in one scale: what the first layer looks for."""

from __future__ import annotations

import textwrap

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from scratchcnn.layers import Conv2D
from scratchcnn.layers.base import Layer
from scratchcnn.plots.picture import new_figure
from scratchcnn.plots.tiles import LETTER, TITLE_SIZE, grid, points_of, shortened
from scratchcnn.sequential import Sequential

GAP = 0.35  # between filters, as a share of a filter's side
TILE = 0.5  # inches of a filter's longer side
LEAST_WIDTH = 4.0  # inches of a figure, for the title
LEAST_HEIGHT, MOST_WIDTH = 1.2, 8.0  # inches of a sheet that is made larger
LEAST_TITLE = 260.0  # points of a line of it
NO_BREAK = "\N{NO-BREAK SPACE}"
SIDE, TOP, BOTTOM = 1.0, 0.5, 0.3  # inches around the sheet: numbers and colour bar, the title, a note


def plot_filters(layer: Sequential | Conv2D, ax: Axes | None = None) -> Axes:
    """Draw the filters of a convolution, all in the same symmetric scale.

    Zero is the middle grey. As a digit is drawn as dark ink, a dark weight counts for ink at its place and a light one
    counts against it.

    Parameters
    ----------
    layer : Sequential or Conv2D
        A built layer, or a model, of which the first Conv2D is meant.
    ax : Axes, optional
        Where to draw; the colour bar takes some of its room. Default: a new figure.

    Returns
    -------
    Axes
        `save(axes, 'filters.png')` writes it.

    Raises
    ------
    TypeError
        Neither a model nor a Conv2D.
    ValueError
        The model has no Conv2D, the layer has no weights yet, or they hold NaN or infinity.

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
    kernel = _check(chosen)
    height, width, channels, filters = kernel.shape
    frame = channels * width + (channels - 1) * GAP / 2 * min(height, width)  # of one filter's channels
    gap = GAP * min(height, width)
    rows, columns = grid(filters, frame + gap, height + gap)
    sheet = (columns * (frame + gap), rows * (height + gap))
    own = ax is None
    if ax is None:
        unit = TILE / max(height, width)
        ax = _new_axes(sheet[0] * unit, sheet[1] * unit)
    limit = float(np.abs(kernel).max()) or 1.0
    for number in range(filters):
        row, column = divmod(number, columns)
        _draw_filter(ax, kernel[..., number], column * (frame + gap), row * (height + gap), limit)
    ax.set(xlim=(-gap / 2, sheet[0] - gap / 2), ylim=(sheet[1] - gap / 2, -gap / 2))
    _label(ax, chosen, kernel.shape, [row * (height + gap) + height / 2 for row in range(rows)], columns)
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


def _check(layer: Conv2D) -> npt.NDArray[np.floating]:
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


def _new_axes(width: float, height: float) -> Axes:
    """Axes of so many inches in the middle of a new figure; few or flat filters are drawn larger."""
    larger = max(1.0, min(LEAST_HEIGHT / height, MOST_WIDTH / width))
    width, height = width * larger, height * larger
    whole, high = max(LEAST_WIDTH, width + 2 * SIDE), TOP + height + BOTTOM
    figure = new_figure(whole, high)
    return figure.add_axes(((1 - width / whole) / 2, BOTTOM / high, width / whole, height / high))


def _draw_filter(ax: Axes, weights: npt.NDArray[np.floating], left: float, top: float, limit: float) -> None:
    """One filter (KH, KW, C) in a frame, its channels side by side."""
    height, width, channels = weights.shape
    step = width + GAP / 2 * min(height, width)
    for channel in range(channels):
        x = left + channel * step
        box = (x, x + width, top + height, top)
        ax.imshow(weights[..., channel], cmap="gray_r", vmin=-limit, vmax=limit, extent=box, interpolation="nearest")
        ax.add_patch(Rectangle((x, top), width, height, fill=False, edgecolor="black", linewidth=0.5))


def _label(ax: Axes, layer: Conv2D, shape: tuple[int, ...], middles: list[float], columns: int) -> None:
    """What is drawn, and at each row which filters stand in it."""
    height, width, channels, filters = shape
    size = f"{height} × {width}" + (f" × {channels} channels" if channels > 1 else "")
    size = size.replace(" ", NO_BREAK)
    title = f"{filters} filter{'s' * (filters > 1)} of {shortened(layer.label, 28)}, {size}"
    letters = int(max(points_of(ax)[0], LEAST_TITLE) / (LETTER * TITLE_SIZE))
    ax.set_title(textwrap.fill(title, letters), fontsize=TITLE_SIZE, parse_math=False)
    firsts = range(0, filters, columns)
    ends = [min(first + columns, filters) - 1 for first in firsts]
    names = [str(first) if first == end else f"{first}–{end}" for first, end in zip(firsts, ends, strict=True)]
    ax.set_yticks(middles, names, fontsize=9)
    ax.set_xticks([])
    ax.set(ylabel="filter" if filters == 1 else "filters", aspect="equal")
    if channels > 1:
        ax.set_xlabel(f"{channels} channels of each filter side by side")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
