"""The gradient of a convolution below a max-pooling: only the winners of the windows send anything.

Of a 2 x 2 window one output got a gradient, and of those many were closed by ReLU or dropped: in training this network
5 to 12 % of the convolution's output gradient is not zero. So the gradient stays what the pooling makes of it, one
number and one winner for each window, and each number that is not zero is worth one row for each kernel row:

    dkernel[ky, :, :, f]  +=  g * x[window of the winner, row ky]
    dx[window of the winner, row ky]  +=  g * kernel[ky, :, :, f]

The numbers are listed filter by filter (`listing`), so that the filter, or its gradient, stays in registers
(`patches`). What they meet of x and dx lies anywhere in the image, so as many channels are worked on together as let a
whole image fit into the first-level cache: they are copied out of x before, and into dx after (which may
take the memory of x: to fetch more takes time).

Cost: 4 * KH * KW * C FLOPs for each number that is not zero, instead of for each output. Numerics: as the dense
gradients, a sum over the images of a group, then over at most 16 groups; the same bits for any number of threads.
"""

from __future__ import annotations

import functools

import numpy as np
from numba import prange

from scratchcnn.algorithms import Algorithm, Problem, algorithm_name, choose
from scratchcnn.geometry import Padding, Pair, Windows
from scratchcnn.kernels.bias import bias_gradient
from scratchcnn.kernels.conv2d.dispatch import conv2d_input_gradient, conv2d_kernel_gradient
from scratchcnn.kernels.im2col import TABLES, frozen
from scratchcnn.kernels.max_pool2d import max_pool2d_gradient
from scratchcnn.kernels.relu import relu_gradient
from scratchcnn.kernels.runtime.copying import copy, fill
from scratchcnn.kernels.runtime.groups import sum_of_groups
from scratchcnn.kernels.runtime.jit import group_count, parallel, serial
from scratchcnn.kernels.runtime.workspace import ALIGNMENT, empty
from scratchcnn.kernels.simd.compress import list_by_column
from scratchcnn.kernels.simd.copy_rows import copy_gated_rows, copy_rows
from scratchcnn.kernels.simd.masked_rows import gate_rows
from scratchcnn.kernels.simd.sparse_sums import add_to_patches, sum_patches
from scratchcnn.kernels.simd.vectors import VECTOR_BYTES
from scratchcnn.operands import Array, Shape, conv2d_windows, expect, expect_winners, pool2d_windows

CACHE_BYTES = 48 * 1024  # what an image may fill: the first-level cache


def conv2d_pooled_gradients(
    values: Array,
    winners: Array,
    outputs: Array | None,
    x: Array,
    kernel: Array,
    pool_size: Pair,
    pool_strides: Pair,
    pool_padding: Padding,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
    algorithm: Algorithm = "auto",
    input_relu: bool = False,
    overwrite_x: bool = False,
) -> tuple[Array, Array, Array]:
    """Gradients by input, kernel and bias; `reference.conv2d_pooled_gradients` has the formula.

    Where an algorithm is asked for that is not this one, or this one does not accept the geometry
    (`algorithms.accepts_winners`), the gradient is made dense and takes the way of `conv2d`.

    Cost: FLOPs as told at the head of this file; reads values, winners, outputs, x and the kernel, writes dx.
    """
    windows = conv2d_windows(x.shape, kernel.shape, strides, padding, dilation_rate)
    output_shape = (len(x), windows.rows.output, windows.columns.output, kernel.shape[3])
    pool = pool2d_windows(output_shape, pool_size, pool_strides, pool_padding)
    shape = (len(x), pool.rows.output, pool.columns.output, kernel.shape[3])
    expect(x=(x, x.shape), kernel=(kernel, kernel.shape), values=(values, shape))
    if outputs is not None:
        expect(values=(values, shape), outputs=(outputs, shape))
    expect_winners(winners, shape, pool_size)
    pool_pads = any(axis.before + axis.after > 0 for axis in pool)
    problem = Problem(windows, kernel.shape[2], kernel.shape[3], x.dtype, pool_pads)
    if choose(algorithm_name(algorithm), problem).pooled_gradients == "winners":
        return _by_winners(values, winners, outputs, pool, x, kernel, windows, input_relu, overwrite_x)
    values = values if outputs is None else relu_gradient(values, outputs)
    dy = max_pool2d_gradient(values, winners, output_shape, pool_size, pool_strides, pool_padding)
    geometry = (strides, padding, dilation_rate, algorithm)
    dkernel = conv2d_kernel_gradient(dy, x, (kernel.shape[0], kernel.shape[1]), *geometry)
    dx = conv2d_input_gradient(dy, kernel, x.shape, *geometry)
    return relu_gradient(dx, x) if input_relu else dx, dkernel, bias_gradient(values)


def _by_winners(
    values: Array, winners: Array, outputs: Array | None, pool: Windows, x: Array, kernel: Array, windows: Windows,
    input_relu: bool, overwrite_x: bool,
) -> tuple[Array, Array, Array]:  # fmt: skip
    kernel_height, kernel_width, channels, filters = kernel.shape
    rows, columns = windows
    together = channels_together(x.shape, x.itemsize)
    offsets = window_offsets(pool, windows, together)
    by_filter = cut_by_filter(kernel, together)
    groups = empty((group_count(len(x), by_filter.size * x.itemsize), by_filter.size), x.dtype)
    bias_groups = np.zeros((len(groups), filters), np.float64)
    x = np.ascontiguousarray(x)
    dx = x if overwrite_x else empty(x.shape, x.dtype)
    values = np.ascontiguousarray(values)
    _pooled_gradients(
        values, np.ascontiguousarray(winners), values if outputs is None else np.ascontiguousarray(outputs),
        outputs is not None, offsets, x.reshape(-1), by_filter, channels, together,
        kernel_height, kernel_width * together, rows.dilation * columns.size * together,
        dx.reshape(-1), input_relu, groups, bias_groups,
    )  # fmt: skip
    dkernel = put_together(sum_of_groups(groups), kernel.shape, together)
    return dx, dkernel, bias_groups.sum(axis=0).astype(x.dtype)


def cut_by_filter(kernel: Array, together: int) -> Array:
    """The kernel in slices of channels, each filter by filter: (slices, F, KH, KW * together), one-dimensional."""
    height, width, channels, filters = kernel.shape
    cut = kernel.reshape(height, width, channels // together, together, filters)
    return np.ascontiguousarray(cut.transpose(2, 4, 0, 1, 3)).reshape(-1)


def put_together(cut: Array, shape: Shape, together: int) -> Array:
    """The way back: an array of the kernel's shape, (KH, KW, C, F)."""
    height, width, channels, filters = shape
    slices = cut.reshape(channels // together, filters, height, width, together)
    return np.ascontiguousarray(slices.transpose(2, 3, 0, 4, 1)).reshape(shape)


def channels_together(shape: Shape, itemsize: int) -> int:
    """How many channels are worked on together: as many whole vectors as the first-level cache has room for."""
    _, height, width, channels = shape
    vector = VECTOR_BYTES // itemsize
    if channels % vector:
        return channels
    counts = [count for count in range(vector, channels + 1, vector) if channels % count == 0]
    fitting = [count for count in counts if height * width * count * itemsize <= CACHE_BYTES]
    return max(fitting, default=vector)


@functools.lru_cache(maxsize=TABLES)
def window_offsets(pool: Windows, windows: Windows, channels: int) -> Array:
    """Offset in x of the convolution's window behind each element of each pooling window.

    uint32, since a slice of one image has fewer than 2**32 numbers; (PH * PW, elements), read-only; nothing is padded.
    """
    rows, columns = pool
    oy = np.add.outer(np.arange(rows.output) * rows.stride, np.arange(rows.kernel))  # (PH, pool height), outputs
    ox = np.add.outer(np.arange(columns.output) * columns.stride, np.arange(columns.kernel))
    y, x = oy * windows.rows.stride * windows.columns.size, ox * windows.columns.stride
    offsets = (y[:, None, :, None] + x[None, :, None, :]) * channels  # (PH, PW, pool height, pool width)
    shape = (rows.output * columns.output, rows.kernel * columns.kernel)
    return frozen(offsets.reshape(shape).astype(np.uint32))


@parallel
def _pooled_gradients(
    values, winners, outputs, gates, offsets, x, kernel, channels, together,
    kernel_rows, row_length, row_stride, dx, input_relu, groups, bias_groups,
):  # fmt: skip
    images, filters = values.shape[0], values.shape[3]
    image_size = x.size // images
    for group in prange(len(groups)):
        fill(groups[group], 0, groups.shape[1], 0)
        lists = room_for_lists(values, winners)
        numbers, places, counts, list_size = lists[:4]
        part = empty_lines(image_size // channels * together, x.dtype)  # (H, W, together) of x, then of dx
        for image in range(images * group // len(groups), images * (group + 1) // len(groups)):
            start = image * image_size
            list_winners(values, winners, outputs, gates, offsets, image, lists, bias_groups[group])
            _add_kernel_gradient(
                numbers, places, list_size, counts, filters, x, start, channels, together, part,
                groups[group], kernel_rows, row_length, row_stride,
            )  # fmt: skip
            _input_gradient(
                numbers, places, list_size, counts, filters, x, input_relu, dx, start, channels, together, part,
                kernel, kernel_rows, row_length, row_stride,
            )  # fmt: skip


@serial
def room_for_lists(values, winners):
    """Room for the lists of one image: their numbers, places, lengths and longest length; and for the image's rows."""
    filters, window_count, itemsize = values.shape[3], values.shape[1] * values.shape[2], values.itemsize
    lanes = VECTOR_BYTES // itemsize
    list_size, lists = -(-window_count // lanes) * lanes, -(-filters // lanes) * lanes  # whole vectors of both
    return (
        np.empty(lists * list_size, values.dtype),
        np.empty(lists * list_size, np.uint32),
        np.empty(lists, np.int64),
        list_size,
        np.empty((list_size + 1) * lists, values.dtype),
        np.empty((list_size + 1) * lists, winners.dtype),
    )


@serial
def list_winners(values, winners, outputs, gates, offsets, image, lists, bias_sums):
    """List what is not zero of an image's gradient, filter by filter, and where in x its windows begin."""
    numbers, places, counts, list_size, gated, of_windows = lists
    window_count, filters = values.shape[1] * values.shape[2], values.shape[3]
    first = image * window_count * filters
    gate_rows(values.reshape(-1), outputs.reshape(-1), gates, first, window_count, filters, gated, bias_sums)
    copy(winners.reshape(-1), first, of_windows, 0, window_count * filters)
    list_by_column(gated, of_windows, window_count, filters, offsets.shape[1], numbers, places, list_size, counts)
    _look_up(offsets.reshape(-1), places, list_size, counts, filters)


@serial
def empty_lines(size, dtype):
    """Room for numbers that begin where a cache line does, so that no vector lies across two."""
    room = np.empty(size + ALIGNMENT, dtype)
    skipped = (-room.ctypes.data % ALIGNMENT) // room.itemsize
    return room[skipped : skipped + size]


@serial
def _look_up(table, places, list_size, counts, lists):
    """Replace each index by the entry of the table; the lists that fill up a vector of filters hold no indices."""
    for i in range(lists):
        here = places[i * list_size : i * list_size + counts[i]]
        for j in range(len(here)):
            here[j] = table[here[j]]


@serial
def _add_kernel_gradient(
    numbers, places, list_size, counts, filters, x, start, channels, together, part,
    dkernel, kernel_rows, row_length, row_stride,
):  # fmt: skip
    """Add what one image, which begins at `start`, is worth."""
    slice_size = filters * kernel_rows * row_length
    for s in range(channels // together):
        copy_rows(x, start + s * together, channels, part, 0, together, len(part) // together, together)
        sum_patches(
            numbers, places, list_size, counts, filters, part, row_stride,
            dkernel, s * slice_size, kernel_rows, row_length,
        )  # fmt: skip


@serial
def _input_gradient(
    numbers, places, list_size, counts, filters, x, input_relu, dx, start, channels, together, part,
    kernel, kernel_rows, row_length, row_stride,
):  # fmt: skip
    """The gradient by one image, which begins at `start`; dx may be x, which is not needed after."""
    slice_size, nothing = filters * kernel_rows * row_length, np.zeros(together, dx.dtype)
    for s in range(channels // together):
        copy_rows(nothing, 0, 0, part, 0, together, len(part) // together, together)
        add_to_patches(
            numbers, places, list_size, counts, filters, part, row_stride,
            kernel, s * slice_size, kernel_rows, row_length,
        )  # fmt: skip
        first, pixels = start + s * together, len(part) // together
        if input_relu:
            copy_gated_rows(part, 0, together, dx, first, channels, pixels, together, x)
        else:
            copy_rows(part, 0, together, dx, first, channels, pixels, together)
