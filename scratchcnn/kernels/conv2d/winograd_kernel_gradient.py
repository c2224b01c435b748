"""Kernel gradient of Winograd's convolution; `winograd` explains the algorithm.

    dg  =  Gᵀ [ sum over tiles of (A dy Aᵀ) * (Bᵀ d B) ] G

Each of the n * n elements is a matrix product over the tiles, (C, tiles) @ (tiles, F), accumulated over all tiles; only
the sum is transformed back.

Cost: 2 * n * n * C * F FLOPs per tile of m * m outputs, and the transforms. Numerics: a sum over the tiles of a
group of images, then over at most 16 groups.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scratchcnn.geometry import Padding, Pair
from scratchcnn.kernels.conv2d.winograd_tiles import (
    Grid,
    Planes,
    make_planes,
    tiles_at_once,
    transform_gradients,
    transform_kernel_gradient,
    transform_patches,
)
from scratchcnn.kernels.gemm.matmul import matmul, padded_width, product_of
from scratchcnn.kernels.runtime.copying import empty_aligned, fill
from scratchcnn.kernels.runtime.groups import sum_of_groups
from scratchcnn.kernels.runtime.jit import group_count, serial
from scratchcnn.kernels.runtime.lending import lend
from scratchcnn.kernels.runtime.loops import parallel_jobs, parallel_jobs_if_large
from scratchcnn.kernels.runtime.workspace import empty
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
    groups = empty((max(1, group_count(len(x), sums * x.itemsize)), sums), x.dtype)
    at_once = tiles_at_once((m + 2) ** 2, channels + width, x.dtype.itemsize)
    before = (windows.rows.before, windows.columns.before)
    operands = product_of(x.dtype), m, np.ascontiguousarray(x), before, np.ascontiguousarray(dy), groups, at_once
    _sum_of_group(len(groups), *operands)
    gradient = empty((3, 3, channels, width), x.dtype)
    _transform_channel(channels, m, sum_of_groups(groups), gradient)
    return np.ascontiguousarray(gradient[..., :filters])


@parallel_jobs_if_large
def _transform_channel(channel, m, sums, gradient):
    transform_kernel_gradient(m, sums, channel, gradient)


class _Work(NamedTuple):
    """Memory for `at_once` transformed patches and gradients, for a tile that crosses the border, and for their sum."""

    at_once: int
    patches: Planes
    gradients: Planes
    border: Array
    sums: Array


@parallel_jobs
def _sum_of_group(group, product, m, x, before, dy, groups, at_once):
    """Allocate the memory of a group of images, and lend it to `_sum_products`."""
    elements, channels, filters = (m + 2) * (m + 2), x.shape[3], dy.shape[3]
    patches, gradients = make_planes(elements, at_once, channels, x), make_planes(elements, at_once, filters, x)
    border = empty_aligned(elements * max(patches.stride, gradients.stride), x.dtype)
    part = len(x) * group // len(groups), len(x) * (group + 1) // len(groups)
    work = _Work(at_once, patches, gradients, border, groups[group])
    lend(_sum_products, (product, m, x, before, dy, part, work))


@serial
def _sum_products(product, m, x, before, dy, images, work):
    """The sum over the tiles of a group of images of (Bᵀ d B)ᵀ (A dy Aᵀ), a matrix (C, F) for each element."""
    at_once, patches, gradients, border, sums = work
    _, height, width, _ = dy.shape
    channels, stride = x.shape[3], gradients.stride
    down, across = (height + m - 1) // m, (width + m - 1) // m
    zeros, rows, sum_rows = np.zeros(stride, x.dtype), np.arange(channels), np.arange(channels) * stride
    first_tile, tiles = images[0] * down * across, images[1] * down * across
    if first_tile == tiles:
        fill(sums, 0, len(sums), 0)
    for first in range(first_tile, tiles, at_once):
        count = min(at_once, tiles - first)
        transform_patches(Grid(m, down, across, *before), np.arange(first, first + count), x, border, patches)
        transform_gradients(Grid(m, down, across, 0, 0), first, count, dy, border, gradients)
        columns, adds = np.arange(count) * patches.stride, 1 if first > first_tile else 0
        for e in range((m + 2) * (m + 2)):
            matmul(
                product, patches.values, e * patches.plane, rows, columns,
                gradients.values[e * gradients.plane :], stride, zeros,
                sums, e * channels * stride, sum_rows, adds, 0, stride,
            )  # fmt: skip
