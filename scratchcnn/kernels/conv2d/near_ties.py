"""Near ties in max pooling: windows of 2 x 2 outputs whose maximum Winograd's rounding errors would decide.

Where two elements of a pooling window differ by less than their rounding errors, these decide which of them is the
maximum, and with it where the gradient goes; where the maximum is near zero, they decide whether a ReLU passes it. A
plain sum errs about ten times less, and errs equally for equal windows. So near ties are decided by it: the elements
of such a window are computed once more as implicit GEMM does, with the same bits. (Shewchuk 1997, "Adaptive precision
floating-point arithmetic", decides geometric predicates in this way: an approximation with an error estimate first.)

The tolerance of filter f in a band (a row of tiles, with all pixels x that these depend on) is

    tolerance[f]  =  16 * eps * max |x| * sqrt(sum of w[..., f]^2)

In a probabilistic model with independent roundings, the error of a sum of products grows with the root of the sum of
their squares (Higham & Mary 2019, "A new approach to probabilistic rounding error analysis"), which is at most
max |x| * ||w||; so the tolerance scales with the data. The factor is an estimate, not a bound: for the second layer of
the article's network on MNIST, F(4 x 4, 3 x 3) errs by 0.3 * eps times this on average, and by up to 12 in 5 million
outputs. A rigorous bound would be a hundred times larger, and so would be the number of windows recomputed.

Elements whose 3 x 3 pixels all equal the first pixel of the image, as in a background, are equal: whichever of them is
the maximum, the gradients are the same. So only the first of them is compared with the other elements. Nor is the
maximum of such a window compared with zero: an empty background has the value zero itself. Both is arranged by
penalties of infinity, found together with the empty windows (`empty_windows`) and the same for all filters.

Cost: one more pass over the pixels, 16 operations per window and filter on vectors of filters, and 4 * 9 * C
multiply-adds for each vector of filters with a near tie: about one in 300 on MNIST, most of them exact ties.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import get_num_threads

from scratchcnn.geometry import Windows
from scratchcnn.kernels.conv2d.empty_windows import keep_dtype, keep_start, make_bands, mark_bands
from scratchcnn.kernels.conv2d.winograd_tiles import Grid, copy_pixels, tile_position
from scratchcnn.kernels.gemm.matmul import matmul, product_of, start_row
from scratchcnn.kernels.runtime.copying import empty_aligned
from scratchcnn.kernels.runtime.jit import serial
from scratchcnn.kernels.runtime.loops import parallel_jobs
from scratchcnn.kernels.simd.two_sided_transform import UNDECIDED
from scratchcnn.kernels.simd.vectors import VECTOR_BYTES
from scratchcnn.operands import Array

FACTOR = 16
SIDE = 4  # of the patch of pixels on which a window of 2 x 2 outputs depends


class DirectSums(NamedTuple):
    """What computing windows by plain sums requires.

    Attributes
    ----------
    kernel : (3, 3, C, F)
        Filters padded with zeros to whole vectors.
    spread : (F,)
        The tolerance of each filter for images of magnitude 1.
    start : (F,)
        The bias.
    active : bool
        Whether near ties are to be decided.
    above, left : int
        Rows and columns of padding of the images.
    """

    kernel: Array
    spread: Array
    start: Array
    active: bool
    above: int
    left: int


class Room(NamedTuple):
    """Memory of one thread.

    Attributes
    ----------
    patch : (16 * C,)
        The pixels that a window depends on, with padding.
    sums : (4 * lanes,)
        The four elements of a window, for a vector of filters each.
    corners, elements, rows : int64
        Offsets of the four windows of the kernel in the patch, of the elements in each, and of the rows of `sums`.
    """

    patch: Array
    sums: Array
    corners: Array
    elements: Array
    rows: Array


def direct_sums(kernel: Array, start: Array, windows: Windows, active: bool) -> DirectSums:
    """Prepare plain sums for a kernel (3, 3, C, F) whose filters are padded to whole vectors."""
    spread = np.zeros(start.size, kernel.dtype)
    if active:
        squares = np.einsum("ijcf,ijcf->f", kernel, kernel)
        spread = kernel.dtype.type(FACTOR * np.finfo(kernel.dtype).eps) * np.sqrt(squares)
    return DirectSums(kernel, spread, start, active, windows.rows.before, windows.columns.before)


def decide_near_ties(m: int, x: Array, windows: Windows, kernel: Array, bias: Array | None, y: Array) -> None:
    """Replace, in all 2 x 2 windows of y with a near tie, the outputs of a convolution by plain sums."""
    if not np.isfinite(kernel).all():
        return
    filters = kernel.shape[3]
    start = start_row(bias, filters, x.dtype)
    if filters != start.size:
        kernel = np.pad(kernel, [(0, 0), (0, 0), (0, 0), (0, start.size - filters)])
    sums = direct_sums(np.ascontiguousarray(kernel), start, windows, True)
    keep = np.empty(0, keep_dtype(x.dtype))
    shares = get_num_threads()
    _decide_near_ties(shares, product_of(x.dtype), m, np.ascontiguousarray(x), sums, keep, y, shares)


@parallel_jobs
def _decide_near_ties(share, product, m, x, sums, keep, y, shares):
    images, height, width, filters = y.shape
    down, across = (height + m - 1) // m, (width + m - 1) // m
    grid = Grid(m, down, across, sums.above, sums.left)
    room, bands, tolerance = make_room(sums), make_bands(m, across, 1, keep, x, True), np.empty_like(sums.spread)
    first = images * share // shares * down
    for band in range(first, images * (share + 1) // shares * down):
        mark_bands(bands, grid, band, band + 1, band > first, x)
        for f in range(filters):
            tolerance[f] = sums.spread[f] * bands.magnitudes[band % bands.ring]
        top = band % down * m
        for row in range(top, min(top + m, height) - 1, 2):
            penalties = bands.penalties[keep_start(bands, band, 0) + (row - top) * bands.width :].view(x.dtype)
            for column in range(0, width - 1, 2):
                of_window = (
                    penalties[column], penalties[column + 1],
                    penalties[bands.width + column], penalties[bands.width + column + 1],
                )  # fmt: skip
                _replace_outputs(product, x, (band // down, row, column), of_window, sums, tolerance, y, room)


@serial
def _replace_outputs(product, x, position, penalties, sums, tolerance, y, room):
    """Replace the outputs in the window at `position` by plain sums, for all filters with a near tie."""
    image, row, column = position
    lanes, computed = len(room.sums) // 4, -1
    for f in range(y.shape[3]):
        if _is_near_tie(y[image, row : row + 2, column : column + 2, f], penalties, tolerance[f]):
            first = f // lanes * lanes
            if computed != first:
                _sum_products(product, x, position, first, sums, room)
                computed = first
            for i in range(4):
                y[image, row + i // 2, column + i % 2, f] = room.sums[i * lanes + f - first]


@serial
def _is_near_tie(window, penalties, tolerance):
    """Whether rounding decides a window of one filter; as `make_pooled_output_transform`, without a floor."""
    best, second = window[0, 0], window.dtype.type(-np.inf)
    for i in range(1, 4):
        value = window[i // 2, i % 2] + penalties[i]
        if value > best:
            best, second = value, best
        elif value > second:
            second = value
    if np.isnan(window).any():
        return False
    return best - second < tolerance or abs(best) + penalties[0] < tolerance


@serial
def make_room(sums):
    """Room for `_sum_products`."""
    _, _, channels, _ = sums.kernel.shape
    lanes = VECTOR_BYTES // sums.kernel.itemsize
    corners, rows, elements = np.empty(4, np.int64), np.empty(4, np.int64), np.empty(9 * channels, np.int64)
    for i in range(4):
        corners[i], rows[i] = (i // 2 * SIDE + i % 2) * channels, i * lanes
    for k in range(9):
        for c in range(channels):
            elements[k * channels + c] = (k // 3 * SIDE + k % 3) * channels + c
    dtype = sums.kernel.dtype
    patch, results = empty_aligned(SIDE * SIDE * channels, dtype), empty_aligned(4 * lanes, dtype)
    return Room(patch, results, corners, elements, rows)


@serial
def _sum_products(product, x, position, first, sums, room):
    """Compute the window at `position` for a vector of filters from `first` on, in the order of implicit GEMM."""
    image, row, column = position
    channels, filters = x.shape[3], len(sums.start)
    lanes = len(room.sums) // 4
    copy_pixels(x, (image, row - sums.above, column - sums.left), SIDE, room.patch, channels)
    matmul(
        product, room.patch, 0, room.corners, room.elements, sums.kernel.reshape(-1)[first:], lanes,
        sums.start[first : first + lanes], room.sums, 0, room.rows, 0, 0, filters,
    )  # fmt: skip


@serial
def decide_pooled(product, grid, tiles, undecided, x, sums, output, room):
    """Decide by plain sums the windows of a block of tiles that were marked as near ties."""
    _, height, width, _ = output.y.shape
    across = grid.m // 2
    for i in range(len(tiles)):
        if undecided[i] == 0:
            continue
        image, top, left = tile_position(grid, tiles[i])
        for window in range(across * across):
            row, column = top // 2 + window // across, left // 2 + window % across
            if row < height and column < width:
                _decide_window(product, x, (image, row, column), sums, output, room)


@serial
def _decide_window(product, x, position, sums, output, room):
    """The maximum of the window at `position` and its index, for the filters that are marked."""
    image, row, column = position
    y, winners, lanes, computed = output.y, output.winners, len(room.sums) // 4, -1
    for f in range(y.shape[3]):
        if winners[image, row, column, f] < UNDECIDED:
            continue
        first = f // lanes * lanes
        if computed != first:
            _sum_products(product, x, (image % len(x), 2 * row, 2 * column), first, sums, room)
            computed = first
        best, winner = _at_least(output.floor, room.sums[f - first]), 0
        for i in range(1, 4):
            value = _at_least(output.floor, room.sums[i * lanes + f - first])
            if value > best:
                best, winner = value, i
        y[image, row, column, f], winners[image, row, column, f] = best, winner


@serial
def _at_least(floor, value):
    return floor if value < floor else value
