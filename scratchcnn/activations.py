"""Activation functions: relu, softmax, linear. Each has its gradient in terms of its own output."""

from __future__ import annotations

from scratchcnn.configs import Configured, name_or_self
from scratchcnn.names import look_up
from scratchcnn.operands import Array
from scratchcnn.operations import Operations


class ActivationFunction(Configured):
    """Base of the activation functions; by itself y = x.

    Attributes
    ----------
    name : str
    elementwise : bool
        Whether it acts on each number by itself, so that a gradient of winners alone can pass through it. False unless
        a function says otherwise: that is always right, and slower.
    """

    name = "linear"
    elementwise = False

    def forward(self, x: Array, ops: Operations) -> Array:
        """The output, of the shape of x."""
        return x

    def backward(self, dy: Array, y: Array, ops: Operations) -> Array:
        """Gradient of the loss by the input, from that by the output and the output itself."""
        return dy


class Linear(ActivationFunction):
    """y = x."""

    elementwise = True


class ReLU(ActivationFunction):
    """y = max(x, 0); see `reference.relu`."""

    name = "relu"
    elementwise = True

    def forward(self, x: Array, ops: Operations) -> Array:
        """The output, of the shape of x."""
        return ops.relu(x)

    def backward(self, dy: Array, y: Array, ops: Operations) -> Array:
        """Gradient of the loss by the input, from that by the output and the output itself."""
        return ops.relu_gradient(dy, y)


class Softmax(ActivationFunction):
    """Probabilities along the last axis; see `reference.softmax`."""

    name = "softmax"

    def forward(self, x: Array, ops: Operations) -> Array:
        """The output, of the shape of x."""
        return ops.softmax(x.reshape(-1, x.shape[-1])).reshape(x.shape)

    def backward(self, dy: Array, y: Array, ops: Operations) -> Array:
        """Gradient of the loss by the input, from that by the output and the output itself."""
        rows = (-1, y.shape[-1])
        return ops.softmax_gradient(dy.reshape(rows), y.reshape(rows)).reshape(y.shape)


linear, relu, softmax = Linear(), ReLU(), Softmax()
KNOWN: dict[str, ActivationFunction] = {function.name: function for function in (linear, relu, softmax)}


def get(identifier: str | ActivationFunction | None) -> ActivationFunction:
    """The activation of that name, or `identifier` itself if it is one; None is linear.

    Raises
    ------
    ValueError
        There is no activation of that name.
    """
    if isinstance(identifier, ActivationFunction):
        return identifier
    return look_up("activation", "linear" if identifier is None else identifier, KNOWN)


def serialize(activation: ActivationFunction) -> str | ActivationFunction:
    """The name of an activation, for a config; a user's own stays as it is."""
    return name_or_self(activation, KNOWN)
