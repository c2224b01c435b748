"""Convolution in compiled loops, directly from its formula: the simplest algorithm, and the one to read first.

Each output is a sum over the kernel elements that lie inside the image. The loop over the filters is the innermost one,
because filters are contiguous in memory, so LLVM vectorizes it; there is no other optimization. The same values are
loaded again for every product. The other algorithms differ in how they keep values in registers and in the cache.

Cost: 2 * N * OH * OW * KH * KW * C * F FLOPs each. Numerics: sums run over (image, output,) kernel row, kernel column
and channel in order, in the dtype of x. Threads take whole images, or whole kernel elements, so that results do not
depend on the number of threads.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from scratchcnn.geometry import Padding, Pair
from scratchcnn.kernels.runtime.jit import parallel
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.operands import Array, Shape, conv2d_windows, expect


def conv2d(
    x: Array,
    kernel: Array,
    bias: Array | None,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:
    """Cross-correlate images with a kernel and add a bias; `reference.conv2d` has the formula."""
    windows = conv2d_windows(x.shape, kernel.shape, strides, padding, dilation_rate)
    filters = kernel.shape[3]
    start = np.zeros(filters, x.dtype) if bias is None else bias
    expect(x=(x, x.shape), kernel=(kernel, kernel.shape), bias=(start, (filters,)))
    y = empty((len(x), windows.rows.output, windows.columns.output, filters), x.dtype)
    _conv2d(np.ascontiguousarray(x), np.ascontiguousarray(kernel), np.ascontiguousarray(start), *windows, y)
    return y


@parallel
def _conv2d(x, kernel, start, rows, columns, y):
    images, output_height, output_width, filters = y.shape
    kernel_height, kernel_width, channels, _ = kernel.shape
    for image in prange(images):
        for oy in range(output_height):
            for ox in range(output_width):
                for f in range(filters):
                    y[image, oy, ox, f] = start[f]
                for ky in range(kernel_height):
                    iy = oy * rows.stride + ky * rows.dilation - rows.before
                    for kx in range(kernel_width):
                        ix = ox * columns.stride + kx * columns.dilation - columns.before
                        if iy < 0 or iy >= rows.size or ix < 0 or ix >= columns.size:
                            continue
                        for c in range(channels):
                            for f in range(filters):
                                y[image, oy, ox, f] += x[image, iy, ix, c] * kernel[ky, kx, c, f]


def conv2d_kernel_gradient(
    dy: Array,
    x: Array,
    kernel_size: Pair,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:
    """Gradient of the loss with respect to the kernel; `reference.conv2d_kernel_gradient` has the formula."""
    kernel_shape = (*kernel_size, x.shape[-1], dy.shape[-1])
    windows = conv2d_windows(x.shape, kernel_shape, strides, padding, dilation_rate)
    expect(x=(x, x.shape), dy=(dy, (len(x), windows.rows.output, windows.columns.output, dy.shape[-1])))
    gradient = np.zeros(kernel_shape, x.dtype)
    _kernel_gradient(np.ascontiguousarray(dy), np.ascontiguousarray(x), *windows, gradient)
    return gradient


@parallel
def _kernel_gradient(dy, x, rows, columns, gradient):
    images, output_height, output_width, filters = dy.shape
    _, kernel_width, channels, _ = gradient.shape
    for element in prange(gradient.size // filters):
        ky, kx, c = element // channels // kernel_width, element // channels % kernel_width, element % channels
        for image in range(images):
            for oy in range(output_height):
                iy = oy * rows.stride + ky * rows.dilation - rows.before
                for ox in range(output_width):
                    ix = ox * columns.stride + kx * columns.dilation - columns.before
                    if iy < 0 or iy >= rows.size or ix < 0 or ix >= columns.size:
                        continue
                    for f in range(filters):
                        gradient[ky, kx, c, f] += x[image, iy, ix, c] * dy[image, oy, ox, f]


def conv2d_input_gradient(
    dy: Array,
    kernel: Array,
    input_shape: Shape,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:
    """Gradient of the loss with respect to the input; `reference.conv2d_input_gradient` has the formula."""
    windows = conv2d_windows(input_shape, kernel.shape, strides, padding, dilation_rate)
    output = (input_shape[0], windows.rows.output, windows.columns.output, kernel.shape[3])
    expect(kernel=(kernel, kernel.shape), dy=(dy, output))
    dx = np.zeros(input_shape, dy.dtype)
    transposed = np.ascontiguousarray(kernel.transpose(0, 1, 3, 2))  # (KH, KW, F, C): channels are contiguous
    _input_gradient(np.ascontiguousarray(dy), transposed, *windows, dx)
    return dx


@parallel
def _input_gradient(dy, kernel, rows, columns, dx):
    images, output_height, output_width, filters = dy.shape
    kernel_height, kernel_width, _, channels = kernel.shape
    for image in prange(images):
        for oy in range(output_height):
            for ox in range(output_width):
                for ky in range(kernel_height):
                    iy = oy * rows.stride + ky * rows.dilation - rows.before
                    for kx in range(kernel_width):
                        ix = ox * columns.stride + kx * columns.dilation - columns.before
                        if iy < 0 or iy >= rows.size or ix < 0 or ix >= columns.size:
                            continue
                        for f in range(filters):
                            for c in range(channels):
                                dx[image, iy, ix, c] += dy[image, oy, ox, f] * kernel[ky, kx, f, c]
