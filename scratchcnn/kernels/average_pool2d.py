"""Average pooling, first along the columns of each image, then along the rows, in whole vector registers.

The sum over a window is a sum of sums over its rows, so each pass has two steps. One adds whole rows of pixels, which
are contiguous, for any number of channels. The other adds neighbouring pixels of a row (`add_pixels`). The obvious loop
over windows adds KH * KW short pieces of C elements for each output; here there are KW of them, and none of the C
elements is treated alone.

Cost: about (KH - 1) * SW + KW - 1 additions and one division per output; reads x and writes y once, or reads dy and
writes dx once.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numba import prange
from numba.core import cgutils

from scratchcnn.geometry import Padding, Pair
from scratchcnn.kernels.runtime.copying import copy, fill
from scratchcnn.kernels.runtime.jit import parallel, serial
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.kernels.simd.vectors import INDEX, VECTOR_BYTES, Vectorized, make_intrinsic
from scratchcnn.operands import Array, Shape, expect, pool2d_windows

SPARE = VECTOR_BYTES // 4  # elements after the end of an array that `add_pixels` may read and write


def average_pool2d(x: Array, pool_size: Pair = (2, 2), strides: Pair = (2, 2), padding: Padding = "valid") -> Array:
    """The mean of every window; `reference.average_pool2d` has the formula."""
    windows = pool2d_windows(x.shape, pool_size, strides, padding)
    expect(x=(x, x.shape))
    y = empty((x.shape[0], windows.rows.output, windows.columns.output, x.shape[3]), x.dtype)
    _average_pool2d(np.ascontiguousarray(x), windows.rows, windows.columns, y)
    return y


@parallel
def _average_pool2d(x, rows, columns, y):
    widths = window_widths(columns, x.shape[3], x.dtype)
    for image in prange(len(x)):
        pool_image(x[image].reshape(-1), rows, columns, widths, y[image].reshape(-1))


@serial
def pool_image(x, rows, columns, widths, y):
    """The means of the windows of one image; x and y are one-dimensional."""
    channels, output_length = widths.size // columns.output, widths.size
    length = columns.size * channels  # of a row
    down, sums = np.empty(length + SPARE, x.dtype), np.empty(output_length + SPARE, x.dtype)
    for oy in range(rows.output):
        first_row, last_row = inputs_of_window(rows, oy)
        copy(x, first_row * length, down, 0, length)
        for row in range(first_row + 1, last_row):
            add(x, row * length, down, length)
        for ox in range(columns.output):
            first, last = inputs_of_window(columns, ox)
            add_pixels(down, first * channels, last - first, sums, ox * channels, channels)
        divide(sums, 0, widths, last_row - first_row, y, oy * output_length)


def average_pool2d_gradient(
    dy: Array, input_shape: Shape, pool_size: Pair = (2, 2), strides: Pair = (2, 2), padding: Padding = "valid"
) -> Array:
    """Gradient of the loss w.r.t. the input; `reference.average_pool2d_gradient` has the formula."""
    windows = pool2d_windows(input_shape, pool_size, strides, padding)
    expect(dy=(dy, (input_shape[0], windows.rows.output, windows.columns.output, input_shape[3])))
    dx = empty(input_shape, dy.dtype)
    _average_pool2d_gradient(np.ascontiguousarray(dy), windows.rows, windows.columns, dx)
    return dx


@parallel
def _average_pool2d_gradient(dy, rows, columns, dx):
    widths = window_widths(columns, dx.shape[3], dy.dtype)
    for image in prange(len(dx)):
        distribute_gradient(dy[image].reshape(-1), rows, columns, widths, dx[image].reshape(-1))


@serial
def distribute_gradient(dy, rows, columns, widths, dx):
    """The gradient w.r.t. one image; dy and dx are one-dimensional."""
    channels, output_length = widths.size // columns.output, widths.size
    length = columns.size * channels  # of a row
    shares, across = np.empty(output_length + SPARE, dy.dtype), np.empty(rows.output * length + SPARE, dy.dtype)
    firsts, lasts = np.empty(columns.size, np.int64), np.empty(columns.size, np.int64)
    for column in range(columns.size):
        firsts[column], lasts[column] = windows_of_input(columns, column)
    for oy in range(rows.output):
        first_row, last_row = inputs_of_window(rows, oy)
        divide(dy, oy * output_length, widths, last_row - first_row, shares, 0)
        for column in range(columns.size):
            first, at = firsts[column], (oy * columns.size + column) * channels
            add_pixels(shares, first * channels, lasts[column] - first, across, at, channels)
    for row in range(rows.size):
        first, last = windows_of_input(rows, row)
        target = dx[row * length : (row + 1) * length]
        if first == last:
            fill(target, 0, length, 0)
        else:
            copy(across, first * length, target, 0, length)
        for oy in range(first + 1, last):
            add(across, oy * length, target, length)


@serial
def window_widths(columns, channels, dtype):
    """How many columns inside the image each window contains, once for each channel."""
    widths = np.empty(columns.output * channels, dtype)
    for ox in range(columns.output):
        first, last = inputs_of_window(columns, ox)
        fill(widths, ox * channels, channels, last - first)
    return widths


@serial
def inputs_of_window(axis, output):
    """The first and the last + 1 position inside the image that window `output` contains."""
    start = output * axis.stride - axis.before
    return max(0, start), min(axis.size, start + axis.kernel)


@serial
def windows_of_input(axis, position):
    """The first and the last + 1 window that contains the input `position`; equal if none does."""
    place = position + axis.before
    first = max(0, (place - axis.kernel) // axis.stride + 1)
    return first, max(first, min(axis.output, place // axis.stride + 1))


@serial
def add(source, start, target, count):
    """target[i] += source[start + i] for `count` elements of one-dimensional arrays."""
    here = source[start : start + count]
    for i in range(count):
        target[i] += here[i]


@serial
def divide(source, source_start, widths, height, target, target_start):
    """target[target_start + i] = source[source_start + i] / (widths[i] * height) for a row of windows."""
    there, here = target[target_start : target_start + widths.size], source[source_start : source_start + widths.size]
    rows = widths.dtype.type(height)
    for i in range(widths.size):
        there[i] = here[i] / (widths[i] * rows)


class _AddPixels(Vectorized):
    """Emits the sum of consecutive pixels: target[at + c] = sum over p < pixels of source[start + p * channels + c].

    The last vector may reach beyond the channels, into elements that the caller writes later or that are spare.
    """

    arguments: ClassVar[tuple[str, ...]] = ("source", "start", "pixels", "target", "at", "channels")

    def emit(self) -> None:
        """Emit the loop over the channels, as many at a time as there are lanes."""
        builder, args = self.builder, self.args
        ends = INDEX(0), args["channels"], INDEX(self.lanes)
        with cgutils.for_range_slice(builder, *ends, INDEX) as (channel, _):
            total = cgutils.alloca_once(builder, self.vector)
            builder.store(self.constant(0.0), total)
            with cgutils.for_range(builder, args["pixels"]) as pixel:
                offset = builder.mul(pixel.index, args["channels"])
                values = self.load_vector(self.number_at("source", args["start"], offset, channel), 0)
                builder.store(builder.fadd(builder.load(total), values), total)
            target = self.number_at("target", args["at"], channel)
            builder.store(builder.load(total), self.vector_at(target, 0), align=self.itemsize)


add_pixels = make_intrinsic(_AddPixels)
