"""Sparse gradients of a convolution that is followed by a max pooling: the algorithm 'winners'.

A max pooling sends the gradient of each window to one pixel, the argmax ("winner"); ReLU and dropout zero many of
those. In training the article's network, 5 to 12 % of the gradient w.r.t. the output of the second convolution is
nonzero. Each nonzero element g, of a filter f, adds one multiple of a kernel-sized patch for each kernel row:

    dkernel[ky, :, :, f]          +=  g * x[window of the pixel, row ky]
    dx[window of the pixel, row ky]  +=  g * kernel[ky, :, :, f]

The nonzero elements of each filter are compressed into one column: values, and offsets of their windows in x
(`simd.compress`). So the kernel of one filter, or its gradient, stays in registers while the column is read
(`simd.sparse_sums`). The windows lie anywhere in the image, so an image is processed in slices of channels, each small
enough to fit into the first-level cache. A slice contains the padding of the convolution: windows begin inside it.

The gradient is either dense, as a primitive operation receives it, or still pooled, one value and one argmax index for
each window, as the fused operations keep it. Both visit the pixels in the same order, window by window, so the results
are the same to the bit: a zero is neither multiplied nor added.

Cost: 2 * KH * KW * C FLOPs per nonzero element, for each of the two gradients. Numerics: a kernel gradient is a sum
over the images of a group, then over at most 16 groups; the same bits for any number of threads.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from numba import prange

from scratchcnn.geometry import Padding, Pair, Windows
from scratchcnn.kernels import bias
from scratchcnn.kernels.im2col import TABLES, frozen, padded_size
from scratchcnn.kernels.runtime.copying import copy, empty_aligned, fill
from scratchcnn.kernels.runtime.groups import sum_of_groups
from scratchcnn.kernels.runtime.jit import group_count, parallel, serial
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.kernels.simd.compress import CompressedColumns, compress_columns
from scratchcnn.kernels.simd.copy_rows import copy_masked_rows, copy_rows
from scratchcnn.kernels.simd.masked_rows import mask_rows
from scratchcnn.kernels.simd.sparse_sums import Patches, add_to_patches, sum_patches
from scratchcnn.kernels.simd.vectors import VECTOR_BYTES
from scratchcnn.operands import Array, PooledGradient, Shape, conv2d_windows, expect

CACHE_BYTES = 48 * 1024  # size of an image slice, at most: the first-level cache


# The primitive operations


def conv2d_kernel_gradient(
    dy: Array, x: Array, kernel_size: Pair, strides: Pair, padding: Padding, dilation_rate: Pair, pool: Windows
) -> Array:
    """Gradient of the loss w.r.t. the kernel; `reference.conv2d_kernel_gradient` has the formula."""
    kernel_shape = (*kernel_size, x.shape[-1], dy.shape[-1])
    windows = conv2d_windows(x.shape, kernel_shape, strides, padding, dilation_rate)
    expect(x=(x, x.shape), dy=(dy, (len(x), windows.rows.output, windows.columns.output, dy.shape[-1])))
    slices = slices_of(windows, kernel_shape, x.itemsize)
    return gradients(dense_windows(dy, pool, windows, slices), slices, kernel_shape, x=x)[1]


def conv2d_input_gradient(
    dy: Array,
    kernel: Array,
    input_shape: Shape,
    strides: Pair,
    padding: Padding,
    dilation_rate: Pair,
    pool: Windows,
) -> Array:
    """Gradient of the loss w.r.t. the input; `reference.conv2d_input_gradient` has the formula."""
    windows = conv2d_windows(input_shape, kernel.shape, strides, padding, dilation_rate)
    output_shape = input_shape[0], windows.rows.output, windows.columns.output, kernel.shape[3]
    expect(kernel=(kernel, kernel.shape), dy=(dy, output_shape))
    slices = slices_of(windows, kernel.shape, kernel.itemsize)
    dx = gradients(dense_windows(dy, pool, windows, slices), slices, kernel.shape, kernel=kernel)[0]
    return dx.reshape(input_shape)


def bias_gradient(dy: Array, pool: Windows) -> Array:
    """Gradient of the loss w.r.t. the bias, summed in the order in which the kernel gradient visits the pixels."""
    expect(dy=(dy, (None, pool.rows.size, pool.columns.size, None)))
    return bias.bias_gradient(_in_window_order(dy, pool))


# The gradient, as a list of windows


class WindowGradients(NamedTuple):
    """The gradient w.r.t. the output of a convolution: per filter and window of output pixels, one element.

    Attributes
    ----------
    values : (N, windows, F)
    winners : (N, windows, F)
        Which pixel of the window `values` belongs to.
    outputs : (N, windows, F)
        Output of a ReLU, that masks the gradient if `masked` is 1.
    masked : int
    offsets : (windows, pixels of a window), uint32
        Where in a slice of x the convolution's window behind each pixel begins.
    """

    values: Array
    winners: Array
    outputs: Array
    masked: int
    offsets: Array


class Slices(NamedTuple):
    """How images and kernels are divided into slices of channels, and where an image lies in its padding."""

    number: int
    channels: int  # of a slice
    all_channels: int
    pixels: int  # of an image
    runs: int  # the image's rows; without padding to the left and right a single run of all pixels
    run_pixels: int
    padded_pixels: int  # of a slice with its padding
    padded_width: int  # from one run to the next, in pixels
    corner: int  # the first pixel of the image
    filters: int
    kernel_rows: int
    row_length: int  # of a kernel row in a slice
    row_stride: int  # between two kernel rows in a slice of an image


def pooled_windows(
    gradient: PooledGradient, masked: bool, pool: Windows, windows: Windows, slices: Slices
) -> WindowGradients:
    """The gradient of a pooling, window by window; `masked` by the ReLU between convolution and pooling."""
    images, height, width, filters = gradient.values.shape
    values, winners, outputs = (
        np.ascontiguousarray(array).reshape(images, height * width, filters) for array in gradient
    )
    return WindowGradients(values, winners, outputs, int(masked), window_offsets(pool, windows, slices.channels))


def dense_windows(dy: Array, pool: Windows, windows: Windows, slices: Slices) -> WindowGradients:
    """A dense gradient in the order of the pooling's windows, where each pixel is a window of its own."""
    values = _in_window_order(dy, pool)
    offsets = _pixel_offsets(windows, slices.channels)[_window_order(pool)].reshape(-1, 1)
    return WindowGradients(values, np.zeros(values.shape, np.uint8), values, 0, offsets)


def _in_window_order(dy: Array, pool: Windows) -> Array:
    """The pixels of dy, window by window: (N, OH * OW, F)."""
    images, height, width, filters = dy.shape
    return np.take(dy.reshape(images, height * width, filters), _window_order(pool), axis=1)


@functools.lru_cache(maxsize=TABLES)
def _window_order(pool: Windows) -> Array:
    """Indices of all pixels: window by window, then the pixels that no window covers."""
    covered = _window_pixels(pool).reshape(-1)
    others = np.setdiff1d(np.arange(pool.rows.size * pool.columns.size), covered)
    return frozen(np.concatenate([covered, others]))


def _window_pixels(pool: Windows) -> Array:
    """The index of every pixel of every window: (windows, pixels of a window)."""
    rows, columns = pool
    oy = np.add.outer(np.arange(rows.output) * rows.stride, np.arange(rows.kernel))  # (PH, pool height)
    ox = np.add.outer(np.arange(columns.output) * columns.stride, np.arange(columns.kernel))
    pixels = oy[:, None, :, None] * columns.size + ox[None, :, None, :]  # (PH, PW, pool height, pool width)
    return pixels.reshape(rows.output * columns.output, rows.kernel * columns.kernel)


def _pixel_offsets(windows: Windows, channels: int) -> Array:
    """Where the convolution's window behind each output pixel begins in a slice of x: uint32."""
    rows, columns = windows
    _, padded_width = padded_size(windows)
    corners = np.add.outer(
        np.arange(rows.output) * rows.stride * padded_width, np.arange(columns.output) * columns.stride
    )
    return (corners.reshape(-1) * channels).astype(np.uint32)


@functools.lru_cache(maxsize=TABLES)
def window_offsets(pool: Windows, windows: Windows, channels: int) -> Array:
    """The same for every pixel of every pooling window: (windows, pixels of a window), read-only."""
    return frozen(_pixel_offsets(windows, channels)[_window_pixels(pool)])


# Slices of channels


def slices_of(windows: Windows, kernel_shape: Shape, itemsize: int) -> Slices:
    """The largest slices of whole vectors of channels that let an image fit into the first-level cache."""
    kernel_height, kernel_width, channels, filters = kernel_shape
    rows, columns = windows
    (height, width), vector = padded_size(windows), VECTOR_BYTES // itemsize
    counts = [count for count in range(vector, channels + 1, vector) if channels % count == 0]
    fitting = [count for count in counts if height * width * count * itemsize <= CACHE_BYTES]
    size = channels if channels % vector else max(fitting, default=vector)
    pixels = rows.size * columns.size
    runs, run_pixels = (1, pixels) if width == columns.size else (rows.size, columns.size)
    return Slices(
        channels // size, size, channels, pixels,
        runs, run_pixels, height * width, width, rows.before * width + columns.before,
        filters, kernel_height, kernel_width * size, rows.dilation * width * size,
    )  # fmt: skip


def split_kernel(kernel: Array, channels: int) -> Array:
    """The kernel in slices of channels, each filter by filter: (slices, F, KH, KW * channels), one-dimensional."""
    height, width, all_channels, filters = kernel.shape
    split = kernel.reshape(height, width, all_channels // channels, channels, filters)
    return np.ascontiguousarray(split.transpose(2, 4, 0, 1, 3)).reshape(-1)


def join_kernel(split: Array, shape: Shape, channels: int) -> Array:
    """The inverse of `split_kernel`: an array of the kernel's shape (KH, KW, C, F)."""
    height, width, all_channels, filters = shape
    slices = split.reshape(all_channels // channels, filters, height, width, channels)
    return np.ascontiguousarray(slices.transpose(2, 3, 0, 4, 1)).reshape(shape)


# The gradients


def gradients(
    windows: WindowGradients,
    slices: Slices,
    kernel_shape: Shape,
    x: Array | None = None,
    kernel: Array | None = None,
    input_relu: bool = False,
) -> tuple[Array, Array, Array]:
    """Gradients w.r.t. the input (if `kernel` is given), the kernel (if `x` is given) and the bias.

    Returns dx, one-dimensional, dkernel and dbias; a gradient that is not computed is empty. With `input_relu`, x is
    the output of a ReLU, dx is the gradient w.r.t. the input of that ReLU, and takes the memory of x.
    """
    images, dtype = len(windows.values), windows.values.dtype
    no_elements = np.empty(0, dtype)
    size = int(np.prod(kernel_shape))
    groups = empty((group_count(images, size * dtype.itemsize), 0 if x is None else size), dtype)
    image_sums = np.zeros((images, slices.filters), np.float64)
    flat_x = no_elements if x is None else np.ascontiguousarray(x).reshape(-1)
    dx = no_elements
    if kernel is not None:
        dx = flat_x if input_relu else empty((images * slices.pixels * slices.all_channels,), dtype)
    split = no_elements if kernel is None else split_kernel(kernel, slices.channels)
    _gradients(windows, slices, flat_x, split, dx, int(input_relu), groups, image_sums)
    dkernel = no_elements if x is None else join_kernel(sum_of_groups(groups), kernel_shape, slices.channels)
    return dx, dkernel, bias.sum_of_images(image_sums, dtype)


@parallel
def _gradients(windows, slices, x, kernel, dx, input_relu, groups, image_sums):
    images, image_size = len(windows.values), slices.pixels * slices.all_channels
    for group in prange(len(groups)):
        fill(groups[group], 0, groups.shape[1], 0)
        columns = room_for_columns(windows)
        part = empty_aligned(slices.padded_pixels * slices.channels, groups.dtype)  # a slice of x, then of dx
        for image in range(images * group // len(groups), images * (group + 1) // len(groups)):
            compress(windows, image, columns, image_sums[image])
            if groups.shape[1] > 0:
                _add_kernel_gradient(columns, slices, x, image * image_size, part, groups[group])
            if dx.size > 0:
                _input_gradient(columns, slices, kernel, dx, image * image_size, part, x, input_relu)


class Columns(NamedTuple):
    """The nonzero elements of an image's gradient in compressed columns, one for each filter; and memory to fill them.

    Attributes
    ----------
    compressed : CompressedColumns
        The nonzero elements, and where in a slice of x their windows begin.
    masked, winners
        The image's gradient behind the ReLU and its argmax indices, padded to whole vectors of rows and columns.
    """

    compressed: CompressedColumns
    masked: Array
    winners: Array


@serial
def room_for_columns(windows):
    """Memory for the compressed columns of one image."""
    _, window_count, filters = windows.values.shape
    lanes = VECTOR_BYTES // windows.values.itemsize
    capacity, count = -(-window_count // lanes) * lanes, -(-filters // lanes) * lanes
    return Columns(
        CompressedColumns(
            np.empty(count * capacity, windows.values.dtype),
            np.empty(count * capacity, np.uint32),
            np.empty(count, np.int64),
            capacity,
        ),
        np.empty((capacity + 1) * count, windows.values.dtype),
        np.empty((capacity + 1) * count, windows.winners.dtype),
    )


@serial
def compress(windows, image, columns, bias_sums):
    """Compress the nonzero elements of an image's gradient; add all elements to the sums for the bias."""
    _, window_count, filters = windows.values.shape
    first, offsets = image * window_count * filters, windows.offsets
    mask_rows(
        windows.values.reshape(-1), windows.outputs.reshape(-1), windows.masked, first, window_count, filters,
        columns.masked, bias_sums,
    )  # fmt: skip
    copy(windows.winners.reshape(-1), first, columns.winners, 0, window_count * filters)
    compress_columns(
        columns.masked, columns.winners, window_count, filters, offsets.shape[1], columns.compressed
    )  # fmt: skip
    _look_up(offsets.reshape(-1), columns.compressed, filters)


@serial
def _look_up(table, compressed, filters):
    """Replace each index by its entry of the table; columns that only complete a vector of filters have no indices."""
    for column in range(filters):
        start = column * compressed.size
        indices = compressed.indices[start : start + compressed.counts[column]]
        for j in range(len(indices)):
            indices[j] = table[indices[j]]


@serial
def add_slice_kernel_gradient(columns, slices, s, part, dkernel):
    """Add the gradient of slice s of the kernel; `part` is the same slice of the image."""
    sum_patches(columns.compressed, slices.filters, part, slices.row_stride, _patches(slices, s, dkernel))


@serial
def add_slice_input_gradient(columns, slices, s, part, kernel):
    """Add the gradient of slice s of an image to `part`."""
    add_to_patches(columns.compressed, slices.filters, part, slices.row_stride, _patches(slices, s, kernel))


@serial
def _patches(slices, s, kernel):
    """Slice s of a kernel: one patch for each filter."""
    first = s * slices.filters * slices.kernel_rows * slices.row_length
    return Patches(kernel, first, slices.kernel_rows, slices.row_length)


@serial
def _add_kernel_gradient(columns, slices, x, start, part, dkernel):
    """Add the kernel gradient of the image that begins at `start` of x."""
    for s in range(slices.number):
        if slices.padded_pixels > slices.pixels:
            fill(part, 0, len(part), 0)
        for run in range(slices.runs):
            at, padded_at = _run(slices, s, run)
            copy_rows(
                x, start + at, slices.all_channels, part, padded_at, slices.channels, slices.run_pixels, slices.channels
            )  # fmt: skip
        add_slice_kernel_gradient(columns, slices, s, part, dkernel)


@serial
def _input_gradient(columns, slices, kernel, dx, start, part, x, input_relu):
    """The gradient w.r.t. the image that begins at `start`; dx may be x, which is no longer needed."""
    for s in range(slices.number):
        fill(part, 0, len(part), 0)
        add_slice_input_gradient(columns, slices, s, part, kernel)
        for run in range(slices.runs):
            at, padded_at = _run(slices, s, run)
            if input_relu:
                copy_masked_rows(
                    part, padded_at, slices.channels, dx, start + at, slices.all_channels,
                    slices.run_pixels, slices.channels, x,
                )  # fmt: skip
            else:
                copy_rows(
                    part, padded_at, slices.channels, dx, start + at, slices.all_channels,
                    slices.run_pixels, slices.channels,
                )  # fmt: skip


@serial
def _run(slices, s, run):
    """Where a run of pixels begins: in slice s of an image, and in that slice with its padding."""
    at = run * slices.run_pixels * slices.all_channels + s * slices.channels
    return at, (slices.corner + run * slices.padded_width) * slices.channels
