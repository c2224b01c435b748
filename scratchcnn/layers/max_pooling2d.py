"""MaxPooling2D: keeps the maximum of each window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scratchcnn.arguments import channels_last, integer_pair, padding_name
from scratchcnn.configs import Config
from scratchcnn.geometry import image_windows
from scratchcnn.layers.base import Gradients, Layer
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations


class MaxPooling2DCache(NamedTuple):
    """What the backward pass needs: the argmax index of each window, and the shape of the input."""

    winners: Array  # (N, OH, OW, C), index of the maximum within its window
    input_shape: Shape  # (N, H, W, C)


class MaxPooling2D(Layer):
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

    def __init__(
        self,
        pool_size: int | Sequence[int] = (2, 2),
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        *,
        data_format: str | None = None,
        input_shape: int | Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        channels_last(data_format, input_shape)
        super().__init__(input_shape=input_shape, name=name)
        self.pool_size = integer_pair("pool_size", pool_size)
        self.strides = self.pool_size if strides is None else integer_pair("strides", strides)
        self.padding = padding_name(padding)

    @property
    def data_format(self) -> str:
        """'channels_last': the axes of a batch are (N, H, W, C)."""
        return "channels_last"

    def get_config(self) -> Config:
        """Return the constructor's arguments by name."""
        return {**super().get_config(), "pool_size": self.pool_size, "strides": self.strides, "padding": self.padding}

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (OH, OW, C) for images of (H, W, C)."""
        self.expect_rank(input_shape, "height, width, channels")
        height, width, channels = input_shape
        windows = image_windows((height, width), self.pool_size, self.strides, self.padding)
        if min(windows.rows.output, windows.columns.output) < 1:
            raise ValueError(
                f"Layer {self.label} expected images of at least one window of {self.pool_size}, received images of "
                f"shape {input_shape}; use padding='same', a smaller window or fewer layers before it."
            )
        return windows.rows.output, windows.columns.output, channels

    def forward(
        self, x: Array, ops: Operations, training: bool, rng: np.random.Generator | None
    ) -> tuple[Array, MaxPooling2DCache]:
        """Return the output (N, OH, OW, C) for images (N, H, W, C)."""
        y, winners = ops.max_pool2d(x, self.pool_size, self.strides, self.padding)
        return y, MaxPooling2DCache(winners, x.shape)

    def backward(
        self, dy: Array, cache: MaxPooling2DCache, ops: Operations, input_gradient: bool = True
    ) -> tuple[Array | None, Gradients]:
        """Return the gradient with respect to the images (N, H, W, C)."""
        if not input_gradient:
            return None, {}
        geometry = (self.pool_size, self.strides, self.padding)
        return ops.max_pool2d_gradient(dy, cache.winners, cache.input_shape, *geometry), {}
