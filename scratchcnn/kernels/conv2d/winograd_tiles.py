"""Winograd's transforms of one tile: cut its patch from an image and transform it; transform its product and write it.

A patch, a kernel or a tile of outputs is a small matrix for each channel, and `sandwich` multiplies it from both sides
by known numbers, for a vector of channels at a time. Transformed, the n * n elements of many tiles lie in n * n planes,
element by element, as the matrix products of `winograd` want them.

    patch                Bᵀ d B        n x n inputs   -> one number in each plane
    kernel               G g Gᵀ        3 x 3 weights  -> one number in each plane
    product              Aᵀ p A        one number of each plane -> m x m outputs, with bias and ReLU, and pooled
    gradient of outputs  A dy Aᵀ       m x m          -> one number in each plane
    gradient of kernel   Gᵀ s G        one number of each plane -> 3 x 3

Cost: a few additions for each number; the time goes into the n * n planes, each a cache line of its own.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from scratchcnn.kernels.conv2d.toom_cook import transforms, transpose
from scratchcnn.kernels.gemm.matmul import padded_width, panel_width
from scratchcnn.kernels.max_pool2d import window_maximum
from scratchcnn.kernels.runtime.copying import copy, fill
from scratchcnn.kernels.runtime.jit import serial
from scratchcnn.kernels.simd.two_sided_transform import make_last_sandwich, make_pooled_sandwich, make_sandwich
from scratchcnn.kernels.simd.vectors import VECTOR_BYTES

CACHE_BYTES = 1 << 20  # what the patches and products of the tiles in work may fill: the second-level cache

F2 = transforms([0, 1, -1])
F4 = transforms([0, 1, -1, Fraction(1, 2), -2])

_patch_2, _patch_4 = make_sandwich(F2.patch), make_sandwich(F4.patch)
_kernel_2, _kernel_4 = make_sandwich(F2.kernel), make_sandwich(F4.kernel)
_output_2, _output_4 = make_last_sandwich(F2.output), make_last_sandwich(F4.output)
_pooled_2, _pooled_4 = make_pooled_sandwich(F2.output), make_pooled_sandwich(F4.output)
_output_gradient_2, _output_gradient_4 = make_sandwich(transpose(F2.output)), make_sandwich(transpose(F4.output))
_kernel_gradient_2, _kernel_gradient_4 = make_sandwich(transpose(F2.kernel)), make_sandwich(transpose(F4.kernel))


def tiles_at_once(elements: int, numbers: int, itemsize: int, beside: int = 0) -> int:
    """How many tiles are worked on together: as many as the cache holds, in sixes, as the register tile has rows.

    `beside`: bytes of other things that must find room in it.
    """
    fitting = max(CACHE_BYTES - beside, 0) // (elements * numbers * itemsize)
    return int(min(max(fitting // 6, 4), 16) * 6)


@serial
def planes(elements, count, channels, like):
    """Memory for the tiles in work: for each of their n * n elements a plane with a row of channels for each tile.

    A row is whole vectors; a plane is a cache line longer than its rows, so that planes do not all begin in the same
    set of the cache.
    """
    stride = padded_width(channels, like.itemsize)
    plane = count * stride + 64 // like.itemsize
    return np.empty(elements * plane, like.dtype), stride, plane


@serial
def place_of(tile, down, across, m, before):
    """Image, row and column where the tile, or the patch that it is computed from, begins."""
    image, rest = tile // (down * across), tile % (down * across)
    return image, rest // across * m - before[0], rest % across * m - before[1]


@serial
def transform_kernel(m, kernel, channel, transformed):
    """G g Gᵀ for all filters of a channel, laid out in panels as `matmul` wants them."""
    channels, filters = kernel.shape[2], kernel.shape[3]
    widest = panel_width(kernel.itemsize)
    row, column, plane = 3 * channels * filters, channels * filters, channels * filters
    for first in range(0, filters, widest):
        width = min(widest, filters - first)
        source, target, vectors = channel * filters + first, first * channels + channel * width, _vectors(width, kernel)
        if m == 4:
            _kernel_4(kernel.reshape(-1), source, row, column, transformed, target, 6 * plane, plane, vectors)
        else:
            _kernel_2(kernel.reshape(-1), source, row, column, transformed, target, 4 * plane, plane, vectors)


@serial
def _vectors(numbers, like):
    return numbers // (VECTOR_BYTES // like.itemsize)


@serial
def transform_patch(m, x, place, border, patches, target, plane, stride):
    """Bᵀ d B for all channels; a patch that reaches over the border of its image is first copied, with zeros there."""
    _, height, width, channels = x.shape
    image, top, left = place
    n, numbers = m + 2, x.reshape(-1)
    source, row, column = ((image * height + top) * width + left) * channels, width * channels, channels
    if top < 0 or left < 0 or top + n > height or left + n > width or channels != stride:
        _copy_patch(x, place, n, border, stride)
        numbers, source, row, column = border, 0, n * stride, stride
    if m == 4:
        _patch_4(numbers, source, row, column, patches, target, 6 * plane, plane, _vectors(stride, x))
    else:
        _patch_2(numbers, source, row, column, patches, target, 4 * plane, plane, _vectors(stride, x))


@serial
def _copy_patch(x, place, n, border, stride):
    """The n x n pixels from `place` on, zero outside the image; rows of `stride` numbers for each pixel."""
    _, height, width, channels = x.shape
    image, top, left = place
    fill(border, 0, n * n * stride, 0)
    for a in range(max(0, -top), min(n, height - top)):
        for b in range(max(0, -left), min(n, width - left)):
            copy(x[image, top + a, left + b], 0, border, (a * n + b) * stride, channels)


@serial
def transform_product(m, products, source, plane, y, place, border, start, floor):
    """Aᵀ p A, the bias and ReLU; of a tile that reaches over the border of its image, the inside is copied out."""
    _, height, width, filters = y.shape
    image, top, left = place
    stride = start.size
    if top + m <= height and left + m <= width and filters == stride:
        target = ((image * height + top) * width + left) * filters
        _transform_back(m, products, source, plane, y.reshape(-1), target, width * filters, filters, start, floor)
        return
    _transform_back(m, products, source, plane, border, 0, m * stride, stride, start, floor)
    for a in range(min(m, height - top)):
        for b in range(min(m, width - left)):
            copy(border, (a * m + b) * stride, y[image, top + a, left + b], 0, filters)


@serial
def transform_and_pool(m, products, source, plane, y, winners, place, border, start, floor):
    """The same, and of every 2 x 2 outputs the largest and its place."""
    _, height, width, filters = y.shape
    image, top, left = place
    stride = start.size
    if top + m <= 2 * height and left + m <= 2 * width and filters == stride:
        target, vectors = ((image * height + top // 2) * width + left // 2) * filters, _vectors(stride, start)
        pixels, numbers, row = y.reshape(-1), winners.reshape(-1), width * filters
        if m == 4:
            _pooled_4(
                products, source, 6 * plane, plane, pixels, target, row, filters, vectors, start, floor, numbers
            )  # fmt: skip
        else:
            _pooled_2(
                products, source, 4 * plane, plane, pixels, target, row, filters, vectors, start, floor, numbers
            )  # fmt: skip
        return
    _transform_back(m, products, source, plane, border, 0, m * stride, stride, start, floor)
    for a in range(min(m // 2, height - top // 2)):
        for b in range(min(m // 2, width - left // 2)):
            corner = (2 * a * m + 2 * b) * stride
            target = ((image * height + top // 2 + a) * width + left // 2 + b) * filters
            window_maximum(
                border, corner, m * stride, stride, filters, 2, 0, 2, 0, 2, y.reshape(-1), winners.reshape(-1), target
            )


@serial
def _transform_back(m, products, source, plane, target, target_start, row, column, start, floor):
    vectors = _vectors(start.size, start)
    if m == 4:
        _output_4(products, source, 6 * plane, plane, target, target_start, row, column, vectors, start, floor)
    else:
        _output_2(products, source, 4 * plane, plane, target, target_start, row, column, vectors, start, floor)


@serial
def transform_gradient(m, dy, place, border, gradients, target, plane, stride):
    """A dy Aᵀ for all filters; of a tile that reaches over the border, what lies outside has gradient zero."""
    _, height, width, filters = dy.shape
    image, top, left = place
    numbers = dy.reshape(-1)
    source, row, column = ((image * height + top) * width + left) * filters, width * filters, filters
    if top + m > height or left + m > width or filters != stride:
        _copy_patch(dy, place, m, border, stride)
        numbers, source, row, column = border, 0, m * stride, stride
    if m == 4:
        _output_gradient_4(numbers, source, row, column, gradients, target, 6 * plane, plane, _vectors(stride, dy))
    else:
        _output_gradient_2(numbers, source, row, column, gradients, target, 4 * plane, plane, _vectors(stride, dy))


@serial
def gradient_of_kernel(m, sums, gradient):
    """Gᵀ s G for every channel and all filters."""
    _, _, channels, filters = gradient.shape
    plane, results = channels * filters, gradient.reshape(-1)
    for channel in range(channels):
        at, vectors = channel * filters, _vectors(filters, gradient)
        if m == 4:
            _kernel_gradient_4(sums, at, 6 * plane, plane, results, at, 3 * plane, plane, vectors)
        else:
            _kernel_gradient_2(sums, at, 4 * plane, plane, results, at, 3 * plane, plane, vectors)
