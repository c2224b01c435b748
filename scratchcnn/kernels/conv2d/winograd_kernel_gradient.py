"""Kernel gradient of Winograd's convolution; `winograd` explains the algorithm.

    dg  =  Gᵀ [ sum over tiles of (A dy Aᵀ) * (Bᵀ d B) ] G

Each of the n * n elements is a matrix product over the tiles, (C, tiles) @ (tiles, F), accumulated over all tiles; only
the sum is transformed back.

Cost: 2 * n * n * C * F FLOPs per tile of m * m outputs, and the transforms. Numerics: a sum over the tiles of a
group of images, then over at most 16 groups.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from scratchcnn.geometry import Padding, Pair
from scratchcnn.kernels.conv2d.winograd_tiles import (
    Grid,
    make_planes,
    tiles_at_once,
    transform_gradients,
    transform_kernel_gradient,
    transform_patches,
)
from scratchcnn.kernels.gemm.matmul import matmul, padded_width, product_of
from scratchcnn.kernels.runtime.copying import empty_aligned
from scratchcnn.kernels.runtime.jit import group_count, parallel
from scratchcnn.operands import Array, conv2d_windows, expect


def conv2d_kernel_gradient(
    m: int, dy: Array, x: Array, kernel_size: Pair, strides: Pair = (1, 1), padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:  # fmt: skip
    """Gradient of the loss with respect to the kernel, by F(m x m, 3 x 3).

    `reference.conv2d_kernel_gradient` has the formula.
    """
    kernel_shape = (*kernel_size, x.shape[-1], dy.shape[-1])
    windows = conv2d_windows(x.shape, kernel_shape, strides, padding, dilation_rate)
    channels, filters = kernel_shape[2:]
    expect(x=(x, x.shape), dy=(dy, (len(x), windows.rows.output, windows.columns.output, filters)))
    width = padded_width(filters, x.itemsize)
    sums = (m + 2) ** 2 * channels * width
    groups = np.zeros((group_count(len(x), sums * x.itemsize), sums), x.dtype)
    at_once = tiles_at_once((m + 2) ** 2, channels + width, x.dtype.itemsize)
    before = (windows.rows.before, windows.columns.before)
    _sum_products(product_of(x.dtype), m, np.ascontiguousarray(x), before, np.ascontiguousarray(dy), groups, at_once)
    gradient = np.empty((3, 3, channels, width), x.dtype)
    transform_kernel_gradient(m, groups.sum(axis=0), gradient)
    return np.ascontiguousarray(gradient[..., :filters])


@parallel
def _sum_products(product, m, x, before, dy, groups, at_once):
    """For every group of images: the sum over its tiles of (Bᵀ d B)ᵀ (A dy Aᵀ), a matrix (C, F) for each element."""
    images, height, width, filters = dy.shape
    channels = x.shape[3]
    down, across = (height + m - 1) // m, (width + m - 1) // m
    elements = (m + 2) * (m + 2)
    for group in prange(len(groups)):
        patches, gradients = make_planes(elements, at_once, channels, x), make_planes(elements, at_once, filters, x)
        stride = gradients.stride
        border = empty_aligned(elements * max(patches.stride, stride), x.dtype)
        zeros = np.zeros(stride, x.dtype)
        rows, sum_rows, sums = np.arange(channels), np.arange(channels) * stride, groups[group]
        tiles = images * (group + 1) // len(groups) * down * across
        for first in range(images * group // len(groups) * down * across, tiles, at_once):
            count = min(at_once, tiles - first)
            of_patches = Grid(m, down, across, before[0], before[1])
            transform_patches(of_patches, np.arange(first, first + count), x, border, patches)
            transform_gradients(Grid(m, down, across, 0, 0), first, count, dy, border, gradients)
            columns = np.arange(count) * patches.stride
            for e in range(elements):
                matmul(
                    product, patches.values, e * patches.plane, rows, columns,
                    gradients.values[e * gradients.plane :], stride, zeros,
                    sums, e * channels * stride, sum_rows, 1, 0, stride,
                )  # fmt: skip
