"""The parameters of a model beside those of a file: checked layer by layer, then put in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from scratchcnn.layers import Layer
from scratchcnn.operands import Array, Shape
from scratchcnn.storage.errors import StorageError

if TYPE_CHECKING:
    from scratchcnn.sequential import Sequential


def holders(model: Sequential) -> list[Layer]:
    """The layers that have parameters, in order."""
    return [layer for layer in model.layers if layer.params]


def expect_match(model: Sequential, found: Sequence[tuple[str, Sequence[Shape]]]) -> None:
    """Refuse a file whose n-th layer with parameters does not fit the n-th such layer of the model.

    Parameters
    ----------
    model : Sequential
    found : sequence of (str, sequence of shapes)
        For each layer of the file its name there, and the shapes of its parameters.

    Raises
    ------
    StorageError
        The message names the layer and both shapes.
    """
    layers = holders(model)
    for layer, (name, shapes) in zip(layers, found, strict=False):
        if len(shapes) != len(layer.params):
            raise StorageError(
                f"Expected {len(layer.params)} parameters ({', '.join(layer.params)}) for layer {layer.label}, "
                f"received {len(shapes)} of {name!r}; nothing was changed."
            )
        for (key, array), shape in zip(layer.params.items(), shapes, strict=True):
            if array.shape != tuple(shape):
                raise StorageError(
                    f"Expected shape {array.shape} for the {key} of layer {layer.label}, received {tuple(shape)} of "
                    f"{name!r}; nothing was changed."
                )
    if len(found) != len(layers):
        if len(found) < len(layers):
            extra = f"none is left for layer {layers[len(found)].label}"
        else:
            extra = f"no layer is left for {found[len(layers)][0]!r}"
        raise StorageError(
            f"Expected parameters for {len(layers)} layers, received those of {len(found)}: {extra}; nothing was "
            f"changed."
        )


def put(model: Sequential, arrays: Sequence[Array]) -> None:
    """Set all parameters, in the order of `get_weights`, to arrays of their shapes, float32 or float64.

    Raises
    ------
    StorageError
        A number is too large for the model's dtype. The model is unchanged.
    """
    places = [(layer, name) for layer in model.layers for name in layer.params]
    converted = []
    for (layer, name), array in zip(places, arrays, strict=True):
        with np.errstate(over="ignore", invalid="ignore"):
            fitting = array.astype(model.dtype, copy=False)
        if fitting is not array and (np.isinf(fitting) & np.isfinite(array)).any():
            raise StorageError(
                f"Expected numbers within {model.dtype} for the {name} of layer {layer.label}, received larger ones; "
                f"nothing was changed."
            )
        converted.append(fitting)
    for (layer, name), array in zip(places, converted, strict=True):
        layer.params[name][...] = array
