"""Objects as plain data and back: layers, optimizers, schedules, losses, metrics, activations, initializers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scratchcnn import activations, initializers, layers, losses, metrics, optimizers, schedules
from scratchcnn.configs import Config, Configured
from scratchcnn.storage.errors import StorageError

CustomObjects = Mapping[str, type[Any]]

KNOWN: dict[str, type[Configured]] = {
    kind.__name__: kind
    for kind in (
        layers.Activation, layers.Conv2D, layers.Dense, layers.Dropout, layers.Flatten, layers.MaxPooling2D,
        layers.Rescaling, activations.Linear, activations.ReLU, activations.Softmax, initializers.GlorotUniform,
        initializers.HeNormal, initializers.Zeros, losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy,
        metrics.CategoricalAccuracy, metrics.SparseCategoricalAccuracy, optimizers.Adam, optimizers.SGD,
        schedules.CosineDecay, schedules.ExponentialDecay, schedules.OneCycle, schedules.PiecewiseConstantDecay,
    )
}  # fmt: skip


def pack(thing: Any, what: str) -> Config:
    """{'class_name', 'config'} of an object, and 'custom' if its class is a user's; objects within it likewise.

    Parameters
    ----------
    thing : object
    what : str
        What it is, for the message: 'layer 'conv2d' (Conv2D)'.

    Raises
    ------
    StorageError
        It is a function, or its class has arguments and no `get_config` that tells them.
    """
    kind = type(thing)
    name = kind.__name__
    if not hasattr(thing, "get_config"):
        raise StorageError(
            f"Expected {what} as something that can be made again, received {thing!r}, which has no get_config: write "
            f"it as a class with get_config and give custom_objects to load_model; or keep the weights alone, with "
            f"save_weights."
        )
    if _first_with(kind, "__init__") < _first_with(kind, "get_config"):
        raise StorageError(
            f"Expected class {name} of {what} to tell its own arguments, received one with its own __init__ and an "
            f"inherited get_config: write get_config too, returning {{**super().get_config(), 'argument': value}}."
        )
    packed = {"class_name": name, "config": _pack_within(thing.get_config(), what)}
    return packed if KNOWN.get(name) is kind else {**packed, "custom": True}


def _first_with(kind: type, method: str) -> int:
    """How far up the class that defines a method is: 0 for the class itself."""
    return next(index for index, ancestor in enumerate(kind.__mro__) if method in vars(ancestor))


def _pack_within(value: Any, what: str) -> Any:
    if isinstance(value, dict):
        return {key: _pack_within(one, f"{key!r} of {what}") for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_pack_within(one, what) for one in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else pack(value, what)


def unpack(packed: Any, custom_objects: CustomObjects) -> Any:
    """The object of what `pack` made; a user's class is looked up in `custom_objects`, and nowhere else.

    Raises
    ------
    StorageError
        No such class, or its arguments are refused.
    """
    name, custom = packed["class_name"], packed.get("custom", False)
    classes: Mapping[str, type[Any]] = custom_objects if custom else KNOWN
    if name not in classes:
        known = ", ".join(sorted(classes)) or "none"
        hint = f"custom_objects={{{name!r}: {name}}} to load_model" if custom else "a newer scratchcnn"
        raise StorageError(f"Expected a class among {known}, received {name!r}; give {hint}.")
    config = {key: _unpack_within(value, custom_objects) for key, value in packed["config"].items()}
    try:
        if hasattr(classes[name], "from_config"):
            return classes[name].from_config(config)
        return classes[name](**config)
    except Exception as error:  # of a constructor, maybe a user's: whatever it is, the file does not fit the class
        raise StorageError(
            f"Expected arguments that {name} takes, received {_shortened(config)} ({type(error).__name__}: {error})."
        ) from error


def _unpack_within(value: Any, custom_objects: CustomObjects) -> Any:
    if isinstance(value, dict) and "class_name" in value:
        return unpack(value, custom_objects)
    if isinstance(value, dict):
        return {key: _unpack_within(one, custom_objects) for key, one in value.items()}
    return [_unpack_within(one, custom_objects) for one in value] if isinstance(value, list) else value


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) < 300 else f"{text[:300]}..."
