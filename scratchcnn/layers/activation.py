"""Activation: an activation function as a separate layer; and copies of layers without theirs."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from scratchcnn import activations
from scratchcnn.configs import Config
from scratchcnn.layers.base import Gradients, Layer
from scratchcnn.operands import Array
from scratchcnn.operations import Operations


class Activation(Layer):
    """Apply an activation function: to each element (relu, sigmoid, ...) or along the last axis (softmax).

        y = activation(x)

    Notation: x is the input and y the output.

    Parameters
    ----------
    activation : str or ActivationFunction
        A name, such as 'relu', 'softmax' or another of `scratchcnn.activations`.
    input_shape, name
        As for every `Layer`.

    Notes
    -----
    Input and output have the same shape, float32 or float64 like the model; no parameters. Backward:
    `reference.relu_gradient`, `reference.softmax_gradient`, `reference.elementwise_gradient`.

    Cost: a comparison (relu), or an exponential and a few FLOPs (softmax, sigmoid), per element; reads x and writes y
    once. Numerics: see `reference.relu`, `reference.softmax` and `reference.elementwise`.

    Raises
    ------
    ValueError
        There is no activation of that name.

    Examples
    --------
    >>> from scratchcnn import reference
    >>> Activation("relu").forward(np.array([[-1.0, 2.0]]), reference, training=False, rng=None)[0]
    array([[0., 2.]])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", sections 6.2.2 and 6.3.
    """

    mutable = ("activation",)

    def __init__(
        self,
        activation: str | activations.ActivationFunction,
        *,
        input_shape: int | Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name)
        self.activation = activations.get(activation)

    def get_config(self) -> Config:
        """Return the constructor's arguments by name."""
        return {**super().get_config(), "activation": activations.serialize(self.activation)}

    def forward(
        self, x: Array, ops: Operations, training: bool, rng: np.random.Generator | None
    ) -> tuple[Array, Array]:
        """Return the output, and what the activation keeps (by default, the output)."""
        y = self.activation.forward(x, ops)
        return y, self.activation.kept(x, y)

    def backward(
        self, dy: Array, cache: Array, ops: Operations, input_gradient: bool = True
    ) -> tuple[Array | None, Gradients]:
        """Return the gradient with respect to the input."""
        return self.activation.backward(dy, cache, ops) if input_gradient else None, {}


def without_activation(layer: Layer) -> Layer:
    """Return a layer with the same parameters whose output is the preactivation."""
    without = copy.copy(layer)
    vars(without)["activation"] = activations.linear  # of a copy, also where users cannot set it, as of ReLU()
    return without
