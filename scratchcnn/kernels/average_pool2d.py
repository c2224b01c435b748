"""Average pooling, first along the columns of each image, then along the rows, in whole vector registers.

The sum over a window is a sum of sums over its rows, so each pass has two steps. One adds whole rows of pixels, which
are contiguous, for any number of channels. The other adds neighbouring pixels of a row (`add_pixels`). The obvious loop
over windows adds KH * KW short pieces of C elements for each output; here there are KW of them, and none of the C
elements is treated alone.

Cost: KH + KW additions and a division per output; reads x and writes y once, or reads dy and writes dx once.
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
    images, _, _, channels = y.shape
    inputs, means = x.reshape(-1), y.reshape(-1)
    length, output_length = columns.size * channels, columns.output * channels  # of a row
    widths = window_widths(columns, channels, x.dtype)
    for image in prange(images):
        down, sums = np.empty(length + SPARE, x.dtype), np.empty(output_length + SPARE, x.dtype)
        for oy in range(rows.output):
            first, last = inputs_of_window(rows, oy)
            for row in range(first, last):
                start = (image * rows.size + row) * length
                if row == first:
                    copy(inputs, start, down, 0, length)
                else:
                    add(inputs, start, down, 0, length)
            height = x.dtype.type(last - first)
            for ox in range(columns.output):
                first, last = inputs_of_window(columns, ox)
                add_pixels(down, first * channels, last - first, sums, ox * channels, channels)
            divide(sums, 0, widths, height, means, (image * rows.output + oy) * output_length)


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
    images, _, _, channels = dx.shape
    gradients, inputs = dy.reshape(-1), dx.reshape(-1)
    length, output_length = columns.size * channels, columns.output * channels
    widths = window_widths(columns, channels, dy.dtype)
    firsts, lasts = np.empty(columns.size, np.int64), np.empty(columns.size, np.int64)
    for column in range(columns.size):
        firsts[column], lasts[column] = windows_of_input(columns, column)
    for image in prange(images):
        shares, across = np.empty(output_length + SPARE, dy.dtype), np.empty(rows.output * length + SPARE, dy.dtype)
        for oy in range(rows.output):
            first, last = inputs_of_window(rows, oy)
            height = dy.dtype.type(last - first)
            divide(gradients, (image * rows.output + oy) * output_length, widths, height, shares, 0)
            for column in range(columns.size):
                count = lasts[column] - firsts[column]
                add_pixels(shares, firsts[column] * channels, count, across, oy * length + column * channels, channels)
        for row in range(rows.size):
            start = (image * rows.size + row) * length
            first, last = windows_of_input(rows, row)
            if first == last:
                fill(inputs, start, length, 0)
            for oy in range(first, last):
                if oy == first:
                    copy(across, oy * length, inputs, start, length)
                else:
                    add(across, oy * length, inputs, start, length)


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
def add(source, source_start, target, target_start, count):
    """target[target_start + i] += source[source_start + i] for `count` elements of one-dimensional arrays."""
    there, here = target[target_start : target_start + count], source[source_start : source_start + count]
    for i in range(count):
        there[i] += here[i]


@serial
def divide(source, source_start, widths, height, target, target_start):
    """target[target_start + i] = source[source_start + i] / (widths[i] * height) for a row of windows."""
    there, here = target[target_start : target_start + widths.size], source[source_start : source_start + widths.size]
    for i in range(widths.size):
        there[i] = here[i] / (widths[i] * height)


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
