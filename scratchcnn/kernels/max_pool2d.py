"""Max pooling, window element by window element, all channels of a pixel side by side in vector registers.

The natural loop goes over the windows and picks a largest number; its branches cannot be foreseen. Here the loop over
channels is the inner one, and a comparison chooses between two numbers without a branch.

Cost: KH * KW comparisons for each output; reads x once, writes y and the winners.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from scratchcnn.geometry import Padding, Pair
from scratchcnn.kernels.jit import parallel, serial
from scratchcnn.kernels.workspace import empty
from scratchcnn.operands import Array, Shape, expect, expect_winners, pool2d_windows, winner_dtype


def max_pool2d(
    x: Array, pool_size: Pair = (2, 2), strides: Pair = (2, 2), padding: Padding = "valid"
) -> tuple[Array, Array]:
    """The largest number of every window, and which element it was; `reference.max_pool2d` has the formula."""
    windows = pool2d_windows(x.shape, pool_size, strides, padding)
    expect(x=(x, x.shape))
    shape = (x.shape[0], windows.rows.output, windows.columns.output, x.shape[3])
    y, winners = empty(shape, x.dtype), empty(shape, winner_dtype(pool_size))
    _max_pool2d(np.ascontiguousarray(x), windows.rows, windows.columns, y, winners)
    return y, winners


@parallel
def _max_pool2d(x, rows, columns, y, winners):
    images, output_height, output_width, _ = y.shape
    for job in prange(images * output_height):
        image, oy = job // output_height, job % output_height
        for ox in range(output_width):
            first = True
            for ky in range(rows.kernel):
                row = oy * rows.stride + ky - rows.before
                for kx in range(columns.kernel):
                    column = ox * columns.stride + kx - columns.before
                    if row < 0 or row >= rows.size or column < 0 or column >= columns.size:
                        continue
                    candidate = x[image, row, column]
                    if first:
                        y[image, oy, ox] = candidate
                        winners[image, oy, ox] = ky * columns.kernel + kx
                        first = False
                    else:
                        _keep_larger(candidate, ky * columns.kernel + kx, y[image, oy, ox], winners[image, oy, ox])


@serial
def _keep_larger(candidate, element, best, winner):
    for channel in range(best.size):
        new, old = candidate[channel], best[channel]
        wins = (new > old) | ((new != new) & (old == old))  # larger, or the first NaN
        best[channel] = new if wins else old
        winner[channel] = element if wins else winner[channel]


def max_pool2d_gradient(
    dy: Array,
    winners: Array,
    input_shape: Shape,
    pool_size: Pair = (2, 2),
    strides: Pair = (2, 2),
    padding: Padding = "valid",
) -> Array:
    """Send each window's gradient to its winner; `reference.max_pool2d_gradient` has the formula."""
    windows = pool2d_windows(input_shape, pool_size, strides, padding)
    shape = (input_shape[0], windows.rows.output, windows.columns.output, input_shape[3])
    expect(dy=(dy, shape))
    expect_winners(winners, shape, pool_size)
    dx = empty(input_shape, dy.dtype)
    _max_pool2d_gradient(np.ascontiguousarray(dy), np.ascontiguousarray(winners), windows.rows, windows.columns, dx)
    return dx


@parallel
def _max_pool2d_gradient(dy, winners, rows, columns, dx):
    images, output_height, output_width, _ = dy.shape
    for image in prange(images):
        dx[image] = 0
        for oy in range(output_height):
            for ox in range(output_width):
                for ky in range(rows.kernel):
                    row = oy * rows.stride + ky - rows.before
                    for kx in range(columns.kernel):
                        column = ox * columns.stride + kx - columns.before
                        if row < 0 or row >= rows.size or column < 0 or column >= columns.size:
                            continue
                        _add_where_won(
                            dy[image, oy, ox], winners[image, oy, ox], ky * columns.kernel + kx, dx[image, row, column]
                        )


@serial
def _add_where_won(gradient, winner, element, target):
    for channel in range(gradient.size):
        target[channel] += gradient[channel] if winner[channel] == element else 0
