"""The architecture and the compilation of a model, without its parameters, as plain data and back."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from scratchcnn.configs import Config
from scratchcnn.layers import Input, Layer
from scratchcnn.layers.row import LayerRow
from scratchcnn.storage.errors import StorageError
from scratchcnn.storage.objects import CustomObjects, deserialize, serialize
from scratchcnn.training.model import AnyModel, Model

MAX_LAYERS = 4096
MAX_RANK = 16
MAX_DEPTH = 16


def describe(model: Model) -> Config:
    """Return the name, engine, dtype, input shape and layers of a model.

    The entry of a frozen layer contains 'trainable': False, that of an inner model 'layers'.
    """
    if len(model.leaf_layers) > MAX_LAYERS:
        raise StorageError(f"Expected at most {MAX_LAYERS} layers, received {len(model.leaf_layers)}.")
    return {
        "class_name": "Sequential",
        "name": model.name,
        "engine": model.engine,
        "dtype": model.dtype.name,
        "input_shape": list(model.expect_built("save")),
        "layers": [_describe_layer(layer) for layer in model.layers],
    }


def _describe_layer(layer: Layer | LayerRow) -> Config:
    if isinstance(layer, LayerRow):
        return {
            "class_name": "Sequential",
            "config": {"name": layer.name},
            "layers": [_describe_layer(each) for each in layer.layers],
        }
    described = serialize(layer, f"layer {layer.label}")
    return described if layer.trainable else {**described, "trainable": False}


def is_model(described: Config) -> bool:
    """Whether an entry, as returned by `describe`, is that of an inner model."""
    return described["class_name"] == "Sequential" and not described.get("custom", False)


def describe_compiled(model: Model) -> Config | None:
    """Return the optimizer, loss and metrics of a model; None if it is not compiled."""
    if model.compiled is None:
        return None
    loss, optimizer, metrics = model.compiled
    return {
        "optimizer": serialize(optimizer, "the optimizer"),
        "loss": serialize(loss, "the loss"),
        "metrics": [serialize(metric, f"the metric {metric.name!r}") for metric in metrics],
    }


def create_model(
    model_class: Callable[..., AnyModel], description: Config, custom_objects: CustomObjects, available: int
) -> AnyModel:
    """Create a model from its description, with new parameters.

    Parameters
    ----------
    model_class : the class Sequential
    description : dict
        As returned by `describe`; it may come from a hostile file.
    custom_objects : dict of str to class
    available : int
        Size in bytes of the file that contains the parameters. A model with larger parameters is rejected before
        any memory is allocated for them.

    Raises
    ------
    StorageError
        A layer cannot be created, or the parameters are larger than the file.
    """
    described = description["layers"]
    if description["class_name"] != "Sequential" or not 0 < len(described) <= MAX_LAYERS:
        raise StorageError(f"Expected a Sequential of 1 to {MAX_LAYERS} layers, received {len(described)}.")
    layers = list(_layers(described, custom_objects, 0))
    if len(layers) > MAX_LAYERS:
        raise StorageError(f"Expected at most {MAX_LAYERS} layers, received {len(layers)}.")
    name = description.get("name")  # missing in files of scratchcnn 0.1.0
    model = model_class(engine=description["engine"], dtype=description["dtype"], name=name)
    shape = Input(description["input_shape"]).shape
    if len(shape) > MAX_RANK:
        raise StorageError(f"Expected samples with at most {MAX_RANK} axes, received {len(shape)}.")
    following, required = shape, 0
    for layer in layers:
        if layer.input_shape not in (None, following):  # for which an inner model would build it at once
            raise StorageError(
                f"Expected samples of shape {following} for layer {layer.label}, received input_shape="
                f"{layer.input_shape}."
            )
        for size in layer.param_shapes(following).values():
            required += math.prod(size) * model.dtype.itemsize
        if required > available:
            raise StorageError(
                f"Expected parameters of at most {available:,} bytes, the size of the file, received at least "
                f"{required:,} up to and including layer {layer.label}."
            )
        following = layer.compute_output_shape(following)
    model.add(Input(shape))
    _add_layers(model, described, iter(layers), model_class)
    return model


def _layers(described: list[Config], custom_objects: CustomObjects, depth: int) -> Iterator[Layer]:
    """Create the layers of a model and of its inner models, without parameters, in the order of computation."""
    if depth > MAX_DEPTH:
        raise StorageError(f"Expected models inside models to a depth of at most {MAX_DEPTH}, received more.")
    for each in described:
        if is_model(each):
            yield from _layers(each["layers"], custom_objects, depth + 1)
        else:
            layer = deserialize(each, custom_objects)
            layer.trainable = trainable_in(each, f"layer {layer.label}")
            yield layer


def _add_layers(
    model: Model, described: list[Config], layers: Iterator[Layer], model_class: Callable[..., AnyModel]
) -> None:
    """Add the layers to a model and to its inner models, which are created."""
    for each in described:
        if is_model(each):
            inner: Any = model_class(engine=model.engine, dtype=model.dtype.name, name=each["config"]["name"])
            _add_layers(inner, each["layers"], layers, model_class)
            model.add(inner)
        else:
            model.add(next(layers))


def trainable_in(described: Config, what: str) -> bool:
    """Return the value of 'trainable' in a description, which is True if it is missing.

    Raises
    ------
    StorageError
        The value is not a boolean; `what` names the described object in the message.
    """
    trainable = described.get("trainable", True)
    if not isinstance(trainable, bool):
        raise StorageError(f"Expected trainable of {what} as true or false, received {trainable!r}.")
    return trainable


def compile_model(model: Model, description: Config, custom_objects: CustomObjects) -> None:
    """Compile a model as described by `describe_compiled`; a string in place of an object is passed to `compile`."""
    parts = {
        name: part if isinstance(part := description[name], str) else deserialize(part, custom_objects)
        for name in ("optimizer", "loss")
    }
    metrics = [
        metric if isinstance(metric, str) else deserialize(metric, custom_objects) for metric in description["metrics"]
    ]
    model.compile(**parts, metrics=metrics)
