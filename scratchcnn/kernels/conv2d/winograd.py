"""Winograd's convolution: 3 x 3 kernels with 2.25 or 4 times fewer multiplications.

Two polynomials multiplied at n points cost n multiplications, one for each point, however many terms meet in between;
Toom and Cook multiply so. A row of m outputs of a convolution with r weights is the transpose of such a product, with
n = m + r - 1; Winograd (1980, "Arithmetic complexity of computations") showed that it cannot be done with fewer. In
two dimensions, F(m x m, 3 x 3) cuts the output into tiles of m x m, each from a patch d of n x n inputs:

    y  =  Aᵀ [ (G g Gᵀ) * (Bᵀ d B) ] A           * element by element, summed over the channels

The transforms B, G and A are small matrices of known numbers (`toom_cook`), applied in registers (`sandwich`). In
between, each of the n * n elements is a matrix product of its own, (tiles, C) @ (C, F): what the register tile does
best (Lavin & Gray 2016, arXiv 1509.09308).

    F(2 x 2, 3 x 3)    16 multiplications instead of  36 for a tile
    F(4 x 4, 3 x 3)    36 multiplications instead of 144

The gradients are those of the formula itself: dx is a convolution of dy with g turned round, and
`winograd_gradient` has dg. The transforms, tile by tile, are in `winograd_tiles`; here are the matrix products between.

Numerics: the sums of the transforms are larger than their results, so rounding errors are larger than those of the
plain sum; tests/kernels/conv2d/test_conv2d_algorithms.py derives a bound. The points 0, 1, -1, 1/2, -2 lose less than
the usual 0, 1, -1, 2, -2 (Barabasz et al. 2020, arXiv 1803.10986). A NaN or infinity reaches all outputs of its tile,
not only those that depend on it. And where all that an output depends on is zero, a plain sum is exactly zero, while
F(4 x 4) may leave a ten-millionth of its neighbours: before ReLU and with a bias of zero, as in the first step of a
training, half of such outputs are then open that the plain sum would have closed.

Cost: 2 * n * n / (m * m) FLOPs for each output, channel and filter, and the transforms.
"""

from __future__ import annotations

import math

import numpy as np
from numba import get_num_threads, prange

from scratchcnn.geometry import Padding, Pair, Windows
from scratchcnn.kernels.conv2d.implicit_gemm import padding_for
from scratchcnn.kernels.conv2d.winograd_kernel_gradient import conv2d_kernel_gradient
from scratchcnn.kernels.conv2d.winograd_tiles import (
    place_of,
    planes,
    tiles_at_once,
    transform_and_pool,
    transform_kernel,
    transform_patch,
    transform_product,
)
from scratchcnn.kernels.fused.recompute import Convolved, make_slice, none_made
from scratchcnn.kernels.gemm.matmul import matmul, product_of, start_row
from scratchcnn.kernels.runtime.jit import parallel, serial
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.operands import Array, Shape, conv2d_windows, expect, winner_dtype

IMAGES_AT_ONCE = 4  # that are made here, and that the cache must have room for


def conv2d_2x2(
    x: Array, kernel: Array, bias: Array | None, strides: Pair = (1, 1), padding: Padding = "valid",
    dilation_rate: Pair = (1, 1), relu: bool = False,
) -> Array:  # fmt: skip
    """`reference.conv2d` by F(2 x 2, 3 x 3)."""
    return _conv2d(2, x, kernel, bias, strides, padding, dilation_rate, relu)


def conv2d_4x4(
    x: Array, kernel: Array, bias: Array | None, strides: Pair = (1, 1), padding: Padding = "valid",
    dilation_rate: Pair = (1, 1), relu: bool = False,
) -> Array:  # fmt: skip
    """`reference.conv2d` by F(4 x 4, 3 x 3)."""
    return _conv2d(4, x, kernel, bias, strides, padding, dilation_rate, relu)


def conv2d_kernel_gradient_2x2(
    dy: Array, x: Array, kernel_size: Pair, strides: Pair = (1, 1), padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:  # fmt: skip
    """`reference.conv2d_kernel_gradient` by F(2 x 2, 3 x 3)."""
    return conv2d_kernel_gradient(2, dy, x, kernel_size, strides, padding, dilation_rate)


def conv2d_kernel_gradient_4x4(
    dy: Array, x: Array, kernel_size: Pair, strides: Pair = (1, 1), padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:  # fmt: skip
    """`reference.conv2d_kernel_gradient` by F(4 x 4, 3 x 3)."""
    return conv2d_kernel_gradient(4, dy, x, kernel_size, strides, padding, dilation_rate)


def conv2d_input_gradient_2x2(
    dy: Array, kernel: Array, input_shape: Shape, strides: Pair = (1, 1), padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:  # fmt: skip
    """`reference.conv2d_input_gradient` by F(2 x 2, 3 x 3)."""
    return _conv2d_input_gradient(2, dy, kernel, input_shape, strides, padding, dilation_rate)


def conv2d_input_gradient_4x4(
    dy: Array, kernel: Array, input_shape: Shape, strides: Pair = (1, 1), padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:  # fmt: skip
    """`reference.conv2d_input_gradient` by F(4 x 4, 3 x 3)."""
    return _conv2d_input_gradient(4, dy, kernel, input_shape, strides, padding, dilation_rate)


def _conv2d(
    m: int, x: Array, kernel: Array, bias: Array | None, strides: Pair, padding: Padding, dilation_rate: Pair,
    relu: bool,
) -> Array:  # fmt: skip
    windows = conv2d_windows(x.shape, kernel.shape, strides, padding, dilation_rate)
    expect(x=(x, x.shape), kernel=(kernel, kernel.shape))
    filters = kernel.shape[3]
    y = empty((len(x), windows.rows.output, windows.columns.output, filters), x.dtype)
    _correlate(m, x, windows, kernel, bias, relu, y)
    return y


def conv2d_max_pool2d(
    m: int, x: Array | Convolved, kernel: Array, bias: Array | None, padding: Padding, relu: bool
) -> tuple[Array, Array]:
    """A convolution with the 2 x 2 max-pooling after it: each tile is pooled while it is at hand, and never written.

    The images are an array, or a convolution that makes them one by one.
    """
    windows = conv2d_windows(x.shape, kernel.shape, (1, 1), padding, (1, 1))
    if not isinstance(x, Convolved):
        expect(x=(x, x.shape), kernel=(kernel, kernel.shape))
    shape = (x.shape[0], windows.rows.output // 2, windows.columns.output // 2, kernel.shape[3])
    y, winners = empty(shape, kernel.dtype), empty(shape, winner_dtype((2, 2)))
    _correlate(m, x, windows, kernel, bias, relu, y, winners)
    return y, winners


def _conv2d_input_gradient(
    m: int, dy: Array, kernel: Array, input_shape: Shape, strides: Pair, padding: Padding, dilation_rate: Pair
) -> Array:
    """A convolution of dy with the kernel turned round.

    Pixel q meets output q + before - k through kernel element k, which is element 2 - k of the kernel turned round: so
    its window of dy begins at q + before - 2.
    """
    windows = conv2d_windows(input_shape, kernel.shape, strides, padding, dilation_rate)
    rows, columns = windows
    expect(kernel=(kernel, kernel.shape), dy=(dy, (input_shape[0], rows.output, columns.output, kernel.shape[3])))
    dx = empty(input_shape, dy.dtype)
    turned = kernel[::-1, ::-1].transpose(0, 1, 3, 2)  # (3, 3, F, C)
    turned_windows = Windows(
        rows._replace(before=2 - rows.before, output=rows.size),
        columns._replace(before=2 - columns.before, output=columns.size),
    )
    _correlate(m, dy, turned_windows, turned, None, False, dx)
    return dx


def _correlate(
    m: int, x: Array | Convolved, windows: Windows, kernel: Array, bias: Array | None, relu: bool, y: Array,
    winners: Array | None = None,
) -> None:  # fmt: skip
    """Fill y with the convolution of x, or, where there are winners, y and winners with its pooling."""
    channels, filters, dtype = *kernel.shape[2:], kernel.dtype
    start = start_row(bias, filters, dtype)
    if filters != start.size:  # whole vectors of filters
        kernel = np.pad(kernel, [(0, 0), (0, 0), (0, 0), (0, start.size - filters)])
    elements = (m + 2) ** 2
    transformed = empty((elements * channels * start.size,), dtype)
    beside = IMAGES_AT_ONCE * math.prod(x.shape[1:]) * dtype.itemsize if isinstance(x, Convolved) else 0
    of, images = (x, np.empty((0, *x.shape[1:]), dtype)) if isinstance(x, Convolved) else (none_made(dtype), x)
    _convolve(
        product_of(dtype), m, np.ascontiguousarray(images), of, (windows.rows.before, windows.columns.before),
        np.ascontiguousarray(kernel), transformed, start, dtype.type(0 if relu else -np.inf),
        y, np.empty((0, 0, 0, 0), np.uint8) if winners is None else winners, 1 if winners is None else 2,
        tiles_at_once(elements, channels + start.size, dtype.itemsize, beside), get_num_threads(),
    )  # fmt: skip


@parallel
def _convolve(product, m, x, of, before, kernel, transformed, start, floor, y, winners, pool, at_once, threads):
    """Transform the kernel; then let each thread convolve its share of the tiles.

    `pool` is 2 where y has one number for 2 x 2 outputs, else 1.
    """
    for channel in prange(kernel.shape[2]):
        transform_kernel(m, kernel, np.int64(channel), transformed)
    for share in prange(threads):
        _convolve_share(
            product, m, x, of, before, transformed, start, floor, y, winners, pool, at_once, np.int64(share), threads
        )  # fmt: skip


@serial
def _convolve_share(product, m, x, of, before, transformed, start, floor, y, winners, pool, at_once, share, shares):
    """Some tiles at a time: transform their patches, multiply, transform back."""
    images, height, width, _ = y.shape
    channels, filters = x.shape[3], start.size
    down, across = (height * pool + m - 1) // m, (width * pool + m - 1) // m
    tiles, elements = images * down * across, (m + 2) * (m + 2)
    blocks = (tiles + at_once - 1) // at_once
    patches, patch_stride, patch_plane = planes(elements, at_once, channels, x)
    products, product_stride, product_plane = planes(elements, at_once, filters, x)
    border = np.empty(elements * max(patch_stride, product_stride), x.dtype)
    nothing = np.zeros(filters, x.dtype)
    columns, rows, product_rows = np.arange(channels), np.arange(at_once), np.arange(at_once)
    for i in range(at_once):
        rows[i], product_rows[i] = i * patch_stride, i * product_stride
    x, kept, padded = _images_at_once(x, of, images, at_once // (down * across) + 2)
    made = blocks * share // shares * at_once // (down * across)
    for block in range(blocks * share // shares, blocks * (share + 1) // shares):
        first = block * at_once
        count = min(at_once, tiles - first)
        made = _make_images(of, made, (first + count - 1) // (down * across) + 1, kept, padded, x)
        for i in range(count):
            image, top, left = place_of(first + i, down, across, m, before)
            place = (image % kept, top, left)
            transform_patch(m, x, place, border, patches, i * patch_stride, patch_plane, patch_stride)
        for e in range(elements):
            panels = transformed[e * channels * filters : (e + 1) * channels * filters]
            matmul(
                product, patches, e * patch_plane, rows[:count], columns, panels, filters, nothing,
                products, e * product_plane, product_rows[:count], 0, 0, 0,
            )  # fmt: skip
        for i in range(count):
            place = place_of(first + i, down, across, m, (0, 0))
            source = i * product_stride
            if pool == 2:
                transform_and_pool(m, products, source, product_plane, y, winners, place, border, start, floor)
            else:
                transform_product(m, products, source, product_plane, y, place, border, start, floor)


@serial
def _images_at_once(x, of, images, few):
    """The images: all, if they are there; else room for a few, where each takes the place of an earlier one.

    Their array, how many it holds, and room for the padding of what they are made from.
    """
    padded = padding_for(of.x, (of.padded_height, of.padded_width))
    if len(of.x) == 0:
        return x, max(images, 1), padded
    return np.empty((few, x.shape[1], x.shape[2], x.shape[3]), x.dtype), few, padded


@serial
def _make_images(of, made, wanted, kept, padded, x):
    """Make the images from number `made` to before `wanted`, if they are made here; return the number of the next."""
    size = x.shape[1] * x.shape[2] * x.shape[3]
    if len(of.x) > 0:
        for image in range(made, wanted):
            make_slice(of, image, 0, padded, x.reshape(-1), image % kept * size)
    return max(made, wanted)
