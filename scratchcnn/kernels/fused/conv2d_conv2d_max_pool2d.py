"""Two convolutions and a max-pooling, stacked: the images between the two are made again instead of being kept.

The first convolution must be cheap (`algorithms.stacks` says when); `convolved` has the idea. Forward, Winograd's
tiles of the second are cut from images that were made a moment ago. Backward, some channels of an image at a time:

    make them                                                         (H, W, together)
    of the second's winners: sum the gradient of its kernel           as in `pooled_gradient`
    of the second's winners: scatter the gradient by these channels   (H, W, together)
    through the ReLU, multiply it with what the channels were made of: the gradient of the first's kernel

Neither the images nor the gradient by them ever leave the cache.

Cost: that of the operations apart, and once more the first convolution, whose results are neither written to memory nor
fetched. Numerics: the same bits as the operations apart.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from scratchcnn.algorithms import Algorithm, Problem, algorithm_name, choose, stacks
from scratchcnn.geometry import Padding, Pair, Windows
from scratchcnn.kernels.conv2d import winograd
from scratchcnn.kernels.conv2d.dispatch import conv2d, conv2d_parameter_gradients
from scratchcnn.kernels.conv2d.implicit_gemm import padding_for, room_for_gradient
from scratchcnn.kernels.fused.conv2d_max_pool2d import conv2d_max_pool2d
from scratchcnn.kernels.fused.recompute import add_slice_gradient, convolved, make_slice
from scratchcnn.kernels.fused.sparse_gradients import (
    channels_together,
    conv2d_pooled_gradients,
    cut_by_filter,
    empty_lines,
    list_winners,
    put_together,
    room_for_lists,
    window_offsets,
)
from scratchcnn.kernels.runtime.copying import fill
from scratchcnn.kernels.runtime.groups import sum_of_groups
from scratchcnn.kernels.runtime.jit import group_count, parallel
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.kernels.simd.sparse_sums import add_to_patches, sum_patches
from scratchcnn.operands import (
    Array,
    Convolution,
    conv2d_windows,
    expect,
    expect_winners,
    pool2d_windows,
)


def stacked_conv2d_max_pool2d(
    x: Array,
    below: Convolution,
    kernel: Array,
    bias: Array | None,
    pool_size: Pair,
    pool_strides: Pair,
    pool_padding: Padding,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
    relu: bool = False,
    algorithm: Algorithm = "auto",
) -> tuple[Array, Array]:
    """The largest output of every window and its place; `reference.stacked_conv2d_max_pool2d` has the formula."""
    expect(x=(x, x.shape), below_kernel=(below.kernel, below.kernel.shape), kernel=(kernel, kernel.shape))
    between = below.output_shape(x.shape)
    windows = conv2d_windows(between, kernel.shape, strides, padding, dilation_rate)
    outputs_shape = (len(x), windows.rows.output, windows.columns.output, kernel.shape[3])
    pool = pool2d_windows(outputs_shape, pool_size, pool_strides, pool_padding)
    if _stacks(x, below, windows, kernel, pool, algorithm):
        rung = choose(algorithm_name(algorithm), _problem(windows, kernel)).forward
        made = convolved(x, below, below.kernel.shape[3])
        return winograd.conv2d_max_pool2d(4 if rung == "winograd_4x4" else 2, made, kernel, bias, padding, relu)
    images = _images_between(x, below)
    return conv2d_max_pool2d(
        images, kernel, bias, pool_size, pool_strides, pool_padding, strides, padding, dilation_rate, relu, algorithm
    )


def stacked_pooled_gradients(
    values: Array,
    winners: Array,
    outputs: Array | None,
    x: Array,
    below: Convolution,
    kernel: Array,
    pool_size: Pair,
    pool_strides: Pair,
    pool_padding: Padding,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
    algorithm: Algorithm = "auto",
) -> tuple[Array, Array, Array, Array]:
    """Gradients by both kernels and biases; `reference.stacked_pooled_gradients` has the formula."""
    expect(x=(x, x.shape), below_kernel=(below.kernel, below.kernel.shape), kernel=(kernel, kernel.shape))
    between = below.output_shape(x.shape)
    windows = conv2d_windows(between, kernel.shape, strides, padding, dilation_rate)
    outputs_shape = (len(x), windows.rows.output, windows.columns.output, kernel.shape[3])
    pool = pool2d_windows(outputs_shape, pool_size, pool_strides, pool_padding)
    shape = (len(x), pool.rows.output, pool.columns.output, kernel.shape[3])
    expect(values=(values, shape), kernel=(kernel, kernel.shape))
    if outputs is not None:
        expect(values=(values, shape), outputs=(outputs, shape))
    expect_winners(winners, shape, pool_size)
    if _stacks(x, below, windows, kernel, pool, algorithm):
        return _by_winners(values, winners, outputs, pool, x, below, kernel, windows)
    images = _images_between(x, below)
    dx, dkernel, dbias = conv2d_pooled_gradients(
        values, winners, outputs, images, kernel, pool_size, pool_strides, pool_padding,
        strides, padding, dilation_rate, algorithm, input_relu=True, overwrite_x=True,
    )  # fmt: skip
    kernel_size = (below.kernel.shape[0], below.kernel.shape[1])
    own = (below.strides, below.padding, below.dilation_rate)
    return *conv2d_parameter_gradients(dx, None, x, kernel_size, *own, below.algorithm), dkernel, dbias


def _images_between(x: Array, below: Convolution) -> Array:
    own = (below.strides, below.padding, below.dilation_rate)
    return conv2d(x, below.kernel, below.bias, *own, relu=True, algorithm=below.algorithm)


def _problem(windows: Windows, kernel: Array) -> Problem:
    return Problem(windows, kernel.shape[2], kernel.shape[3], kernel.dtype)


def _stacks(x: Array, below: Convolution, windows: Windows, kernel: Array, pool: Windows, algorithm: Algorithm) -> bool:
    names = algorithm_name(below.algorithm), algorithm_name(algorithm)
    return stacks(_problem(below.windows(x.shape), below.kernel), names[0], _problem(windows, kernel), names[1], pool)


def _by_winners(
    values: Array, winners: Array, outputs: Array | None, pool: Windows, x: Array, below: Convolution, kernel: Array,
    windows: Windows,
) -> tuple[Array, Array, Array, Array]:  # fmt: skip
    kernel_height, kernel_width, channels, filters = kernel.shape
    rows, columns = windows
    together = channels_together((len(x), rows.size, columns.size, channels), kernel.itemsize)
    by_filter = cut_by_filter(kernel, together)
    count = group_count(len(x), by_filter.size * kernel.itemsize)
    groups, bias_groups = empty((count, by_filter.size), kernel.dtype), np.zeros((count, filters), np.float64)
    below_groups = np.zeros((count, below.kernel.size), kernel.dtype)
    below_bias_groups = np.zeros((count, channels), np.float64)
    values = np.ascontiguousarray(values)
    _stacked_gradients(
        values, np.ascontiguousarray(winners), values if outputs is None else np.ascontiguousarray(outputs),
        outputs is not None, window_offsets(pool, windows, together), convolved(x, below, together), by_filter,
        kernel_height, kernel_width * together, rows.dilation * columns.size * together,
        groups, bias_groups, below_groups, below_bias_groups,
    )  # fmt: skip
    dkernel = put_together(sum_of_groups(groups), kernel.shape, together)
    below_dkernel = sum_of_groups(below_groups).reshape(below.kernel.shape)
    below_dbias, dbias = (sums.sum(axis=0).astype(kernel.dtype) for sums in (below_bias_groups, bias_groups))
    return below_dkernel, below_dbias, dkernel, dbias


@parallel
def _stacked_gradients(
    values, winners, outputs, gates, offsets, of, kernel, kernel_rows, row_length, row_stride,
    groups, bias_groups, below_groups, below_bias_groups,
):  # fmt: skip
    images, filters, together = values.shape[0], values.shape[3], of.together
    part_size, slice_size = of.height * of.width * together, filters * kernel_rows * row_length
    for group in prange(len(groups)):
        fill(groups[group], 0, groups.shape[1], 0)
        lists = room_for_lists(values, winners)
        numbers, places, counts, list_size = lists[:4]
        padded = padding_for(of.x, (of.padded_height, of.padded_width))
        part, gradient = empty_lines(part_size, values.dtype), empty_lines(part_size, values.dtype)
        gated, panels, start = room_for_gradient(of.corners.size, together, True, values)
        for image in range(images * group // len(groups), images * (group + 1) // len(groups)):
            list_winners(values, winners, outputs, gates, offsets, image, lists, bias_groups[group])
            for s in range(of.channels // together):
                make_slice(of, image, s, padded, part, 0)
                sum_patches(
                    numbers, places, list_size, counts, filters, part, row_stride,
                    groups[group], s * slice_size, kernel_rows, row_length,
                )  # fmt: skip
                fill(gradient, 0, part_size, 0)
                add_to_patches(
                    numbers, places, list_size, counts, filters, gradient, row_stride,
                    kernel, s * slice_size, kernel_rows, row_length,
                )  # fmt: skip
                add_slice_gradient(
                    of, image, s, padded, gradient, part, gated, panels, start,
                    below_groups[group], below_bias_groups[group],
                )  # fmt: skip
