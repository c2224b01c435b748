"""A convolution and the max-pooling after it, as one operation where that pays.

The output of the convolution is four times as large as what the pooling leaves of it. Winograd's tiles are pooled while
they are in the cache, and the whole output is never written to memory nor read again; elsewhere the two operations
follow each other.

Cost: the FLOPs of the convolution, and KH * KW comparisons for each output of the pooling; where tiles are pooled,
reads x and the kernel, writes a number and its winner for each window.
"""

from __future__ import annotations

from scratchcnn.algorithms import Algorithm, Problem, algorithm_name, choose
from scratchcnn.geometry import Padding, Pair
from scratchcnn.kernels.conv2d import winograd
from scratchcnn.kernels.conv2d.dispatch import conv2d
from scratchcnn.kernels.max_pool2d import max_pool2d
from scratchcnn.operands import Array, conv2d_windows, pool2d_windows


def conv2d_max_pool2d(
    x: Array,
    kernel: Array,
    bias: Array | None,
    pool_size: Pair,
    pool_strides: Pair,
    pool_padding: Padding,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
    relu: bool = False,
    algorithm: Algorithm = "auto",
) -> tuple[Array, Array]:
    """The largest output of every window and its place; `reference.conv2d_max_pool2d` has the formula."""
    windows = conv2d_windows(x.shape, kernel.shape, strides, padding, dilation_rate)
    output_shape = (len(x), windows.rows.output, windows.columns.output, kernel.shape[3])
    pool2d_windows(output_shape, pool_size, pool_strides, pool_padding)
    chosen = choose(algorithm_name(algorithm), Problem(windows, kernel.shape[2], kernel.shape[3], x.dtype)).forward
    if chosen.startswith("winograd") and (pool_size, pool_strides) == ((2, 2), (2, 2)) and pool_padding == "valid":
        return winograd.conv2d_max_pool2d(4 if chosen == "winograd_4x4" else 2, x, kernel, bias, padding, relu)
    y = conv2d(x, kernel, bias, strides, padding, dilation_rate, relu, algorithm)
    return max_pool2d(y, pool_size, pool_strides, pool_padding)
