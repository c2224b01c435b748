"""Compare the parameters of a file with those of a model, layer by layer, and load them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scratchcnn.layers import Layer
from scratchcnn.operands import Array, Shape
from scratchcnn.storage.errors import StorageError
from scratchcnn.training.model import Model


def layers_with_parameters(model: Model) -> list[Layer]:
    """Return the layers that have parameters, in order."""
    return [layer for layer in model.leaf_layers if layer.params]


def expect_match(model: Model, found: Sequence[tuple[str, Sequence[Shape]]]) -> None:
    """Check that the n-th layer with parameters in a file has the shapes of the n-th such layer of the model.

    Parameters
    ----------
    model : Model
    found : sequence of (str, sequence of shapes)
        For each layer of the file, its name and the shapes of its parameters.

    Raises
    ------
    StorageError
        The shapes differ; the message names the layer and both shapes.
    """
    layers = layers_with_parameters(model)
    for layer, (name, shapes) in zip(layers, found, strict=False):
        if len(shapes) != len(layer.params):
            raise StorageError(
                f"Expected {len(layer.params)} parameters ({', '.join(layer.params)}) for layer {layer.label}, "
                f"received the {len(shapes)} of layer {name!r}; nothing was changed."
            )
        for (key, array), shape in zip(layer.params.items(), shapes, strict=True):
            if array.shape != tuple(shape):
                raise StorageError(
                    f"Expected shape {array.shape} for the {key} of layer {layer.label}, received {tuple(shape)} of "
                    f"layer {name!r}; nothing was changed."
                )
    if len(found) != len(layers):
        if len(found) < len(layers):
            unmatched = f"the file has none for layer {layers[len(found)].label}"
        else:
            unmatched = f"the model has no layer for {found[len(layers)][0]!r}"
        raise StorageError(
            f"Expected parameters for {len(layers)} layers, received those of {len(found)}: {unmatched}; nothing was "
            f"changed."
        )


def put(model: Model, arrays: Sequence[Array]) -> None:
    """Set all parameters to arrays of the same shapes, float32 or float64, in the order of `get_weights`.

    Raises
    ------
    StorageError
        A finite value overflows in the model's dtype. The model is unchanged.
    """
    names = [(layer, name) for layer in model.leaf_layers for name in layer.params]
    converted = []
    for (layer, name), array in zip(names, arrays, strict=True):
        with np.errstate(over="ignore", invalid="ignore"):
            cast = array.astype(model.dtype, copy=False)
        if cast is not array and (np.isinf(cast) & np.isfinite(array)).any():
            raise StorageError(
                f"Expected values in the range of {model.dtype} for the {name} of layer {layer.label}, received larger "
                f"ones; nothing was changed."
            )
        converted.append(cast)
    model.set_weights(converted)
