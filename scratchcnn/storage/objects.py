"""Convert objects to plain data and back: layers and what they consist of, losses, metrics, optimizers, schedules."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from scratchcnn import activations, initializers, losses, metrics, optimizers, regularizers, schedules
from scratchcnn.configs import Config, Configured
from scratchcnn.descriptions.registry import DESCRIPTIONS, LIBRARY
from scratchcnn.storage.errors import StorageError, shortened

CustomObjects = Mapping[str, type[Any]]

KNOWN: dict[str, type[Configured]] = {
    kind.__name__: kind
    for kind in (
        *LIBRARY, *initializers.CLASSES, *regularizers.CLASSES, *losses.KNOWN.values(), *optimizers.KNOWN.values(),
        metrics.Accuracy, metrics.BinaryAccuracy, metrics.CategoricalAccuracy, metrics.SparseCategoricalAccuracy,
        schedules.CosineDecay, schedules.ExponentialDecay, schedules.InverseTimeDecay, schedules.OneCycle,
        schedules.PiecewiseConstantDecay,
    )
} | {
    f"{package}.{kind.__name__}": kind
    for package, kinds in {
        "activations": (activations.ELU, activations.LeakyReLU),
        "metrics": (metrics.MeanAbsoluteError, metrics.MeanSquaredError),
    }.items()
    for kind in kinds
}  # fmt: skip
"""The classes of this package by the name that files contain. An activation without arguments is stored by its name.

Where another package has a class of the same name, the name begins with that of the package.
"""

NAMES = {kind: name for name, kind in KNOWN.items()}


def serialize(thing: Any, what: str) -> Config:
    """Return the class name and config of an object, with nested objects serialized likewise.

    Parameters
    ----------
    thing : object
    what : str
        What the object is, for the error message: "layer 'conv2d' (Conv2D)".

    Returns
    -------
    dict
        'class_name' and 'config'; also 'custom' if the class is not one of this package.

    Raises
    ------
    StorageError
        The object is a function, or its class does not return all its arguments from `get_config`.
    """
    kind = type(thing)
    name = NAMES.get(kind, kind.__name__)
    if not hasattr(thing, "get_config"):
        raise StorageError(
            f"Expected {what} as an object with a config, received {thing!r}, which has no get_config: write it as a "
            f"class with get_config and pass custom_objects to load_model; or save the weights only, with save_weights."
        )
    config = thing.get_config()
    if kind not in NAMES and _level_defining(kind, "__init__") < _level_defining(kind, "get_config"):
        missing = _parameters(kind) - config.keys()
        if missing:
            raise StorageError(
                f"Expected class {name} of {what} to return its arguments from get_config, received an inherited "
                f"get_config that does not know {', '.join(map(repr, sorted(missing)))}: override get_config too, "
                f"returning {{**super().get_config(), {min(missing)!r}: value}}."
            )
    serialized = {"class_name": name, "config": _serialize_nested(config, what)}
    return serialized if kind in NAMES else {**serialized, "custom": True}


def _parameters(kind: type) -> set[str]:
    """Return the names of the constructor's parameters, without that of a layer that belongs to the model."""
    parameters = inspect.signature(kind).parameters.values()
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {each.name for each in parameters if each.kind not in variadic} - {"input_shape"}


def _level_defining(kind: type, method: str) -> int:
    """Return how many levels above a class the definition of a method is: 0 for the class itself."""
    return next(level for level, ancestor in enumerate(kind.__mro__) if method in vars(ancestor))


def _serialize_nested(value: Any, what: str) -> Any:
    if isinstance(value, dict):
        return {key: _serialize_nested(item, f"{key!r} of {what}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_serialize_nested(item, what) for item in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else serialize(value, what)


def deserialize(serialized: Any, custom_objects: CustomObjects) -> Any:
    """Create the object that was serialized; the counterpart of `serialize`.

    A class that is not of this package is looked up in `custom_objects`, then among the described layer classes.

    Raises
    ------
    StorageError
        The class is unknown, or does not accept the config.
    """
    name, custom = serialized["class_name"], serialized.get("custom", False)
    classes: Mapping[str, type[Any]] = {**_described(), **custom_objects} if custom else KNOWN
    if name not in classes:
        known = ", ".join(sorted(classes)) or "none"
        hint = f"pass custom_objects={{{name!r}: {name}}} to load_model" if custom else "use a newer scratchcnn"
        raise StorageError(f"Expected a class among {known}, received {name!r}; {hint}.")
    config = {key: _deserialize_nested(value, custom_objects) for key, value in serialized["config"].items()}
    try:
        if hasattr(classes[name], "from_config"):
            return classes[name].from_config(config)
        return classes[name](**config)
    except Exception as error:  # a constructor, possibly a user's, may raise any exception
        raise StorageError(
            f"Expected arguments that {name} accepts, received {shortened(config)} ({type(error).__name__}: {error})."
        ) from error


def _described() -> dict[str, type[Any]]:
    """Return the layer classes that were registered with `describe`, by name."""
    return {kind.__name__: kind for kind in DESCRIPTIONS if kind not in LIBRARY}


def _deserialize_nested(value: Any, custom_objects: CustomObjects) -> Any:
    if isinstance(value, dict) and "class_name" in value:
        return deserialize(value, custom_objects)
    if isinstance(value, dict):
        return {key: _deserialize_nested(item, custom_objects) for key, item in value.items()}
    return [_deserialize_nested(item, custom_objects) for item in value] if isinstance(value, list) else value
