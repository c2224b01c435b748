"""Kernel gradient of a convolution of interleaved images (see `interleaved`).

    dk[k, f]  =  sum over the images, and over the pixels p of each, of  x[corners[p] + elements[k]] * dy[p, f]

Each lane of a vector sums the products of its own images; the lanes are added up at the end. A band of x and of dy is
small enough for the first-level cache, because it is read again for every few elements of the kernel.

Cost: 2 * N * OH * OW * KH * KW * C * F FLOPs, one pass over x and dy, and their transposes.

Numerics: a sum over the pixels of every L-th image of a group, then over the L lanes, then over at most 16 groups, in
the dtype of x. The groups do not depend on the number of threads, so neither does any bit of the results.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange

from scratchcnn.geometry import Padding, Pair
from scratchcnn.kernels.bias import sum_of_images
from scratchcnn.kernels.conv2d import implicit_gemm
from scratchcnn.kernels.conv2d.implicit_gemm import padded_images
from scratchcnn.kernels.conv2d.interleaved import are_few, bands_of, interleave_band, room_for_source
from scratchcnn.kernels.runtime.copying import empty_aligned, fill
from scratchcnn.kernels.runtime.groups import sum_of_groups
from scratchcnn.kernels.runtime.jit import group_count, parallel, serial
from scratchcnn.kernels.simd.interleave import interleave
from scratchcnn.kernels.simd.interleaved_products import ELEMENTS, FILTERS, add_products
from scratchcnn.kernels.simd.vectors import VECTOR_BYTES
from scratchcnn.operands import Array, conv2d_windows, expect

BAND_BYTES = 64 * 1024  # of x and dy in a band, about


def conv2d_kernel_gradient(
    dy: Array,
    x: Array,
    kernel_size: Pair,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:
    """Gradient of the loss with respect to the kernel; `reference.conv2d_kernel_gradient` has the formula."""
    return _kernel_and_bias_sums(dy, None, x, kernel_size, strides, padding, dilation_rate, bias=False)[0]


def conv2d_parameter_gradients(
    dy: Array,
    y: Array | None,
    x: Array,
    kernel_size: Pair,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> tuple[Array, Array]:
    """Kernel and bias gradients, backpropagated through the ReLU with output y, or none if y is None.

    dy is masked by the ReLU where it was interleaved, and summed for the bias at the same time.
    """
    return _kernel_and_bias_sums(dy, y, x, kernel_size, strides, padding, dilation_rate, bias=True)


def _kernel_and_bias_sums(
    dy: Array, y: Array | None, x: Array, kernel_size: Pair, strides: Pair, padding: Padding, dilation_rate: Pair,
    bias: bool,
) -> tuple[Array, Array]:  # fmt: skip
    count, channels, filters = x.shape[0], x.shape[-1], dy.shape[-1]
    windows = conv2d_windows(x.shape, (*kernel_size, channels, filters), strides, padding, dilation_rate)
    shape = (count, windows.rows.output, windows.columns.output, filters)
    expect(x=(x, x.shape), dy=(dy, shape))
    if y is not None:
        expect(dy=(dy, shape), y=(y, shape))
    if are_few(count, x.dtype):
        if bias:
            return implicit_gemm.conv2d_parameter_gradients(dy, y, x, kernel_size, strides, padding, dilation_rate)
        return implicit_gemm.conv2d_kernel_gradient(dy, x, kernel_size, strides, padding, dilation_rate), np.empty(0)
    size, lanes = kernel_size[0] * kernel_size[1] * channels * filters, VECTOR_BYTES // x.itemsize
    blocks = -(-count // lanes)
    groups = np.empty((group_count(blocks, size * VECTOR_BYTES), size), x.dtype)
    lane_sums = np.zeros((blocks, filters, lanes), np.float64)
    dy, images = np.ascontiguousarray(dy), padded_images(x, windows)
    outputs = dy if y is None else np.ascontiguousarray(y)
    bands = bands_of(windows.rows, images, shape, BAND_BYTES)
    _sum_products(images, dy, outputs, y is not None, bias, bands, groups, lane_sums.reshape(blocks, filters * lanes))
    image_sums = np.ascontiguousarray(lane_sums.transpose(0, 2, 1)).reshape(blocks * lanes, filters)[:count]
    return sum_of_groups(groups).reshape(*kernel_size, channels, filters), sum_of_images(image_sums, dy.dtype)


@parallel
def _sum_products(images, dy, y, has_relu, bias, bands, groups, lane_sums):
    """For every group of images: groups[g, k, f] = sum over i, p of image i[corners[p] + elements[k]] * dy[i, p, f].

    `has_relu`: dy counts only where y > 0. `bias`: lane_sums, (blocks, F * L), becomes the sum of dy over p.
    """
    count, rows, columns, filters = dy.shape
    lanes, depth = VECTOR_BYTES // dy.itemsize, images.elements.size
    group_total, blocks = len(groups), len(lane_sums)
    for group in prange(group_total):
        room = GradientRoom(
            room_for_source(images, bands),
            empty_aligned(bands.rows * columns * filters * lanes, dy.dtype),
            empty_aligned(bands.rows * columns * filters * lanes if has_relu else 0, dy.dtype),
            empty_aligned(depth * filters * lanes, dy.dtype),
        )
        fill(room.sums, 0, room.sums.size, 0)
        for block in range(blocks * group // group_total, blocks * (group + 1) // group_total):
            present = min(lanes, count - block * lanes)
            for band in range(bands.number):
                first, last = rows * band // bands.number * columns, rows * (band + 1) // bands.number * columns
                at, image_size = (block * rows * columns * lanes + first) * filters, rows * columns * filters
                length = (last - first) * filters
                interleave(dy.reshape(-1), at, image_size, present, room.gradients, 0, length, dy)
                if has_relu:
                    interleave(y.reshape(-1), at, image_size, present, room.outputs, 0, length, dy)
                if has_relu or bias:
                    mask_and_sum(room.gradients, room.outputs, has_relu, last - first, lane_sums[block])
                add_band(images, block * lanes, present, first, last, filters, room)
        sum_lanes(room.sums, lanes, groups[group])


class GradientRoom(NamedTuple):
    """Memory for a band of L images: interleaved input, output gradient, and output of the ReLU; and for the sums."""

    source: Array
    gradients: Array
    outputs: Array
    sums: Array


@serial
def mask_and_sum(gradients, outputs, has_relu, pixels, sums):
    """Set gradients to zero where the ReLU did, and add them, pixel by pixel, to `sums` of all elements of a pixel."""
    for pixel in range(pixels):
        gradient = gradients[pixel * sums.size : (pixel + 1) * sums.size]
        if has_relu:
            output = outputs[pixel * sums.size : (pixel + 1) * sums.size]
            for i in range(sums.size):
                gradient[i] = gradient[i] if output[i] > 0 else 0
        for i in range(sums.size):
            sums[i] += gradient[i]


@serial
def add_band(images, image, present, first, last, filters, room):
    """Add the products of a band of `present` images from `image` on, whose gradients are in `room`, to its sums."""
    start = interleave_band(images, image, present, first, last, room.source)
    parts, depth = (filters + FILTERS - 1) // FILTERS, images.elements.size
    for part in range(parts):
        f, f_end = filters * part // parts, filters * (part + 1) // parts
        for element in range(0, depth, ELEMENTS):
            add_products(
                room.source, start, images.corners, first, last, images.elements, element, depth, room.gradients,
                -first * filters, filters, f, f_end - f, room.sums,
            )  # fmt: skip


@serial
def sum_lanes(sums, lanes, total):
    """Add up the lanes of every element."""
    for i in range(total.size):
        lane_sum = total.dtype.type(0)
        for lane in range(lanes):
            lane_sum += sums[i * lanes + lane]
        total[i] = lane_sum
