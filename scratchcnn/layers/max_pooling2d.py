"""MaxPooling2D: keeps the maximum of each window."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scratchcnn.layers.base import Gradients
from scratchcnn.layers.pooling2d import Pooling2D
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations


class MaxPooling2DCache(NamedTuple):
    """What the backward pass needs: the argmax index of each window, and the shape of the input."""

    winners: Array  # (N, OH, OW, C), index of the maximum within its window
    input_shape: Shape  # (N, H, W, C)


class MaxPooling2D(Pooling2D):
    """Max pooling: the maximum of each window, separately for each channel.

        y[n, oy, ox, c] = max over ky, kx of x[n, oy * SH + ky - top, ox * SW + kx - left, c]

    Notation: x is the input and y the output; n counts the N images, oy and ox the rows and columns of the OH x OW
    outputs, ky and kx those of the KH x KW window, c the C channels. SH and SW are the strides, top and left the rows
    and columns of padding.

    Parameters
    ----------
    pool_size : int or (int, int), default 2
        (KH, KW), at least 1.
    strides : int or (int, int) or None, default None
        (SH, SW); None means pool_size, so that the windows tile the image.
    padding : {'valid', 'same'}, default 'valid'
        With 'same', positions outside the image count as minus infinity.
    data_format : {'channels_last', None}
        Accepted, as in Keras; images are (N, H, W, C).
    input_shape, name
        As for every `Layer`.

    Notes
    -----
    Input (N, H, W, C), output (N, OH, OW, C), float32 or float64 like the model; no parameters. Backward: the gradient
    of each window goes to its maximum (the first one in row-major order if several are equal); where windows overlap,
    gradients are added; dx is (N, H, W, C).

    Cost: KH * KW comparisons per output; reads x, writes y and the argmax indices (usually one byte each).

    Numerics: exact; NaN counts as larger than any other value.

    Raises
    ------
    ValueError
        An option is out of range or unknown; at `build`, samples that are not images or too small for one window.

    Examples
    --------
    >>> from scratchcnn import reference
    >>> layer = MaxPooling2D(2)
    >>> y, _ = layer.forward(np.arange(16.0).reshape(1, 4, 4, 1), reference, training=False, rng=None)
    >>> y[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 9.3.
    """

    def forward(
        self, x: Array, ops: Operations, training: bool, rng: np.random.Generator | None
    ) -> tuple[Array, MaxPooling2DCache]:
        """Return the output (N, OH, OW, C) for images (N, H, W, C)."""
        y, winners = ops.max_pool2d(x, *self.geometry)
        return y, MaxPooling2DCache(winners, x.shape)

    def backward(
        self, dy: Array, cache: MaxPooling2DCache, ops: Operations, input_gradient: bool = True
    ) -> tuple[Array | None, Gradients]:
        """Return the gradient with respect to the images (N, H, W, C)."""
        if not input_gradient:
            return None, {}
        return ops.max_pool2d_gradient(dy, cache.winners, cache.input_shape, *self.geometry), {}
