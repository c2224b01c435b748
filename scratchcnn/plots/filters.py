"""Plot the filters of a convolution."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from scratchcnn.layers import Conv2D
from scratchcnn.layers.base import Layer
from scratchcnn.names import look_up, names_arguments
from scratchcnn.plots.sheet import draw_sheet
from scratchcnn.plots.tiles import MOST_TILES, NO_BREAK, shortened
from scratchcnn.sequential import Sequential

Array = npt.NDArray[np.floating]
CHANNELS = {"all": "all", "strongest": "strongest", "mean": "mean"}


@names_arguments
def plot_filters(layer: Sequential | Conv2D, ax: Axes | None = None, channels: str | None = None) -> Axes:
    """Plot the filters of a convolution in one symmetric grey scale.

    Zero is the middle grey, positive weights are darker, negative weights are lighter.

    Parameters
    ----------
    layer : Sequential or Conv2D
        A built layer, or a model, of which the first Conv2D is plotted.
    ax : Axes, optional
        Where to draw; the colour bar takes part of the space. Default: a new figure.
    channels : {'all', 'strongest', 'mean'}, optional
        What to plot of a layer with several input channels: all of them side by side; only the channel of each filter
        with the largest sum of squares, with its index above; or the mean over the channels. Default: 'all', or
        'strongest' for more than 400 images.

    Returns
    -------
    Axes
        Write it to a file with `save(axes, 'filters.png')`.

    Raises
    ------
    TypeError
        `layer` is neither a model nor a Conv2D.
    ValueError
        The model has no Conv2D, the layer is not built, or weights are NaN or infinite; `channels` is unknown, or 'all'
        with more than 400 images.

    Notes
    -----
    Filter f consists of kernel[:, :, c, f], shape (KH, KW), for each input channel c. Several channels are drawn side
    by side, from left to right.

    Examples
    --------
    >>> plot_filters(Sequential([Conv2D(4, 3, input_shape=(28, 28, 1))])).get_title()[:21]
    "4 filters of 'conv2d'"
    """
    chosen = _find(layer)
    kernel = _check(chosen)
    height, width, count, filters = kernel.shape
    way, captions = _way(channels, count, filters), None
    size = f"{height} × {width}" + (f" × {count} channels" if count > 1 else "")
    title = f"{filters} filter{'s' * (filters > 1)} of {shortened(chosen.label, 28)}, {size.replace(' ', NO_BREAK)}"
    if count > 1 and way == "strongest":
        best = np.square(kernel, dtype=np.float64).sum(axis=(0, 1)).argmax(axis=0)  # (F,)
        kernel = np.take_along_axis(kernel, best[None, None, None], axis=2)
        title, captions = f"{title}: strongest channel (index above)", [str(channel) for channel in best]
    elif count > 1 and way == "mean":
        kernel, title = kernel.mean(axis=2, keepdims=True), f"{title}: mean over the channels"
    limit = float(np.abs(kernel).max()) or 1.0
    return draw_sheet(kernel.transpose(3, 0, 1, 2), title, "filter", "weight", "gray_r", (-limit, limit), ax, captions)


def _find(layer: object) -> Conv2D:
    """Return the layer itself, or the first Conv2D of a model."""
    if isinstance(layer, Conv2D):
        return layer
    if isinstance(layer, Layer):
        raise TypeError(f"Expected a Conv2D, whose weights are filters, received {layer.label}; give model.layers[0].")
    if not isinstance(layer, Sequential):
        raise TypeError(f"Expected a Sequential or a Conv2D, received {layer!r}.")
    for each in layer.leaf_layers:
        if isinstance(each, Conv2D):
            return each
    raise ValueError("Expected a model with a Conv2D, received one without; only convolutions have filters.")


def _check(layer: Conv2D) -> Array:
    """Return the kernel (KH, KW, C, F) of a built layer."""
    if "kernel" not in layer.params:
        raise ValueError(
            f"Expected a layer with weights, received {layer.label} before it is built; give input_shape to the "
            "model's first layer, or call model.build((None, 28, 28, 1)) or fit."
        )
    kernel = layer.params["kernel"]
    if not np.isfinite(kernel).all():
        raise ValueError(f"Expected finite weights, received NaN or infinity in {layer.label}; train the model again.")
    return kernel


def _way(channels: str | None, count: int, filters: int) -> str:
    """Return which channels to plot."""
    fits = count * filters <= MOST_TILES or count == 1
    way = look_up("channels", ("all" if fits else "strongest") if channels is None else channels, CHANNELS)
    if way == "all" and not fits:
        raise ValueError(
            f"Expected at most {MOST_TILES} images on a sheet, received {filters} filters with {count} channels; use "
            "channels='strongest' or 'mean'."
        )
    return way
