"""The base class of the activation functions, and linear, relu and softmax, which compute their gradient from y."""

from __future__ import annotations

from scratchcnn.configs import Configured
from scratchcnn.operands import Array
from scratchcnn.operations import Operations


class ActivationFunction(Configured):
    """Base class of the activation functions; the default is the identity, y = x.

    To write your own, override `forward` and `backward`, and `kept` if the gradient cannot be computed from the output.

    Attributes
    ----------
    name : str
    flops : int, default 0
        FLOPs per element, for `inspection.trace`; an exponential counts as one.
    elementwise : bool, default False
        Whether each output depends on the input at the same position only. The tools of `scratchcnn.inspection` use it
        to find out which inputs a value depends on.
    """

    name = "linear"
    flops = 0
    elementwise = False

    def forward(self, x: Array, ops: Operations) -> Array:
        """Return the output, with the shape of x."""
        return x

    def kept(self, x: Array, y: Array) -> Array:
        """Return what a layer keeps for `backward`, given input and output of `forward`: the output by default."""
        return y

    def backward(self, dy: Array, y: Array, ops: Operations) -> Array:
        """Return the gradient of the loss w.r.t. the input, given that w.r.t. the output, and what `kept` returned."""
        return dy

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


class Linear(ActivationFunction):
    """The identity, y = x."""

    elementwise = True


class ReLU(ActivationFunction):
    """Rectified linear unit, y = max(x, 0); see `reference.relu`."""

    name = "relu"
    flops = 1
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
    flops = 5  # comparison, subtraction, exponential, addition, division

    def forward(self, x: Array, ops: Operations) -> Array:
        """Return the output, with the shape of x."""
        return ops.softmax(x.reshape(-1, x.shape[-1])).reshape(x.shape)

    def backward(self, dy: Array, y: Array, ops: Operations) -> Array:
        """Return the gradient of the loss w.r.t. the input, given that w.r.t. the output y, and y itself."""
        rows = (-1, y.shape[-1])
        return ops.softmax_gradient(dy.reshape(rows), y.reshape(rows)).reshape(y.shape)
