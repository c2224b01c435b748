"""Set all parameters of a model at once, after checking every array."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scratchcnn.layers import Layer
from scratchcnn.operands import Array


def put(layers: Sequence[Layer], weights: Sequence[Array]) -> None:
    """Set all parameters of the layers to `weights`, in the order of `Sequential.get_weights`.

    Raises
    ------
    ValueError
        Another number of arrays, or an array of another shape or not of numbers. Nothing is changed.
    """
    places = [(layer, name) for layer in layers for name in layer.params]
    if not isinstance(weights, Sequence) or len(weights) != len(places):
        described = f"{len(weights)} of them" if isinstance(weights, Sequence) else type(weights).__name__
        raise ValueError(f"Expected {len(places)} arrays, as returned by get_weights, received {described}.")
    arrays = [np.asarray(weight) for weight in weights]
    for (layer, name), array in zip(places, arrays, strict=True):
        if array.shape != layer.params[name].shape:
            raise ValueError(
                f"Expected shape {layer.params[name].shape} for the {name} of layer {layer.label}, "
                f"received {array.shape}; nothing was changed."
            )
        if array.dtype.kind not in "iuf":
            raise ValueError(f"Expected numbers for the {name} of layer {layer.label}, received dtype {array.dtype}.")
    for (layer, name), array in zip(places, arrays, strict=True):
        layer.params[name][...] = array
