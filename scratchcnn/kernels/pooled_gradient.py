"""The gradient of a convolution below a max-pooling: only the winners of the windows send anything.

Of a 2 x 2 window one output got a gradient, and of those many were closed by ReLU or dropped: in training this network
5 to 12 % of the convolution's output gradient is not zero. So the gradient stays what the pooling makes of it, one
number and one winner for each window, and each number that is not zero is worth one row for each kernel row:

    dkernel[ky, :, :, f]  +=  g * x[window of the winner, row ky]
    dx[window of the winner, row ky]  +=  g * kernel[ky, :, :, f]

The numbers are listed filter by filter, so that the filter, or its gradient, stays in registers (`patches`).

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
from scratchcnn.kernels.conv2d import conv2d_input_gradient, conv2d_kernel_gradient
from scratchcnn.kernels.copying import fill
from scratchcnn.kernels.gated_rows import gate_rows
from scratchcnn.kernels.groups import sum_of_groups
from scratchcnn.kernels.im2col import TABLES, frozen
from scratchcnn.kernels.jit import group_count, parallel, serial
from scratchcnn.kernels.max_pool2d import max_pool2d_gradient
from scratchcnn.kernels.patches import add_to_patches, sum_patches
from scratchcnn.kernels.relu import relu_gradient
from scratchcnn.kernels.workspace import empty
from scratchcnn.operands import Array, conv2d_windows, expect, expect_winners, pool2d_windows


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
) -> tuple[Array, Array, Array]:
    """Gradients by input, kernel and bias; `reference.conv2d_pooled_gradients` has the formula.

    Where an algorithm is asked for that is not this one, or this one does not accept the geometry
    (`algorithms.accepts_winners`), the gradient is made dense and takes the way of `conv2d`.
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
        return _by_winners(values, winners, outputs, pool, x, kernel, windows, input_relu)
    values = values if outputs is None else relu_gradient(values, outputs)
    dy = max_pool2d_gradient(values, winners, output_shape, pool_size, pool_strides, pool_padding)
    geometry = (strides, padding, dilation_rate, algorithm)
    dkernel = conv2d_kernel_gradient(dy, x, (kernel.shape[0], kernel.shape[1]), *geometry)
    dx = conv2d_input_gradient(dy, kernel, x.shape, *geometry)
    return relu_gradient(dx, x) if input_relu else dx, dkernel, bias_gradient(values)


def _by_winners(
    values: Array, winners: Array, outputs: Array | None, pool: Windows, x: Array, kernel: Array, windows: Windows,
    input_relu: bool,
) -> tuple[Array, Array, Array]:  # fmt: skip
    kernel_height, kernel_width, channels, filters = kernel.shape
    rows, columns = windows
    offsets = _window_offsets(pool, windows, channels)
    by_filter = np.ascontiguousarray(kernel.transpose(3, 0, 1, 2)).reshape(-1)  # (F, KH, KW * C)
    groups = np.zeros((group_count(len(x), by_filter.size * x.itemsize), by_filter.size), x.dtype)
    bias_groups = np.zeros((len(groups), filters), np.float64)
    dx = empty(x.shape, x.dtype)
    values = np.ascontiguousarray(values)
    _pooled_gradients(
        values, np.ascontiguousarray(winners), values if outputs is None else np.ascontiguousarray(outputs),
        outputs is not None, offsets, np.ascontiguousarray(x).reshape(-1), by_filter,
        kernel_height, kernel_width * channels, rows.dilation * columns.size * channels,
        dx.reshape(-1), input_relu, groups, bias_groups,
    )  # fmt: skip
    dkernel = sum_of_groups(groups).reshape(filters, kernel_height, kernel_width, channels)
    return dx, np.ascontiguousarray(dkernel.transpose(1, 2, 3, 0)), bias_groups.sum(axis=0).astype(x.dtype)


@functools.lru_cache(maxsize=TABLES)
def _window_offsets(pool: Windows, windows: Windows, channels: int) -> Array:
    """Offset in x of the convolution's window behind each element of each pooling window.

    int64, (PH * PW, elements), read-only; nothing is padded.
    """
    rows, columns = pool
    oy = np.add.outer(np.arange(rows.output) * rows.stride, np.arange(rows.kernel))  # (PH, pool height), outputs
    ox = np.add.outer(np.arange(columns.output) * columns.stride, np.arange(columns.kernel))
    y, x = oy * windows.rows.stride * windows.columns.size, ox * windows.columns.stride
    offsets = (y[:, None, :, None] + x[None, :, None, :]) * channels  # (PH, PW, pool height, pool width)
    return frozen(offsets.reshape(rows.output * columns.output, rows.kernel * columns.kernel))


@parallel
def _pooled_gradients(
    values, winners, outputs, gates, offsets, x, kernel, kernel_rows, row_length, row_stride, dx, input_relu,
    groups, bias_groups,
):  # fmt: skip
    images, filters = values.shape[0], values.shape[3]
    image_size, window_count = x.size // images, values.shape[1] * values.shape[2]
    filter_size = kernel_rows * row_length
    for group in prange(len(groups)):
        gated = np.empty(window_count * filters, x.dtype)
        numbers = np.empty(filters * window_count, x.dtype)
        places = np.empty(filters * window_count, np.int64)
        counts = np.empty(filters, np.int64)
        for image in range(images * group // len(groups), images * (group + 1) // len(groups)):
            start, first = image * image_size, image * window_count * filters
            gate_rows(
                values.reshape(-1), outputs.reshape(-1), gates, first, window_count, filters, gated, bias_groups[group]
            )
            of_windows = winners[image].reshape(window_count, filters)
            _list_by_filter(gated.reshape(window_count, filters), of_windows, offsets, numbers, places, counts)
            for f in range(filters):  # in a loop of its own, so that x stays in the cache
                sum_patches(
                    numbers, places, f * window_count, counts[f], x, start, row_stride,
                    groups[group], f * filter_size, kernel_rows, row_length,
                )  # fmt: skip
            fill(dx, start, image_size, 0)
            for f in range(filters):
                add_to_patches(
                    numbers, places, f * window_count, counts[f], dx, start, row_stride,
                    kernel, f * filter_size, kernel_rows, row_length,
                )  # fmt: skip
            if input_relu:
                _close(x[start : start + image_size], dx[start : start + image_size])


@serial
def _close(x, dx):
    """No gradient passes where a ReLU was closed."""
    zero = dx.dtype.type(0)
    for i in range(x.size):
        dx[i] = dx[i] if x[i] > zero else zero


@serial
def _list_by_filter(values, winners, offsets, numbers, places, counts):
    """For each filter, the numbers that are not zero, and where the windows of their winners begin."""
    window_count, filters = values.shape
    fill(counts, 0, filters, 0)
    for window in range(window_count):
        for f in range(filters):
            at = f * window_count + counts[f]  # a zero is written too, and written over: no branch to foresee
            numbers[at] = values[window, f]
            places[at] = offsets[window, winners[window, f]]
            counts[f] += values[window, f] != 0
