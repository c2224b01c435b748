"""Winograd's convolution: 3 x 3 kernels with 2.25 or 4 times fewer multiplications.

The product of two polynomials takes n multiplications if both are evaluated at n points (Toom, Cook). A row of m
outputs of a convolution with r weights is the transpose of such a product, with n = m + r - 1; Winograd (1980,
"Arithmetic complexity of computations") showed that fewer multiplications do not suffice. In two dimensions,
F(m x m, 3 x 3) divides the output into tiles of m x m and computes each from a patch d of n x n inputs:

    y  =  Aᵀ [ (G g Gᵀ) * (Bᵀ d B) ] A           * element by element, summed over the channels

The transforms B, G and A are small constant matrices (`toom_cook`), applied in registers (`two_sided_transform`). In
between, each of the n * n elements is a matrix product of its own, (tiles, C) @ (C, F), for which the register-blocked
micro-kernel is made (Lavin & Gray 2016, arXiv 1509.09308).

    F(2 x 2, 3 x 3)    16 multiplications instead of  36 for a tile
    F(4 x 4, 3 x 3)    36 multiplications instead of 144

The input gradient is a convolution of dy with the kernel rotated by 180 degrees; `winograd_kernel_gradient` has the
kernel gradient. The transforms of a tile are in `winograd_tiles`; the matrix products in between are here.

Numerics: the sums in the transforms are larger than their results, so rounding errors are larger than those of the
plain sum; tests/kernels/conv2d/test_conv2d_algorithms.py derives a bound. The points 0, 1, -1, 1/2, -2 lose less
accuracy than the usual 0, 1, -1, 2, -2 (Barabasz et al. 2020, arXiv 1803.10986). Where a window contains only zeros,
the result is exactly the bias, as for a plain sum (`empty_windows`). Where rounding would decide a 2 x 2 max pooling
that follows, it is decided by plain sums (`near_ties`). Elsewhere a NaN or infinity reaches all outputs of its tile,
not only those that depend on it. A kernel that is not finite reaches all outputs: 0 * infinity is NaN.

Cost: 2 * n * n / (m * m) FLOPs for each output, channel and filter, and the transforms; uniform tiles are copied.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import get_num_threads

from scratchcnn.geometry import Padding, Pair, Windows
from scratchcnn.kernels.conv2d.empty_windows import Bands, keep_dtype, make_bands, mark_bands
from scratchcnn.kernels.conv2d.near_ties import Room, decide_near_ties, decide_pooled, direct_sums, make_room
from scratchcnn.kernels.conv2d.winograd_tiles import (
    Grid,
    NearTies,
    Output,
    Planes,
    copy_tiles,
    make_planes,
    select_tiles,
    tiles_at_once,
    transform_kernel,
    transform_patches,
    transform_products,
)
from scratchcnn.kernels.fused.recompute import Recomputation, compute_slice, no_recomputation, room_for_source
from scratchcnn.kernels.gemm.matmul import matmul, product_of, start_row
from scratchcnn.kernels.runtime.copying import CACHE_LINE, empty_aligned
from scratchcnn.kernels.runtime.jit import serial
from scratchcnn.kernels.runtime.lending import lend
from scratchcnn.kernels.runtime.loops import parallel_jobs
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.operands import Array, Shape, conv2d_windows, expect, winner_dtype

IMAGES_AT_ONCE = 4  # recomputed images that the cache must have room for


def conv2d(
    m: int, x: Array, kernel: Array, bias: Array | None, strides: Pair = (1, 1), padding: Padding = "valid",
    dilation_rate: Pair = (1, 1), relu: bool = False, near_ties: bool = False,
) -> Array:  # fmt: skip
    """Cross-correlate images with a kernel and add a bias, by F(m x m, 3 x 3); `reference.conv2d` has the formula.

    `near_ties`: where rounding would decide the maximum of a window of 2 x 2 outputs, these are plain sums.
    """
    windows = conv2d_windows(x.shape, kernel.shape, strides, padding, dilation_rate)
    expect(x=(x, x.shape), kernel=(kernel, kernel.shape))
    filters = kernel.shape[3]
    y = empty((len(x), windows.rows.output, windows.columns.output, filters), x.dtype)
    _correlate(m, x, windows, kernel, bias, relu, y)
    if near_ties:
        decide_near_ties(m, x, windows, kernel, bias, y)
    return y


def conv2d_max_pool2d(
    m: int, x: Array | Recomputation, kernel: Array, bias: Array | None, padding: Padding, relu: bool
) -> tuple[Array, Array]:
    """A convolution followed by 2 x 2 max pooling: each tile is pooled in registers, and its outputs are never stored.

    The images are an array, or a convolution that recomputes them one by one. Windows whose maximum rounding would
    decide are decided by plain sums.
    """
    windows = conv2d_windows(x.shape, kernel.shape, (1, 1), padding, (1, 1))
    if not isinstance(x, Recomputation):
        expect(x=(x, x.shape), kernel=(kernel, kernel.shape))
    shape = (x.shape[0], windows.rows.output // 2, windows.columns.output // 2, kernel.shape[3])
    y, winners = empty(shape, kernel.dtype), empty(shape, winner_dtype((2, 2)))
    _correlate(m, x, windows, kernel, bias, relu, y, winners)
    return y, winners


def conv2d_input_gradient(
    m: int, dy: Array, kernel: Array, input_shape: Shape, strides: Pair = (1, 1), padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:  # fmt: skip
    """Gradient of the loss with respect to the input; `reference.conv2d_input_gradient` has the formula.

    It is a convolution of dy with the kernel rotated by 180 degrees. Pixel q is multiplied with output q + before - k
    by kernel element k, which is element 2 - k of the rotated kernel: so its window of dy begins at q + before - 2.
    """
    windows = conv2d_windows(input_shape, kernel.shape, strides, padding, dilation_rate)
    rows, columns = windows
    expect(kernel=(kernel, kernel.shape), dy=(dy, (input_shape[0], rows.output, columns.output, kernel.shape[3])))
    dx = empty(input_shape, dy.dtype)
    rotated = kernel[::-1, ::-1].transpose(0, 1, 3, 2)  # (3, 3, F, C)
    rotated_windows = Windows(
        rows._replace(before=2 - rows.before, output=rows.size),
        columns._replace(before=2 - columns.before, output=columns.size),
    )
    _correlate(m, dy, rotated_windows, rotated, None, False, dx)
    return dx


class _Images(NamedTuple):
    """What is convolved. (Parallel loops of Numba accept tuples only without tuples in them.)

    Attributes
    ----------
    x : (N, H, W, C)
        The images; none if they are recomputed.
    above, left : int
        Rows and columns of padding above and to the left.
    exact_zeros : bool
        Whether the sums of products over empty windows are replaced by zero.
    keep : (0,)
        No elements, of the type of `Bands.keep`.
    """

    x: Array
    above: int
    left: int
    exact_zeros: bool
    keep: Array


def _correlate(
    m: int, x: Array | Recomputation, windows: Windows, kernel: Array, bias: Array | None, relu: bool, y: Array,
    winners: Array | None = None,
) -> None:  # fmt: skip
    """Fill y with the convolution of x, or, if `winners` is given, y and winners with its 2 x 2 max pooling."""
    channels, filters, dtype = *kernel.shape[2:], kernel.dtype
    start = start_row(bias, filters, dtype)
    exact_zeros = bool(np.isfinite(kernel).all())  # else a zero times the kernel may be NaN
    if filters != start.size:  # whole vectors of filters
        kernel = np.pad(kernel, [(0, 0), (0, 0), (0, 0), (0, start.size - filters)])
    elements = (m + 2) ** 2
    row = channels * start.size + CACHE_LINE // dtype.itemsize  # a cache line longer, as in `Planes`
    transformed = empty((elements, row), dtype)
    reserved = IMAGES_AT_ONCE * math.prod(x.shape[1:]) * dtype.itemsize if isinstance(x, Recomputation) else 0
    recomputed = no_recomputation(dtype)
    if isinstance(x, Recomputation):
        recomputed, x = x, np.empty((0, *x.shape[1:]), dtype)
    images = _Images(
        np.ascontiguousarray(x), windows.rows.before, windows.columns.before, exact_zeros,
        np.empty(0, keep_dtype(dtype)),
    )  # fmt: skip
    no_winners = np.empty((0, 0, 0, 0), np.uint8)
    output = Output(
        y, no_winners if winners is None else winners, 1 if winners is None else 2, start,
        dtype.type(0 if relu else -np.inf),
    )  # fmt: skip
    at_once = tiles_at_once(elements, channels + start.size, dtype.itemsize, reserved)
    sums = direct_sums(np.ascontiguousarray(kernel), start, windows, winners is not None and exact_zeros)
    operands = (product_of(dtype), m, images, recomputed, sums, transformed, output, at_once)
    _transform_channel(channels, m, sums.kernel, transformed)
    shares = get_num_threads()
    _convolve_part(shares, *operands, shares)


@parallel_jobs
def _transform_channel(channel, m, kernel, transformed):
    transform_kernel(m, kernel, channel, transformed)


class _Work(NamedTuple):
    """Memory and tables of one thread, for `at_once` tiles.

    Attributes
    ----------
    x : (N, H, W, C)
        The images, or a ring of recomputed ones.
    padded, border : one-dimensional
        For one padded input of a recomputed image, and for a tile that crosses the border.
    patches, products, ties, room, bands
        Of `winograd_tiles`, `near_ties` and `empty_windows`.
    selected, sources : (at_once,), int64
        As `select_tiles` writes them.
    columns, rows, product_rows : int64
        Offsets of the channels, and of the tiles in the planes of patches and products.
    part : (int, int)
        The thread's share, and the number of shares.
    """

    x: Array
    padded: Array
    border: Array
    patches: Planes
    products: Planes
    ties: NearTies
    room: Room
    bands: Bands
    selected: Array
    sources: Array
    columns: Array
    rows: Array
    product_rows: Array
    part: tuple[int, int]


@parallel_jobs
def _convolve_part(share, product, m, images, recomputed, sums, transformed, output, at_once, shares):
    """Allocate the memory of one thread, and lend it to `_convolve_share`."""
    elements, channels, filters = (m + 2) * (m + 2), images.x.shape[3], output.start.size
    _, height, width, _ = output.y.shape
    down, across = (height * output.pool + m - 1) // m, (width * output.pool + m - 1) // m
    patches, products = (
        make_planes(elements, at_once, channels, images.x),
        make_planes(elements, at_once, filters, images.x),
    )
    rows, product_rows = np.arange(at_once) * patches.stride, np.arange(at_once) * products.stride
    x, padded = _room_for_images(images.x, recomputed, at_once // (down * across) + 2)
    work = _Work(
        x, padded, empty_aligned(elements * max(patches.stride, products.stride), x.dtype), patches, products,
        NearTies(sums.spread, np.empty(at_once, np.int64), np.empty(m * m * filters, np.uint8)), make_room(sums),
        make_bands(m, across, at_once, images.keep, x, sums.active),
        np.empty(at_once, np.int64), np.empty(at_once, np.int64), np.arange(channels), rows, product_rows,
        (share, shares),
    )  # fmt: skip
    lend(_convolve_share, (product, m, images, recomputed, sums, transformed, output, work))


@serial
def _convolve_share(product, m, images, recomputed, sums, transformed, output, work):
    """One block of tiles after the other: transform their patches, multiply, transform the products back.

    Of the uniform tiles of an image, a background, one is computed and copied to the others.
    """
    image_count, height, width, _ = output.y.shape
    x, patches, products, bands, (share, shares) = work.x, work.patches, work.products, work.bands, work.part
    filters = output.start.size
    down, across = (height * output.pool + m - 1) // m, (width * output.pool + m - 1) // m
    of_patches, of_outputs = Grid(m, down, across, images.above, images.left), Grid(m, down, across, 0, 0)
    tiles, elements, at_once = image_count * down * across, (m + 2) * (m + 2), len(work.selected)
    zeros, like = np.zeros(filters, x.dtype), np.full(2, -1)
    begin, end = tiles * share // shares, tiles * (share + 1) // shares
    made, first_band = begin // (down * across), begin // across
    marked = first_band
    for first in range(begin, end, at_once):
        count = min(at_once, end - first)
        last = first + count - 1
        made = _recompute_images(recomputed, made, last // (down * across) + 1, work.padded, x)
        if images.exact_zeros:
            mark_bands(bands, of_patches, marked, last // across + 1, marked > first_band, x)
        marked = last // across + 1
        chosen = work.selected[: select_tiles(of_outputs, first, count, bands, like, work.selected, work.sources)]
        transform_patches(of_patches, chosen, x, work.border, patches)
        for e in range(elements):
            matmul(
                product, patches.values, e * patches.plane, work.rows[: len(chosen)], work.columns, transformed[e],
                filters, zeros, products.values, e * products.plane, work.product_rows[: len(chosen)], 0, 0, 0,
            )  # fmt: skip
        transform_products(of_outputs, chosen, products, bands, output, work.border, work.ties)
        if sums.active:
            decide_pooled(product, of_outputs, chosen, work.ties.undecided, x, sums, output, work.room)
        copy_tiles(of_outputs, first, work.sources[:count], output)


@serial
def _room_for_images(x, recomputed, few):
    """The array that patches are cut from, and room for one padded input of a recomputed image.

    The array is x itself, or, if the images are recomputed, a ring of `few`, in which each replaces an earlier one.
    """
    padded = room_for_source(recomputed)
    if len(recomputed.x) == 0:
        return x, padded
    _, height, width, channels = x.shape
    return empty_aligned(few * height * width * channels, x.dtype).reshape((few, height, width, channels)), padded


@serial
def _recompute_images(recomputed, made, wanted, padded, x):
    """Recompute the images from `made` to before `wanted`, if they are not in x; return the index of the next one."""
    room, height, width, channels = x.shape
    if len(recomputed.x) > 0:
        for image in range(made, wanted):
            compute_slice(recomputed, image, 0, padded, x.reshape(-1), image % room * height * width * channels)
    return max(made, wanted)
