"""A model without its numbers: its layers and how it was compiled, as plain data and back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scratchcnn.configs import Config
from scratchcnn.layers import Input
from scratchcnn.storage.errors import StorageError
from scratchcnn.storage.objects import CustomObjects, pack, unpack

if TYPE_CHECKING:
    from scratchcnn.sequential import Sequential

MAX_LAYERS = 4096
MAX_RANK = 16


def describe(model: Sequential) -> Config:
    """Engine, dtype, shape of one sample and layers."""
    if len(model.layers) > MAX_LAYERS:
        raise StorageError(f"Expected at most {MAX_LAYERS} layers, received {len(model.layers)}.")
    return {
        "class_name": "Sequential",
        "engine": model.engine,
        "dtype": model.dtype.name,
        "input_shape": list(model.layers[0].input_shape or ()),
        "layers": [pack(layer, f"layer {layer.label}") for layer in model.layers],
    }


def describe_compiled(model: Sequential) -> Config | None:
    """Optimizer, loss and metrics; None if the model is not compiled."""
    if model._compiled is None:
        return None
    loss, optimizer, metrics = model._compiled
    return {
        "optimizer": pack(optimizer, "the optimizer"),
        "loss": pack(loss, "the loss"),
        "metrics": [pack(metric, f"the metric {metric.name!r}") for metric in metrics],
    }


def make(kind: type[Sequential], description: Config, custom_objects: CustomObjects, room: int) -> Sequential:
    """A model as described, with new parameters.

    Parameters
    ----------
    kind : the class Sequential
    description : dict
        As `describe` gives it; it may come from a hostile file.
    custom_objects : dict of str to class
    room : int
        Bytes that the parameters may take: no more than the file that is said to hold them. More is refused before
        anything is allocated.

    Raises
    ------
    StorageError
        A layer cannot be made, or the parameters would be larger than the file.
    """
    described = description["layers"]
    if description["class_name"] != "Sequential" or not 0 < len(described) <= MAX_LAYERS:
        raise StorageError(f"Expected a Sequential of 1 to {MAX_LAYERS} layers, received {len(described)}.")
    layers = [unpack(packed, custom_objects) for packed in described]
    model = kind(engine=description["engine"], dtype=description["dtype"])
    shape = Input(description["input_shape"]).shape
    if len(shape) > MAX_RANK:
        raise StorageError(f"Expected samples of at most {MAX_RANK} axes, received {len(shape)}.")
    following, needed = shape, 0
    for layer in layers:
        for size in layer.param_shapes(following).values():
            needed += math.prod(size) * model.dtype.itemsize
        if needed > room:
            raise StorageError(
                f"Expected parameters that fit into the {room:,} bytes of the file, received layer {layer.label}, "
                f"with which they take at least {needed:,}."
            )
        following = layer.compute_output_shape(following)
    model.add(Input(shape))
    for layer in layers:
        model.add(layer)
    return model


def compile_as(model: Sequential, description: Config, custom_objects: CustomObjects) -> None:
    """Compile a model as `describe_compiled` says; a name in place of an object is one that `compile` takes."""
    made = {
        part: one if isinstance(one := description[part], str) else unpack(one, custom_objects)
        for part in ("optimizer", "loss")
    }
    metrics = [one if isinstance(one, str) else unpack(one, custom_objects) for one in description["metrics"]]
    model.compile(**made, metrics=metrics)
