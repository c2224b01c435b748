"""Which layers may be fused: those of exactly this package's classes, with none of their methods replaced."""

from __future__ import annotations

from typing import Any, TypeGuard

from scratchcnn.activations import Linear, ReLU
from scratchcnn.layers import Activation, BatchNormalization, Conv2D, Dense, Layer, MaxPooling2D
from scratchcnn.layers import ReLU as ReLULayer

CLASSES: tuple[type[Any], ...] = (
    Conv2D, Dense, MaxPooling2D, BatchNormalization, Activation, ReLULayer, Linear, ReLU,
)  # fmt: skip
DEFINED: dict[type[Any], dict[str, Any]] = {kind: dict(vars(kind)) for kind in CLASSES}
"""The classes that may be fused, with everything that this package defines in them."""


def is_original(thing: object, kind: type[Any]) -> bool:
    """Whether `thing` is exactly of class `kind`, and no method was replaced, neither of the class nor of `thing`."""
    if type(thing) is not kind or any(hasattr(kind, name) for name in vars(thing)):
        return False
    defined = [base for base in kind.__mro__ if base in DEFINED]
    return all(vars(base).get(name) is value for base in defined for name, value in DEFINED[base].items())


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


def is_batch_normalization(layer: Layer) -> TypeGuard[BatchNormalization]:
    """Whether a layer is this package's BatchNormalization."""
    return is_original(layer, BatchNormalization)


def is_relu(layer: Layer) -> bool:
    """Whether a layer is this package's ReLU, or its Activation with ReLU."""
    if not isinstance(layer, Activation) or not (is_original(layer, ReLULayer) or is_original(layer, Activation)):
        return False
    return is_original(layer.activation, ReLU)


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
