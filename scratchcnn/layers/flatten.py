"""Flatten: reshapes each sample to a vector."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from scratchcnn.configs import Config
from scratchcnn.layers.base import Gradients, ImageLayer
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations


class Flatten(ImageLayer):
    """Reshape each sample to a vector, with the last axis varying fastest (C order, as in Keras).

        y[n, (h * W + w) * C + c] = x[n, h, w, c]

    Notation: x is the input and y the output, here for images of height H, width W and C channels; n counts the images,
    h the rows, w the columns, c the channels.

    Parameters
    ----------
    data_format : {'channels_last', None}
        Accepted, as in Keras; images are (N, H, W, C).
    input_shape, name
        As for every `Layer`.

    Notes
    -----
    Input (N, ...), output (N, product of the other axes), float32 or float64 like the model; no parameters. Backward:
    the gradient is reshaped to the shape of the input.

    Cost: none; values are neither read nor copied. Numerics: exact.

    Raises
    ------
    ValueError
        input_shape is not the shape of one sample.

    Examples
    --------
    >>> from scratchcnn import reference
    >>> Flatten().forward(np.zeros((5, 12, 12, 64)), reference, training=False, rng=None)[0].shape
    (5, 9216)

    References
    ----------
    The order is that of Keras's Flatten layer, so that weights carry over.
    """

    def __init__(
        self,
        data_format: str | None = None,
        *,
        input_shape: int | Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(data_format, input_shape=input_shape, name=name)

    def get_config(self) -> Config:
        """Return the constructor's arguments by name, without data_format, which has one value only."""
        return super().get_config()

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (product of input_shape,)."""
        return (math.prod(input_shape),)

    def forward(
        self, x: Array, ops: Operations, training: bool, rng: np.random.Generator | None
    ) -> tuple[Array, Shape]:
        """Return the output (N, product of the other axes); the cache is the shape of x."""
        return x.reshape(len(x), -1), x.shape

    def backward(
        self, dy: Array, cache: Shape, ops: Operations, input_gradient: bool = True
    ) -> tuple[Array | None, Gradients]:
        """Return the gradient with respect to the input."""
        return dy.reshape(cache) if input_gradient else None, {}
