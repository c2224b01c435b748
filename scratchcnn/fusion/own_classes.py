"""Which layers may be fused: those of exactly this package's classes, with none of their methods replaced."""

from __future__ import annotations

from typing import Any, TypeGuard

from scratchcnn.activations import Linear, ReLU
from scratchcnn.layers import Conv2D, Dense, Layer, MaxPooling2D

CLASSES: tuple[type[Any], ...] = (Conv2D, Dense, MaxPooling2D, Linear, ReLU)
DEFINED: dict[type[Any], dict[str, Any]] = {kind: dict(vars(kind)) for kind in CLASSES}
"""The classes that may be fused, with everything that this package defines in them."""


def is_original(thing: object, kind: type[Any]) -> bool:
    """Whether `thing` is exactly of class `kind`, and no method was replaced, neither of the class nor of `thing`."""
    if type(thing) is not kind or any(hasattr(kind, name) for name in vars(thing)):
        return False
    return all(vars(kind).get(name) is value for name, value in DEFINED[kind].items())


def is_convolution(layer: Layer) -> TypeGuard[Conv2D]:
    """Whether a layer is this package's Conv2D, with ReLU or without activation."""
    if not isinstance(layer, Conv2D) or not is_original(layer, Conv2D):
        return False
    return has_relu(layer) or is_original(layer.activation, Linear)


def is_dense_with_relu(layer: Layer) -> TypeGuard[Dense]:
    """Whether a layer is this package's Dense, with ReLU."""
    return isinstance(layer, Dense) and is_original(layer, Dense) and has_relu(layer)


def has_relu(layer: Conv2D | Dense) -> bool:
    """Whether the activation is this package's ReLU."""
    return is_original(layer.activation, ReLU)


def is_max_pooling(layer: Layer) -> TypeGuard[MaxPooling2D]:
    """Whether a layer is this package's MaxPooling2D."""
    return is_original(layer, MaxPooling2D)


def state_of(layer: Layer) -> tuple[object, ...]:
    """Everything about a layer that a plan depends on, but its parameters: compared to notice a change.

    It is compared in each step and each prediction, and is therefore made of few objects.
    """
    kind, own = type(layer), vars(layer)
    if kind.__module__.startswith("scratchcnn.layers."):
        attributes = {**own, "params": None}
    else:
        attributes = {name: own.get(name) for name in ("_trainable", "algorithm", "forward", "backward")}
    activation = own.get("activation")
    return layer, attributes, kind.forward, kind.backward, None if activation is None else {**vars(activation)}
