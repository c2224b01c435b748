"""The gradient of a convolution's kernel by Winograd: `winograd` has the idea.

    dg  =  Gᵀ [ sum over tiles of (A dy Aᵀ) * (Bᵀ d B) ] G

Each of the n * n elements is a matrix product over the tiles, (C, tiles) @ (tiles, F), added up tile after tile; only
the sum is transformed back.

Cost: 2 * n * n * C * F FLOPs for each tile of m * m outputs, and the transforms. Numerics: a sum over the tiles of a
group of images, then over at most 16 groups.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from scratchcnn.geometry import Padding, Pair
from scratchcnn.kernels.conv2d.winograd_tiles import (
    gradient_of_kernel,
    place_of,
    planes,
    tiles_at_once,
    transform_gradient,
    transform_patch,
)
from scratchcnn.kernels.gemm.matmul import matmul, padded_width, product_of
from scratchcnn.kernels.runtime.jit import group_count, parallel
from scratchcnn.operands import Array, conv2d_windows, expect


def conv2d_kernel_gradient(
    m: int, dy: Array, x: Array, kernel_size: Pair, strides: Pair, padding: Padding, dilation_rate: Pair
) -> Array:
    """Numerics: a sum over the tiles of a group of images, then over at most 16 groups."""
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
    gradient_of_kernel(m, groups.sum(axis=0), gradient)
    return np.ascontiguousarray(gradient[..., :filters])


@parallel
def _sum_products(product, m, x, before, dy, groups, at_once):
    """For every group of images: the sum over its tiles of (Bᵀ d B)ᵀ (A dy Aᵀ), a matrix (C, F) for each element."""
    images, height, width, filters = dy.shape
    channels = x.shape[3]
    down, across = (height + m - 1) // m, (width + m - 1) // m
    elements = (m + 2) * (m + 2)
    for group in prange(len(groups)):
        patches, patch_stride, patch_plane = planes(elements, at_once, channels, x)
        gradients, gradient_stride, gradient_plane = planes(elements, at_once, filters, x)
        border = np.empty(elements * max(patch_stride, gradient_stride), x.dtype)
        nothing = np.zeros(gradient_stride, x.dtype)
        rows, sum_rows, sums = np.arange(channels), np.arange(channels) * gradient_stride, groups[group]
        tiles = images * (group + 1) // len(groups) * down * across
        for first in range(images * group // len(groups) * down * across, tiles, at_once):
            count = min(at_once, tiles - first)
            for i in range(count):
                place = place_of(first + i, down, across, m, before)
                transform_patch(m, x, place, border, patches, i * patch_stride, patch_plane, patch_stride)
                place = place_of(first + i, down, across, m, (0, 0))
                transform_gradient(
                    m, dy, place, border, gradients, i * gradient_stride, gradient_plane, gradient_stride
                )
            columns = np.arange(count) * patch_stride
            for e in range(elements):
                matmul(
                    product, patches, e * patch_plane, rows, columns,
                    gradients[e * gradient_plane :], gradient_stride, nothing,
                    sums, e * channels * gradient_stride, sum_rows, 1, 0, gradient_stride,
                )  # fmt: skip
