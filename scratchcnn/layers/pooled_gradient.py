"""The gradient that comes back through a max-pooling, before it is laid out: one number and one winner a window."""

from __future__ import annotations

from typing import NamedTuple

from scratchcnn.activations import ActivationFunction
from scratchcnn.geometry import Padding, Pair
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations


class PooledGradient(NamedTuple):
    """Gradient of the loss by what a max-pooling was given, zero but for the winner of each window.

    A layer that knows what to do with it (`Layer.takes_pooled_gradient`) is handed it as it is; for all others the
    backward pass makes it `dense`.

    Attributes
    ----------
    values : (N, PH, PW, C)
        Gradient by each window's winner.
    winners : (N, PH, PW, C)
        Which element of the window won, as `reference.max_pool2d` numbers them.
    outputs : (N, PH, PW, C)
        What won: the output of the pooling.
    input_shape : (N, H, W, C)
    pool_size, strides, padding
        Of the pooling.
    """

    values: Array
    winners: Array
    outputs: Array
    input_shape: Shape
    pool_size: Pair
    strides: Pair
    padding: Padding

    def dense(self, ops: Operations) -> Array:
        """The whole gradient, zeros and all: (N, H, W, C)."""
        return ops.max_pool2d_gradient(
            self.values, self.winners, self.input_shape, self.pool_size, self.strides, self.padding
        )

    def through(self, activation: ActivationFunction, ops: Operations) -> PooledGradient:
        """The gradient before an activation that acts on each number by itself, and whose output was pooled."""
        return self._replace(values=activation.backward(self.values, self.outputs, ops))
