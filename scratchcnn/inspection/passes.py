"""One pass forward and one back, as `fit` does them, but with all that each layer saw kept whole.

`fit` joins what it can: a convolution is computed together with the pooling after it, and the gradient that comes back
through a pooling, or through a ReLU between two convolutions, is never written out. Here every layer is asked for its
own output and gradient, and the joined operations promise the same bits. What `fit` decides on the way is decided by
the same functions of `training.step`.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from scratchcnn.activations import Linear, linear
from scratchcnn.inspection.kinds import kind_of
from scratchcnn.layers import Activation, Layer
from scratchcnn.layers.pooled_gradient import PooledGradient
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.training.step import hands_winners, passes_relu


class Forward(NamedTuple):
    """What one layer was given and made."""

    input: Array
    preactivation: Array
    output: Array
    cache: Any
    seconds: float


class Backward(NamedTuple):
    """The gradients by what one layer made and was given, and by its parameters.

    That by probabilities is not known where the softmax is part of the loss.
    """

    d_output: Array | None
    d_preactivation: Array
    d_input: Array
    gradients: dict[str, Array]
    seconds: float


def forward(
    layers: Sequence[Layer], x: Array, ops: Operations, training: bool, rng: np.random.Generator | None
) -> list[Forward]:
    """Pass a batch through the layers, one by one."""
    steps = []
    for layer, following in zip(layers, [*layers[1:], None], strict=True):
        given = _own(x, layer)
        started = time.perf_counter()
        y, cache = layer.forward(x, ops, training, rng)
        seconds = time.perf_counter() - started
        made = _own(y, layer, following)
        steps.append(Forward(given, _preactivation(layer, given, made, ops), made, cache, seconds))
        x = y
    return steps


def backward(layers: Sequence[Layer], steps: Sequence[Forward], dy: Array, ops: Operations) -> list[Backward]:
    """Pass the gradient of the loss back through the layers, down to the images.

    `fit` stops at the first layer with parameters, whose gradients may be computed in another way if that by its input
    is not wanted; so that layer is asked twice.
    """
    first = next((i for i, layer in enumerate(layers) if layer.params), len(layers))
    gradient: Any = dy
    found: list[Backward] = []
    for i in reversed(range(len(layers))):
        layer, step, before = layers[i], steps[i], layers[i - 1] if i > first else None
        d_output = gradient.dense(ops) if isinstance(gradient, PooledGradient) else gradient
        d_preactivation = _d_preactivation(layer, step, d_output, ops)
        options: dict[str, bool] = {}
        if first <= i < len(layers) - 1 and passes_relu(layers[i + 1], layer):
            gradient, options = d_preactivation, {"activated": True}  # as it comes to the layer in `fit`
        d_output, d_preactivation = _own(d_output, layer), _own(d_preactivation, layer)
        started = time.perf_counter()
        if hands_winners(layer, before):
            sent: Any = layer.pooled_gradient(gradient, step.cache)
            of_parameters: dict[str, Array] = {}
        else:
            sent, of_parameters = layer.backward(gradient, step.cache, ops, input_gradient=i != first, **options)
        seconds = time.perf_counter() - started
        if i == first:
            sent = layer.backward(gradient, step.cache, ops, input_gradient=True, **options)[0]
        d_input = sent.dense(ops) if isinstance(sent, PooledGradient) else _expect_gradient(layer, sent)
        gradients = {name: of_parameters[name] for name in layer.params}
        d_input = _own(d_input, layer, layers[i - 1] if i else None)
        found.append(Backward(d_output, d_preactivation, d_input, gradients, seconds))
        gradient = sent
    return found[::-1]


def has_activation(layer: Layer) -> bool:
    """Whether the layer ends in an activation that can be looked behind."""
    return kind_of(layer) is not None and type(getattr(layer, "activation", linear)) is not Linear


def _preactivation(layer: Layer, x: Array, y: Array, ops: Operations) -> Array:
    """What the activation was given: the output of the layer's twin without one."""
    if not has_activation(layer):
        return y
    if isinstance(layer, Activation):
        return x
    twin: Any = copy.copy(layer)
    twin.activation = linear
    return twin.forward(x, ops, training=False, rng=None)[0]


def _d_preactivation(layer: Layer, step: Forward, d_output: Array, ops: Operations) -> Array:
    if not has_activation(layer):
        return d_output
    activation: Any = getattr(layer, "activation", linear)
    return activation.backward(d_output, step.output, ops)


def _own(array: Array, *users: Layer | None) -> Array:
    """The array, or a copy if one of its users is a user's own layer, which might write into what it is given."""
    own = any(layer is not None and kind_of(layer) is None for layer in users)
    return array.copy() if own else array


def _expect_gradient(layer: Layer, gradient: Array | None) -> Array:
    if gradient is None:
        raise ValueError(
            f"Expected a gradient by the input of layer {layer.label}, received None from its backward; return None "
            "only if input_gradient is False."
        )
    return gradient
