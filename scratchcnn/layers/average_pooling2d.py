"""AveragePooling2D: the mean of each window."""

from __future__ import annotations

import numpy as np

from scratchcnn.layers.base import Gradients
from scratchcnn.layers.pooling2d import Pooling2D
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations


class AveragePooling2D(Pooling2D):
    """Average pooling: the mean of each window, separately for each channel.

        y[n, oy, ox, c] = sum over ky, kx of x[n, oy * SH + ky - top, ox * SW + kx - left, c] / count[oy, ox]

    Notation: x is the input and y the output; n counts the N images, oy and ox the rows and columns of the OH x OW
    outputs, ky and kx those of the KH x KW window, c the C channels. SH and SW are the strides, top and left the rows
    and columns of padding. Positions outside the image are left out of the sum, and count is the number of the others:
    KH * KW, or less at the border of an image with padding.

    Parameters
    ----------
    pool_size : int or (int, int), default 2
        (KH, KW), at least 1.
    strides : int or (int, int) or None, default None
        (SH, SW); None means pool_size, so that the windows tile the image.
    padding : {'valid', 'same'}, default 'valid'
        With 'same', the sum is divided by the number of positions inside the image, as in Keras.
    data_format : {'channels_last', None}
        Accepted, as in Keras; images are (N, H, W, C).
    input_shape, name
        As for every `Layer`.

    Notes
    -----
    Input (N, H, W, C), output (N, OH, OW, C), float32 or float64 like the model; no parameters. Backward:
    `reference.average_pool2d_gradient`. Each element of a window receives an equal share of the gradient; where windows
    overlap, shares are added; dx is (N, H, W, C).

    Cost: KH * KW FLOPs per output; reads x and writes y once. Nothing is stored for the backward pass.

    Numerics: sums of at most KH * KW elements, in the dtype of the model.

    Raises
    ------
    ValueError
        An option is out of range or unknown; at `build`, samples that are not images or too small for one window.

    Examples
    --------
    >>> from scratchcnn import reference
    >>> layer = AveragePooling2D(2)
    >>> y, _ = layer.forward(np.arange(16.0).reshape(1, 4, 4, 1), reference, training=False, rng=None)
    >>> y[0, :, :, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])

    References
    ----------
    LeCun et al. 1998, "Gradient-based learning applied to document recognition", section II.B.
    """

    def forward(
        self, x: Array, ops: Operations, training: bool, rng: np.random.Generator | None
    ) -> tuple[Array, Shape]:
        """Return the output (N, OH, OW, C) for images (N, H, W, C); the cache is the shape of x."""
        return ops.average_pool2d(x, *self.geometry), x.shape

    def backward(
        self, dy: Array, cache: Shape, ops: Operations, input_gradient: bool = True
    ) -> tuple[Array | None, Gradients]:
        """Return the gradient with respect to the images (N, H, W, C)."""
        return ops.average_pool2d_gradient(dy, cache, *self.geometry) if input_gradient else None, {}
