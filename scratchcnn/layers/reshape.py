"""Reshape: gives each sample another shape."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from scratchcnn.arguments import target_shape as checked_shape
from scratchcnn.configs import Config
from scratchcnn.layers.base import Gradients, Layer
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations


class Reshape(Layer):
    """Reshape each sample, with the last axis varying fastest (C order, as in Keras).

        y[n, i] = x[n, i]

    Notation: x is the input and y the output; n counts the samples, i the values of a sample, row by row, with the
    channels of a pixel next to each other.

    Parameters
    ----------
    target_shape : tuple of int
        Shape of one output, without the batch axis. One length may be -1: it follows from the others.
    input_shape, name
        As for every `Layer`.

    Notes
    -----
    Input (N, ...), output (N, *target_shape), float32 or float64 like the model; no parameters. Backward: the gradient
    is reshaped to the shape of the input.

    Cost: none; values are neither read nor copied. Numerics: exact.

    Raises
    ------
    ValueError
        target_shape is not such a tuple; at `build`, samples with another number of values.

    Examples
    --------
    >>> from scratchcnn import reference
    >>> Reshape((28, -1, 1)).forward(np.zeros((5, 784)), reference, training=False, rng=None)[0].shape
    (5, 28, 28, 1)

    References
    ----------
    The order is that of `numpy.reshape` and of Keras's Reshape layer.
    """

    def __init__(
        self,
        target_shape: Sequence[int],
        *,
        input_shape: int | Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name)
        self.target_shape = checked_shape("target_shape", target_shape)

    def get_config(self) -> Config:
        """Return the constructor's arguments by name."""
        return {**super().get_config(), "target_shape": self.target_shape}

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return target_shape, with the length that follows from the others."""
        count, known = math.prod(input_shape), math.prod(length for length in self.target_shape if length != -1)
        unknown, rest = divmod(count, known)
        if rest or (unknown != 1 and -1 not in self.target_shape):
            expected = f"a multiple of {known:,}" if -1 in self.target_shape else f"{known:,}"
            raise ValueError(
                f"Layer {self.label} expected samples of {expected} values for target_shape {self.target_shape}, "
                f"received {count:,} in samples of shape {input_shape}; change target_shape."
            )
        return tuple(unknown if length == -1 else length for length in self.target_shape)

    def forward(
        self, x: Array, ops: Operations, training: bool, rng: np.random.Generator | None
    ) -> tuple[Array, Shape]:
        """Return the output (N, *target_shape); the cache is the shape of x."""
        return x.reshape(len(x), *self.compute_output_shape(x.shape[1:])), x.shape

    def backward(
        self, dy: Array, cache: Shape, ops: Operations, input_gradient: bool = True
    ) -> tuple[Array | None, Gradients]:
        """Return the gradient with respect to the input."""
        return dy.reshape(cache) if input_gradient else None, {}
