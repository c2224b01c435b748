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

from scratchcnn.geometry import Padding, Pair, Windows
from scratchcnn.kernels.bias import sum_of_images
from scratchcnn.kernels.conv2d import implicit_gemm
from scratchcnn.kernels.conv2d.implicit_gemm import padded_images
from scratchcnn.kernels.conv2d.interleaved import (
    are_few,
    bands_of,
    interleave_band,
    pixel_by_pixel,
    room_for_source,
)
from scratchcnn.kernels.max_pool2d import spread_row
from scratchcnn.kernels.runtime.copying import empty_aligned, fill
from scratchcnn.kernels.runtime.groups import sum_of_groups
from scratchcnn.kernels.runtime.jit import group_count, serial
from scratchcnn.kernels.runtime.loops import parallel_jobs
from scratchcnn.kernels.simd.interleave import interleave
from scratchcnn.kernels.simd.interleaved_products import ELEMENTS, FILTERS, add_products
from scratchcnn.kernels.simd.vectors import VECTOR_BYTES
from scratchcnn.operands import Array, Convolution, PooledGradient, conv2d_windows, expect

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
    if are_few(len(x), x.dtype):
        return implicit_gemm.conv2d_kernel_gradient(dy, x, kernel_size, strides, padding, dilation_rate)
    windows = conv2d_windows(x.shape, (*kernel_size, x.shape[-1], dy.shape[-1]), strides, padding, dilation_rate)
    gradient = _dense_gradient(dy, None, x, windows)
    return _kernel_and_bias_sums(gradient, pixel_by_pixel(windows), x, windows, bias=False)[0]


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
    if are_few(len(x), x.dtype):
        return implicit_gemm.conv2d_parameter_gradients(dy, y, x, kernel_size, strides, padding, dilation_rate)
    windows = conv2d_windows(x.shape, (*kernel_size, x.shape[-1], dy.shape[-1]), strides, padding, dilation_rate)
    gradient = _dense_gradient(dy, y, x, windows)
    return _kernel_and_bias_sums(gradient, pixel_by_pixel(windows), x, windows, bias=True)


def conv2d_max_pool2d_parameter_gradients(
    pooled: PooledGradient, x: Array, convolution: Convolution, pool: Windows
) -> tuple[Array, Array]:
    """Kernel and bias gradients of a convolution, backpropagated through the max pooling that follows and its ReLU.

    The windows must not overlap along the rows. The pooled gradient is masked by the ReLU and spread to the argmax
    indices where it was interleaved.
    """
    values, winners, outputs = map(np.ascontiguousarray, pooled)
    gradient = OutputGradient(values, outputs, winners, convolution.relu, is_pooled=True)
    return _kernel_and_bias_sums(gradient, pool, x, convolution.windows(x.shape), bias=True)


class OutputGradient(NamedTuple):
    """Gradient w.r.t. the output of the convolution, or of the max pooling after it.

    Attributes
    ----------
    values : (N, PH, PW, F)
    outputs : (N, PH, PW, F)
        Output of the ReLU, where there is one.
    winners : (N, PH, PW, F)
        Argmax indices; not used without pooling.
    has_relu, is_pooled : bool
    """

    values: Array
    outputs: Array
    winners: Array
    has_relu: bool
    is_pooled: bool


def _dense_gradient(dy: Array, y: Array | None, x: Array, windows: Windows) -> OutputGradient:
    """The gradient without pooling, checked."""
    shape = (len(x), windows.rows.output, windows.columns.output, dy.shape[-1])
    expect(x=(x, x.shape), dy=(dy, shape))
    if y is not None:
        expect(dy=(dy, shape), y=(y, shape))
    dy = np.ascontiguousarray(dy)
    outputs, winners = dy if y is None else np.ascontiguousarray(y), np.empty((0, 0, 0, 0), np.uint8)
    return OutputGradient(dy, outputs, winners, y is not None, is_pooled=False)


def _kernel_and_bias_sums(
    gradient: OutputGradient, pool: Windows, x: Array, windows: Windows, bias: bool
) -> tuple[Array, Array]:
    images, filters, lanes = padded_images(x, windows), gradient.values.shape[3], VECTOR_BYTES // x.itemsize
    size, blocks = images.elements.size * filters, -(-len(x) // lanes)
    groups = np.empty((group_count(blocks, size * VECTOR_BYTES), size), x.dtype)
    lane_sums = np.zeros((blocks, filters, lanes), np.float64)
    bands = bands_of(windows, images, filters, pool, BAND_BYTES)
    _sum_products(len(groups), images, gradient, *pool, bias, bands, groups, lane_sums.reshape(blocks, filters * lanes))
    image_sums = np.ascontiguousarray(lane_sums.transpose(0, 2, 1)).reshape(blocks * lanes, filters)[: len(x)]
    kernel_shape = (windows.rows.kernel, windows.columns.kernel, x.shape[3], filters)
    return sum_of_groups(groups).reshape(kernel_shape), sum_of_images(image_sums, x.dtype)


@parallel_jobs
def _sum_products(group, images, gradient, rows, columns, bias, bands, groups, lane_sums):
    """For every group of images: groups[g, k, f] = sum over i, p of image i[corners[p] + elements[k]] * dz[i, p, f].

    dz is `gradient`, backpropagated to the output of the convolution. `bias`: lane_sums, (blocks, F * L), becomes its
    sum over p.
    """
    count, output_height, _, filters = gradient.values.shape
    lanes, width = VECTOR_BYTES // gradient.values.itemsize, columns.size
    group_total, blocks = len(groups), len(lane_sums)
    room = room_for_gradients(images, gradient, width, bands)
    fill(room.sums, 0, room.sums.size, 0)
    for block in range(blocks * group // group_total, blocks * (group + 1) // group_total):
        present = min(lanes, count - block * lanes)
        for band in range(bands.number):
            first, last = output_height * band // bands.number, output_height * (band + 1) // bands.number
            first_row, last_row = backpropagate_band(
                gradient, rows, columns, block * lanes, present, first, last, room
            )  # fmt: skip
            if bias:
                add_pixels(room.gradients, last_row * width - first_row * width, lane_sums[block])
            add_band(images, block * lanes, present, first_row * width, last_row * width, filters, room)
    sum_lanes(room.sums, lanes, groups[group])


class GradientRoom(NamedTuple):
    """Memory for a band of L interleaved images, and for the sums of their products.

    Attributes
    ----------
    source, gradients : one-dimensional
        Input of the convolution, and gradient w.r.t. its output.
    values, outputs, winners : one-dimensional
        Gradient w.r.t. the output of the pooling (without one, the same memory as `gradients`), output of the ReLU and
        argmax indices; empty where they are not needed.
    sums : one-dimensional
    """

    source: Array
    gradients: Array
    values: Array
    outputs: Array
    winners: Array
    sums: Array


@serial
def room_for_gradients(images, gradient, image_width, bands):
    """Memory for the largest band."""
    _, height, width, filters = gradient.values.shape
    values = gradient.values
    lanes = VECTOR_BYTES // values.itemsize
    gradients = empty_aligned(bands.rows * image_width * filters * lanes, values.dtype)
    pooled_size = ((height + bands.number - 1) // bands.number) * width * filters * lanes
    return GradientRoom(
        room_for_source(images, bands),
        gradients,
        empty_aligned(pooled_size, values.dtype) if gradient.is_pooled else gradients,
        empty_aligned(pooled_size if gradient.has_relu else 0, values.dtype),
        np.empty(pooled_size if gradient.is_pooled else 0, gradient.winners.dtype),
        empty_aligned(images.elements.size * filters * lanes, values.dtype),
    )


@serial
def backpropagate_band(gradient, rows, columns, image, present, first, last, room):
    """Compute the gradient w.r.t. the output of the convolution for the windows in rows `first` to before `last`.

    Returns the first row of the output of the convolution in this band and the one after its last.
    """
    values = gradient.values
    _, height, width, filters = values.shape
    lanes, size = VECTOR_BYTES // values.itemsize, width * filters
    at, image_size, length = (image * height + first) * size, height * size, (last - first) * size
    interleave(values.reshape(-1), at, image_size, present, room.values, 0, length, values)
    if gradient.has_relu:
        interleave(gradient.outputs.reshape(-1), at, image_size, present, room.outputs, 0, length, values)
        mask(room.values, room.outputs, length * lanes)
    first_row = first * rows.stride - rows.before if first > 0 else 0
    last_row = last * rows.stride - rows.before if last < height else rows.size
    if gradient.is_pooled:
        interleave(gradient.winners.reshape(-1), at, image_size, present, room.winners, 0, length, values)
        row_size = columns.size * filters * lanes
        fill(room.gradients, 0, (last_row - first_row) * row_size, 0)
        for oy in range(first, last):
            spread_row(
                room.values, room.winners, (oy - first) * size * lanes, rows, columns, filters * lanes,
                room.gradients, -first_row * row_size, oy * rows.stride - rows.before,
            )  # fmt: skip
    return first_row, last_row


@serial
def mask(gradients, outputs, count):
    """Set gradients to zero where the ReLU did."""
    for i in range(count):
        gradients[i] = gradients[i] if outputs[i] > 0 else 0


@serial
def add_pixels(gradients, pixels, sums):
    """Add gradients, pixel by pixel, to the sums of all elements of a pixel."""
    for pixel in range(pixels):
        gradient = gradients[pixel * sums.size : (pixel + 1) * sums.size]
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
