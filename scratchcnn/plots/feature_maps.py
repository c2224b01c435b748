"""Plot the feature maps of a layer for one image."""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from scratchcnn.fusion.plan import Plan
from scratchcnn.layers.base import Layer
from scratchcnn.names import look_up, names_arguments
from scratchcnn.operands import Array
from scratchcnn.plots.picture import check_file, finish
from scratchcnn.plots.sheet import draw_sheet
from scratchcnn.plots.tiles import NO_BREAK, shortened
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import as_input, check_images
from scratchcnn.training.inference import predict_batch

LONGEST = 28  # characters of a layer's name in the title


@names_arguments
def plot_feature_maps(
    model: Sequential,
    image: npt.ArrayLike,
    layer: str | int | Layer,
    to_file: str | os.PathLike[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot all feature maps of a layer for one image in one scale, numbered from 0.

    White is zero. Without negative activations, as after ReLU, larger activations are darker. Otherwise positive
    activations are red and negative ones are blue, on a symmetric scale.

    Parameters
    ----------
    model : Sequential
        A model of known shape.
    image : array-like (H, W, C), (1, H, W, C), or (H, W) for one channel
        As `model.predict` takes it.
    layer : str, int or Layer
        The name of the layer, its index in `model.leaf_layers`, or the layer itself. Its output must have the shape
        (OH, OW, F).
    to_file : str or path, optional
        File for the whole figure: .png, .jpg, .jpeg, .pdf or .svg.
    ax : Axes, optional
        Where to draw; the colour bar takes part of the space. Default: a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        `model` is not a Sequential, or the image does not consist of numbers.
    ValueError
        The model is not built or has no such layer, the output of the layer does not consist of maps, the image has
        another shape, is a batch of several, or is not finite, or `to_file` has another extension.
    OSError
        `to_file` cannot be written.

    Notes
    -----
    The model runs in inference mode, without dropout.

    Examples
    --------
    >>> from scratchcnn.layers import Conv2D
    >>> model = Sequential([Conv2D(4, 3, input_shape=(28, 28, 1))], seed=0)
    >>> plot_feature_maps(model, np.ones((28, 28)), 'conv2d').get_title()[:26]
    "4 feature maps of 'conv2d'"
    """
    chosen = _find(model, layer)
    maps = _maps(model, image, chosen)  # (OH, OW, F)
    check_file(to_file)  # before anything is drawn
    largest = float(np.abs(maps).max()) or 1.0
    signed = bool(maps.min() < 0)
    ax = draw_sheet(
        np.moveaxis(maps, -1, 0), _title(chosen, maps), "map", "activation", "RdBu_r" if signed else "Greys",
        (-largest if signed else 0.0, largest), ax,
    )  # fmt: skip
    return finish(ax, to_file)


def _find(model: object, layer: object) -> Layer:
    """Return the layer of a built model if its output consists of feature maps."""
    if not isinstance(model, Sequential):
        raise TypeError(f"Expected a Sequential, received {model!r}.")
    model.expect_built("plot_feature_maps")
    if isinstance(layer, Layer):
        if not any(layer is each for each in model.leaf_layers):
            raise ValueError(f"Expected a layer of the model, received {layer.label} of another; use model.layers.")
        found = layer
    elif isinstance(layer, int) and not isinstance(layer, bool):
        if not -len(model.leaf_layers) <= layer < len(model.leaf_layers):
            raise ValueError(f"Expected layer as an index below {len(model.leaf_layers)}, received {layer}.")
        found = model.leaf_layers[layer]
    else:
        found = look_up("layer", layer, dict(zip(model.leaf_names, model.leaf_layers, strict=True)))
    if found.output_shape is None or len(found.output_shape) != 3:
        named = zip(model.leaf_names, model.leaf_layers, strict=True)
        with_maps = [repr(name) for name, each in named if each.output_shape and len(each.output_shape) == 3]
        raise ValueError(
            f"Expected a layer with output maps (OH, OW, F), received {found.label} with {found.output_shape}; "
            + (f"use one of {', '.join(with_maps)}." if with_maps else "this model has none.")
        )
    return found


def _maps(model: Sequential, image: npt.ArrayLike, layer: Layer) -> Array:
    """Return the output of the layer for the image, (OH, OW, F)."""
    shape = model.expect_built("plot_feature_maps")
    pixels = np.asarray(image)
    if pixels.ndim == len(shape) + 1 and len(pixels) != 1:
        raise ValueError(f"Expected one image, received a batch of shape {pixels.shape}; give one of it, as x[0].")
    if pixels.shape == (1, *shape):
        pixels = pixels[0]
    if pixels.shape == shape[:-1] and shape[-1] == 1:
        pixels = pixels[..., None]
    x = as_input(check_images(pixels[None], shape, model.dtype, "image"), model.dtype)
    x = predict_batch(Plan(model.leaf_layers[: model.leaf_layers.index(layer) + 1], model.engine), x)
    if not np.isfinite(x).all():
        raise ValueError(
            f"Expected finite outputs, received NaN or infinity from {layer.label}; train the model again."
        )
    return x[0]


def _title(layer: Layer, maps: Array) -> str:
    """Return the title, with the number of maps that are zero everywhere."""
    height, width, count = maps.shape
    zero = int((maps == 0).all(axis=(0, 1)).sum())
    size = f"{height} × {width}".replace(" ", NO_BREAK)
    label = next((each for each in (layer.label, repr(layer.name)) if len(each) <= LONGEST), layer.label)
    title = f"{count} feature map{'s' * (count > 1)} of {shortened(label, LONGEST)}, {size}"
    return f"{title}; {zero} zero everywhere" if zero else title
