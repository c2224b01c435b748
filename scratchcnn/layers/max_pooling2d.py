"""MaxPooling2D: of every window only the largest number goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scratchcnn.arguments import integer_pair, padding_name
from scratchcnn.configs import Config
from scratchcnn.geometry import image_windows
from scratchcnn.layers.base import Gradients, Layer
from scratchcnn.layers.pooled_gradient import PooledGradient
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations


class MaxPooling2DCache(NamedTuple):
    """What the backward pass needs: which element of each window won, what it was, and the shape of the input."""

    winners: Array
    outputs: Array
    input_shape: Shape


class MaxPooling2D(Layer):
    """The largest number of every window, for each channel by itself.

        y[n, oy, ox, c] = max over ky, kx of x[n, oy * SH + ky - top, ox * SW + kx - left, c]

    Parameters
    ----------
    pool_size : int or (int, int), default 2
        (KH, KW), 1 or more.
    strides : int or (int, int) or None, default None
        (SH, SW); None is the pool size, so that windows neither overlap nor leave gaps.
    padding : {'valid', 'same'}, default 'valid'
        With 'same', positions outside the image never win.
    input_shape, name
        As for every `Layer`.

    Notes
    -----
    Input (N, H, W, C), output (N, OH, OW, C), float32 or float64 as the model; no parameters. Backward: each window
    sends its gradient to the element that won, the first of equals in reading order; where windows overlap, gradients
    add up; dx is (N, H, W, C).

    Cost: KH * KW comparisons for each output; reads x, writes y and the winners, mostly a byte for each output.

    Numerics: exact; a NaN wins over every number.

    Raises
    ------
    ValueError
        An option is out of range or unknown; at `build`, samples that are no images or too small for one window.

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
        input_shape: int | Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name)
        self.pool_size = integer_pair("pool_size", pool_size)
        self.strides = self.pool_size if strides is None else integer_pair("strides", strides)
        self.padding = padding_name(padding)

    def get_config(self) -> Config:
        """The arguments of the constructor, by name."""
        return {**super().get_config(), "pool_size": self.pool_size, "strides": self.strides, "padding": self.padding}

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(OH, OW, C) for images of (H, W, C)."""
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
        """Outputs (N, OH, OW, C) of images (N, H, W, C)."""
        y, winners = ops.max_pool2d(x, self.pool_size, self.strides, self.padding)
        return y, MaxPooling2DCache(winners, y, x.shape)

    def backward(
        self, dy: Array, cache: MaxPooling2DCache, ops: Operations, input_gradient: bool = True
    ) -> tuple[Array | None, Gradients]:
        """Gradient by the images (N, H, W, C)."""
        if not input_gradient:
            return None, {}
        return self.pooled_gradient(dy, cache).dense(ops), {}

    def pooled_gradient(self, dy: Array, cache: MaxPooling2DCache) -> PooledGradient:
        """The same gradient, not laid out: for a layer before this one that can use its zeros."""
        return PooledGradient(
            dy, cache.winners, cache.outputs, cache.input_shape, self.pool_size, self.strides, self.padding
        )
