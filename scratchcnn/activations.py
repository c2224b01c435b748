"""Activation functions: relu, softmax, linear. Each computes its gradient from its own output."""

from __future__ import annotations

from scratchcnn.configs import Configured, name_or_self
from scratchcnn.names import look_up
from scratchcnn.operands import Array
from scratchcnn.operations import Operations


class ActivationFunction(Configured):
    """Base class of the activation functions; the default is the identity, y = x.

    To write your own, override `forward` and `backward`.

    Attributes
    ----------
    name : str
    elementwise : bool, default False
        Whether each output depends on the input at the same position only. The tools of `scratchcnn.inspection` use it
        to find out which inputs a value depends on.
    """

    name = "linear"
    elementwise = False

    def forward(self, x: Array, ops: Operations) -> Array:
        """Return the output, with the shape of x."""
        return x

    def backward(self, dy: Array, y: Array, ops: Operations) -> Array:
        """Return the gradient of the loss w.r.t. the input, given that w.r.t. the output y, and y itself."""
        return dy


class Linear(ActivationFunction):
    """The identity, y = x."""

    elementwise = True


class ReLU(ActivationFunction):
    """Rectified linear unit, y = max(x, 0); see `reference.relu`."""

    name = "relu"
    elementwise = True

    def forward(self, x: Array, ops: Operations) -> Array:
        """Return the output, with the shape of x."""
        return ops.relu(x)

    def backward(self, dy: Array, y: Array, ops: Operations) -> Array:
        """Return the gradient of the loss w.r.t. the input, given that w.r.t. the output y, and y itself."""
        return ops.relu_gradient(dy, y)


class Softmax(ActivationFunction):
    """Softmax along the last axis; see `reference.softmax`."""

    name = "softmax"

    def forward(self, x: Array, ops: Operations) -> Array:
        """Return the output, with the shape of x."""
        return ops.softmax(x.reshape(-1, x.shape[-1])).reshape(x.shape)

    def backward(self, dy: Array, y: Array, ops: Operations) -> Array:
        """Return the gradient of the loss w.r.t. the input, given that w.r.t. the output y, and y itself."""
        rows = (-1, y.shape[-1])
        return ops.softmax_gradient(dy.reshape(rows), y.reshape(rows)).reshape(y.shape)


linear, relu, softmax = Linear(), ReLU(), Softmax()
KNOWN: dict[str, ActivationFunction] = {function.name: function for function in (linear, relu, softmax)}


def get(identifier: str | ActivationFunction | None) -> ActivationFunction:
    """Return the activation of that name, or `identifier` itself if it is one; None means linear.

    Raises
    ------
    ValueError
        There is no activation of that name.
    """
    if isinstance(identifier, ActivationFunction):
        return identifier
    return look_up("activation", "linear" if identifier is None else identifier, KNOWN)


def serialize(activation: ActivationFunction) -> str | ActivationFunction:
    """Return the name of an activation, for a config; a user's own activation is returned itself."""
    return name_or_self(activation, KNOWN)
