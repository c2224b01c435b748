"""Max pooling, one window element after the other, for all channels at once.

A pixel with few channels does not fill a vector register (see `simd.window_maximum`). Then as many images as a vector
has lanes are interleaved in a small buffer (see `simd.interleave`): for the same loops, these are one image with that
many times the channels.

Cost: KH * KW comparisons per output; reads x once, writes y and the argmax indices ("winners").
"""

from __future__ import annotations

import numpy as np
from numba import prange

from scratchcnn.geometry import Padding, Pair
from scratchcnn.kernels.runtime.copying import empty_aligned, fill
from scratchcnn.kernels.runtime.jit import parallel, serial
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.kernels.simd.interleave import interleave, separate
from scratchcnn.kernels.simd.vectors import VECTOR_BYTES
from scratchcnn.kernels.simd.window_maximum import window_maximum
from scratchcnn.operands import Array, Shape, expect, expect_winners, pool2d_windows, winner_dtype


def max_pool2d(
    x: Array, pool_size: Pair = (2, 2), strides: Pair = (2, 2), padding: Padding = "valid"
) -> tuple[Array, Array]:
    """The maximum of every window and its argmax index; `reference.max_pool2d` has the formula."""
    windows = pool2d_windows(x.shape, pool_size, strides, padding)
    expect(x=(x, x.shape))
    shape = (x.shape[0], windows.rows.output, windows.columns.output, x.shape[3])
    y, winners = empty(shape, x.dtype), empty(shape, winner_dtype(pool_size))
    pool = _max_pool2d_interleaved if _interleaves(shape, x.itemsize) else _max_pool2d
    pool(np.ascontiguousarray(x), windows.rows, windows.columns, y, winners)
    return y, winners


def _interleaves(shape: Shape, itemsize: int) -> bool:
    """Whether interleaving is worth it: for fewer channels than fill two vectors, unless most lanes have no image."""
    lanes = VECTOR_BYTES // itemsize
    return shape[3] < 2 * lanes and 4 * shape[0] >= lanes


@parallel
def _max_pool2d(x, rows, columns, y, winners):
    images, output_height, output_width, channels = y.shape
    size, output_size = columns.size * channels, output_width * channels
    for job in prange(images * output_height):
        image, oy = job // output_height, job % output_height
        first_row, last_row = rows_of_window(rows, oy)
        pool_row(
            x.reshape(-1), (image * rows.size + first_row) * size, oy * rows.stride - rows.before, first_row, last_row,
            columns, channels, y.reshape(-1), winners.reshape(-1), job * output_size,
        )  # fmt: skip


@serial
def rows_of_window(rows, oy):
    """The first row that a window covers, and the one after its last."""
    top = oy * rows.stride - rows.before
    return max(0, top), min(rows.size, top + rows.kernel)


@serial
def pool_row(x, start, top, first_row, last_row, columns, channels, y, winners, at):
    """Pool the rows `first_row` to before `last_row`, which begin at x[start], into one row at y[at] and winners[at].

    `top` is the row where the windows begin, which may lie above the image.
    """
    for ox in range(columns.output):
        left = ox * columns.stride - columns.before
        first_column, last_column = max(0, -left), min(columns.kernel, columns.size - left)
        corner = start + ((top - first_row) * columns.size + left) * channels
        window_maximum(
            x, corner, columns.size * channels, channels, channels, columns.kernel,
            first_row - top, last_row - top, first_column, last_column, y, winners, at + ox * channels,
        )  # fmt: skip


@parallel
def _max_pool2d_interleaved(x, rows, columns, y, winners):
    images, output_height, output_width, channels = y.shape
    lanes, size, output_size = VECTOR_BYTES // x.itemsize, columns.size * channels, output_width * channels
    for job in prange((images + lanes - 1) // lanes * output_height):
        image, oy = job // output_height * lanes, job % output_height
        present = min(lanes, images - image)
        first_row, last_row = rows_of_window(rows, oy)
        source = empty_aligned((last_row - first_row) * size * lanes, x.dtype)
        maxima, indices = empty_aligned(output_size * lanes, x.dtype), np.empty(output_size * lanes, winners.dtype)
        interleave(
            x.reshape(-1), (image * rows.size + first_row) * size, rows.size * size, present,
            source, 0, (last_row - first_row) * size, x,
        )  # fmt: skip
        top = oy * rows.stride - rows.before
        pool_row(source, 0, top, first_row, last_row, columns, channels * lanes, maxima, indices, 0)
        at, image_size = (image * output_height + oy) * output_size, output_height * output_size
        separate(y.reshape(-1), at, image_size, present, maxima, 0, output_size, x)
        separate(winners.reshape(-1), at, image_size, present, indices, 0, output_size, x)


def max_pool2d_gradient(
    dy: Array,
    winners: Array,
    input_shape: Shape,
    pool_size: Pair = (2, 2),
    strides: Pair = (2, 2),
    padding: Padding = "valid",
) -> Array:
    """Gradient of the loss w.r.t. the input, at the argmax indices; `reference.max_pool2d_gradient` has the formula."""
    windows = pool2d_windows(input_shape, pool_size, strides, padding)
    shape = (input_shape[0], windows.rows.output, windows.columns.output, input_shape[3])
    expect(dy=(dy, shape))
    expect_winners(winners, shape, pool_size)
    dx = empty(input_shape, dy.dtype)
    interleaves = _interleaves(shape, dy.itemsize) and windows.rows.stride >= windows.rows.kernel
    spread = _max_pool2d_gradient_interleaved if interleaves else _max_pool2d_gradient
    spread(np.ascontiguousarray(dy), np.ascontiguousarray(winners), windows.rows, windows.columns, dx)
    return dx


@parallel
def _max_pool2d_gradient(dy, winners, rows, columns, dx):
    images, output_height, output_width, channels = dy.shape
    output_size = output_width * channels
    for image in prange(images):
        first = image * dx[0].size
        fill(dx.reshape(-1), first, dx[0].size, 0)
        for oy in range(output_height):
            at, top = (image * output_height + oy) * output_size, oy * rows.stride - rows.before
            spread_row(dy.reshape(-1), winners.reshape(-1), at, rows, columns, channels, dx.reshape(-1), first, top)


@serial
def spread_row(dy, winners, at, rows, columns, channels, dx, start, top):
    """Add the gradients of a row of windows, from dy[at] on, at their argmax indices.

    The image begins at dx[start]; the windows begin at row `top`, which may lie above it.
    """
    for ox in range(columns.output):
        pixel = at + ox * channels
        gradient, winner = dy[pixel : pixel + channels], winners[pixel : pixel + channels]
        for ky in range(rows.kernel):
            for kx in range(columns.kernel):
                row, column = top + ky, ox * columns.stride + kx - columns.before
                if 0 <= row < rows.size and 0 <= column < columns.size:
                    target = start + (row * columns.size + column) * channels
                    _add_at_winner(gradient, winner, ky * columns.kernel + kx, dx[target : target + channels])


@serial
def _add_at_winner(gradient, winner, element, target):
    for channel in range(gradient.size):
        target[channel] += gradient[channel] if winner[channel] == element else 0


@parallel
def _max_pool2d_gradient_interleaved(dy, winners, rows, columns, dx):
    """For windows that do not overlap, so that each row of windows has rows of dx of its own."""
    images, output_height, output_width, channels = dy.shape
    lanes, size, output_size = VECTOR_BYTES // dy.itemsize, columns.size * channels, output_width * channels
    for job in prange((images + lanes - 1) // lanes * output_height):
        image, oy = job // output_height * lanes, job % output_height
        present, top = min(lanes, images - image), oy * rows.stride - rows.before
        first_row = top if oy > 0 else 0
        last_row = top + rows.stride if oy < output_height - 1 else rows.size
        gradients, indices = empty_aligned(output_size * lanes, dy.dtype), np.empty(output_size * lanes, winners.dtype)
        target = empty_aligned((last_row - first_row) * size * lanes, dy.dtype)
        at, image_size = (image * output_height + oy) * output_size, output_height * output_size
        interleave(dy.reshape(-1), at, image_size, present, gradients, 0, output_size, dy)
        interleave(winners.reshape(-1), at, image_size, present, indices, 0, output_size, dy)
        fill(target, 0, target.size, 0)
        spread_row(gradients, indices, 0, rows, columns, channels * lanes, target, -first_row * size * lanes, top)
        separate(
            dx.reshape(-1), (image * rows.size + first_row) * size, rows.size * size, present,
            target, 0, (last_row - first_row) * size, dy,
        )  # fmt: skip
