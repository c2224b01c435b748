"""Flatten: lays each sample out as one row."""

from __future__ import annotations

import math

import numpy as np

from scratchcnn.layers.base import Gradients, Layer
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations


class Flatten(Layer):
    """Lays each sample out as one row, the last axis fastest (C order, as in Keras).

        y[n, (h * W + w) * C + c] = x[n, h, w, c]

    Parameters
    ----------
    input_shape, name
        As for every `Layer`.

    Notes
    -----
    Input (N, ...), output (N, product of the rest), float32 or float64 as the model; no parameters; no copy. Backward
    puts the gradient back in shape.

    Cost: none; nothing is read from memory. Numerics: exact.

    Raises
    ------
    ValueError
        input_shape is not a shape of one sample.

    Examples
    --------
    >>> from scratchcnn import reference
    >>> Flatten().forward(np.zeros((5, 12, 12, 64)), reference, training=False, rng=None)[0].shape
    (5, 9216)

    References
    ----------
    The order is that of Keras's Flatten layer, so that weights carry over.
    """

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(product of input_shape,)."""
        return (math.prod(input_shape),)

    def forward(
        self, x: Array, ops: Operations, training: bool, rng: np.random.Generator | None
    ) -> tuple[Array, Shape]:
        """Rows (N, product of the rest); the cache is the shape of x."""
        return x.reshape(len(x), -1), x.shape

    def backward(
        self, dy: Array, cache: Shape, ops: Operations, input_gradient: bool = True
    ) -> tuple[Array | None, Gradients]:
        """The gradient in the shape of the input."""
        return dy.reshape(cache) if input_gradient else None, {}
