"""Winograd's convolution: 3 x 3 kernels with 2.25 or 4 times fewer multiplications.

Two polynomials multiplied at n points cost n multiplications, one for each point, however many terms meet in between;
Toom and Cook multiply so. A row of m outputs of a convolution with r weights is the transpose of such a product, with
n = m + r - 1; Winograd (1980, "Arithmetic complexity of computations") showed that it cannot be done with fewer. In
two dimensions, F(m x m, 3 x 3) cuts the output into tiles of m x m, each from a patch d of n x n inputs:

    y  =  Aᵀ [ (G g Gᵀ) * (Bᵀ d B) ] A           * element by element, summed over the channels

The transforms B, G and A are small matrices of known numbers (`toom_cook`), applied in registers (`sandwich`). In
between, each of the n * n elements is a matrix product of its own, (tiles, C) @ (C, F): what the register tile does
best (Lavin & Gray 2016, arXiv 1509.09308).

    F(2 x 2, 3 x 3)    16 multiplications instead of  36 for a tile
    F(4 x 4, 3 x 3)    36 multiplications instead of 144

The gradients are those of the formula itself, with the same patches and tiles:

    dg  =  Gᵀ [ sum over tiles of (A dy Aᵀ) * (Bᵀ d B) ] G          dx: a convolution of dy with g turned round

Numerics: the sums of the transforms are larger than their results, so rounding errors are larger than those of the
plain sum; tests/kernels/test_conv2d_ladder.py derives a bound and holds it. The points 0, 1, -1, 1/2, -2 lose less than
the usual 0, 1, -1, 2, -2 (Barabasz et al. 2020, arXiv 1803.10986). A NaN or infinity reaches all outputs of its tile,
not only those that depend on it. And where all that an output depends on is zero, a plain sum is exactly zero, while
F(4 x 4) may leave a ten-millionth of its neighbours: before ReLU and with a bias of zero, as in the first step of a
training, half of such outputs are then open that the plain sum would have closed.

Cost: 2 * n * n / (m * m) FLOPs for each output, channel and filter, and the transforms.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numba import get_num_threads, prange

from scratchcnn.geometry import Padding, Pair, Windows
from scratchcnn.kernels.conv2d_tile import padding_for
from scratchcnn.kernels.convolved import Convolved, make_slice, nothing
from scratchcnn.kernels.copying import copy, fill
from scratchcnn.kernels.jit import group_count, parallel, serial
from scratchcnn.kernels.matmul import matmul, padded_width, panel_width, product_of, start_row
from scratchcnn.kernels.max_pool2d import window_maximum
from scratchcnn.kernels.sandwich import make_last_sandwich, make_pooled_sandwich, make_sandwich
from scratchcnn.kernels.toom_cook import transforms, transpose
from scratchcnn.kernels.vectorized import VECTOR_BYTES
from scratchcnn.kernels.workspace import empty
from scratchcnn.operands import Array, Shape, conv2d_windows, expect, winner_dtype

CACHE_BYTES = 1 << 20  # what the patches and products of the tiles in work may fill: the second-level cache
IMAGES_AT_ONCE = 4  # that are made here and in work

F2 = transforms([0, 1, -1])
F4 = transforms([0, 1, -1, Fraction(1, 2), -2])

_patch_2, _patch_4 = make_sandwich(F2.patch), make_sandwich(F4.patch)
_kernel_2, _kernel_4 = make_sandwich(F2.kernel), make_sandwich(F4.kernel)
_output_2, _output_4 = make_last_sandwich(F2.output), make_last_sandwich(F4.output)
_pooled_2, _pooled_4 = make_pooled_sandwich(F2.output), make_pooled_sandwich(F4.output)
_output_gradient_2, _output_gradient_4 = make_sandwich(transpose(F2.output)), make_sandwich(transpose(F4.output))
_kernel_gradient_2, _kernel_gradient_4 = make_sandwich(transpose(F2.kernel)), make_sandwich(transpose(F4.kernel))


def conv2d_2x2(
    x: Array, kernel: Array, bias: Array | None, strides: Pair = (1, 1), padding: Padding = "valid",
    dilation_rate: Pair = (1, 1), relu: bool = False,
) -> Array:  # fmt: skip
    """`reference.conv2d` by F(2 x 2, 3 x 3)."""
    return _conv2d(2, x, kernel, bias, strides, padding, dilation_rate, relu)


def conv2d_4x4(
    x: Array, kernel: Array, bias: Array | None, strides: Pair = (1, 1), padding: Padding = "valid",
    dilation_rate: Pair = (1, 1), relu: bool = False,
) -> Array:  # fmt: skip
    """`reference.conv2d` by F(4 x 4, 3 x 3)."""
    return _conv2d(4, x, kernel, bias, strides, padding, dilation_rate, relu)


def conv2d_kernel_gradient_2x2(
    dy: Array, x: Array, kernel_size: Pair, strides: Pair = (1, 1), padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:  # fmt: skip
    """`reference.conv2d_kernel_gradient` by F(2 x 2, 3 x 3)."""
    return _conv2d_kernel_gradient(2, dy, x, kernel_size, strides, padding, dilation_rate)


def conv2d_kernel_gradient_4x4(
    dy: Array, x: Array, kernel_size: Pair, strides: Pair = (1, 1), padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:  # fmt: skip
    """`reference.conv2d_kernel_gradient` by F(4 x 4, 3 x 3)."""
    return _conv2d_kernel_gradient(4, dy, x, kernel_size, strides, padding, dilation_rate)


def conv2d_input_gradient_2x2(
    dy: Array, kernel: Array, input_shape: Shape, strides: Pair = (1, 1), padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:  # fmt: skip
    """`reference.conv2d_input_gradient` by F(2 x 2, 3 x 3)."""
    return _conv2d_input_gradient(2, dy, kernel, input_shape, strides, padding, dilation_rate)


def conv2d_input_gradient_4x4(
    dy: Array, kernel: Array, input_shape: Shape, strides: Pair = (1, 1), padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:  # fmt: skip
    """`reference.conv2d_input_gradient` by F(4 x 4, 3 x 3)."""
    return _conv2d_input_gradient(4, dy, kernel, input_shape, strides, padding, dilation_rate)


def _conv2d(
    m: int, x: Array, kernel: Array, bias: Array | None, strides: Pair, padding: Padding, dilation_rate: Pair,
    relu: bool,
) -> Array:  # fmt: skip
    windows = conv2d_windows(x.shape, kernel.shape, strides, padding, dilation_rate)
    expect(x=(x, x.shape), kernel=(kernel, kernel.shape))
    filters = kernel.shape[3]
    y = empty((len(x), windows.rows.output, windows.columns.output, filters), x.dtype)
    _correlate(m, x, windows, kernel, bias, relu, y)
    return y


def conv2d_max_pool2d(
    m: int, x: Array | Convolved, kernel: Array, bias: Array | None, padding: Padding, relu: bool
) -> tuple[Array, Array]:
    """A convolution with the 2 x 2 max-pooling after it: each tile is pooled while it is at hand, and never written.

    The images are an array, or a convolution that makes them one by one.
    """
    windows = conv2d_windows(x.shape, kernel.shape, (1, 1), padding, (1, 1))
    if not isinstance(x, Convolved):
        expect(x=(x, x.shape), kernel=(kernel, kernel.shape))
    shape = (x.shape[0], windows.rows.output // 2, windows.columns.output // 2, kernel.shape[3])
    y, winners = empty(shape, kernel.dtype), empty(shape, winner_dtype((2, 2)))
    _correlate(m, x, windows, kernel, bias, relu, y, winners)
    return y, winners


def _conv2d_input_gradient(
    m: int, dy: Array, kernel: Array, input_shape: Shape, strides: Pair, padding: Padding, dilation_rate: Pair
) -> Array:
    """A convolution of dy with the kernel turned round.

    Pixel q meets output q + before - k through kernel element k, which is element 2 - k of the kernel turned round: so
    its window of dy begins at q + before - 2.
    """
    windows = conv2d_windows(input_shape, kernel.shape, strides, padding, dilation_rate)
    rows, columns = windows
    expect(kernel=(kernel, kernel.shape), dy=(dy, (input_shape[0], rows.output, columns.output, kernel.shape[3])))
    dx = empty(input_shape, dy.dtype)
    turned = kernel[::-1, ::-1].transpose(0, 1, 3, 2)  # (3, 3, F, C)
    turned_windows = Windows(
        rows._replace(before=2 - rows.before, output=rows.size),
        columns._replace(before=2 - columns.before, output=columns.size),
    )
    _correlate(m, dy, turned_windows, turned, None, False, dx)
    return dx


def _correlate(
    m: int, x: Array | Convolved, windows: Windows, kernel: Array, bias: Array | None, relu: bool, y: Array,
    winners: Array | None = None,
) -> None:  # fmt: skip
    """Fill y with the convolution of x, or, where there are winners, y and winners with its pooling."""
    channels, filters, dtype = *kernel.shape[2:], kernel.dtype
    start = start_row(bias, filters, dtype)
    if filters != start.size:  # whole vectors of filters
        kernel = np.pad(kernel, [(0, 0), (0, 0), (0, 0), (0, start.size - filters)])
    elements = (m + 2) ** 2
    transformed = empty((elements * channels * start.size,), dtype)
    of, images = (x, np.empty((0, *x.shape[1:]), dtype)) if isinstance(x, Convolved) else (nothing(dtype), x)
    _convolve(
        product_of(dtype), m, np.ascontiguousarray(images), of, (windows.rows.before, windows.columns.before),
        np.ascontiguousarray(kernel), transformed, start, dtype.type(0 if relu else -np.inf),
        y, np.empty((0, 0, 0, 0), np.uint8) if winners is None else winners, 1 if winners is None else 2,
        _tiles_at_once(elements, channels + start.size, dtype.itemsize, of), get_num_threads(),
    )  # fmt: skip


def _tiles_at_once(elements: int, numbers: int, itemsize: int, of: Convolved | None = None) -> int:
    """How many tiles are worked on together: as many as the cache holds, in sixes, as the register tile has rows.

    Beside them, images that are made here must find room: those that tiles are being cut from.
    """
    images = 0 if of is None else IMAGES_AT_ONCE * of.height * of.width * of.channels * itemsize
    fitting = max(CACHE_BYTES - images, 0) // (elements * numbers * itemsize)
    return int(min(max(fitting // 6, 4), 16) * 6)


@parallel
def _convolve(product, m, x, of, before, kernel, transformed, start, floor, y, winners, pool, at_once, threads):
    """Transform the kernel; then let each thread convolve its share of the tiles.

    `pool` is 2 where y has one number for 2 x 2 outputs, else 1.
    """
    for channel in prange(kernel.shape[2]):
        _transform_kernel(m, kernel, np.int64(channel), transformed)
    for share in prange(threads):
        _convolve_share(
            product, m, x, of, before, transformed, start, floor, y, winners, pool, at_once, np.int64(share), threads
        )  # fmt: skip


@serial
def _convolve_share(product, m, x, of, before, transformed, start, floor, y, winners, pool, at_once, share, shares):
    """Some tiles at a time: transform their patches, multiply, transform back."""
    images, height, width, _ = y.shape
    channels, filters = x.shape[3], start.size
    down, across = (height * pool + m - 1) // m, (width * pool + m - 1) // m
    tiles, elements = images * down * across, (m + 2) * (m + 2)
    blocks = (tiles + at_once - 1) // at_once
    patches, patch_stride, patch_plane = _planes(elements, at_once, channels, x)
    products, product_stride, product_plane = _planes(elements, at_once, filters, x)
    border = np.empty(elements * max(patch_stride, product_stride), x.dtype)
    nothing = np.zeros(filters, x.dtype)
    columns, rows, product_rows = np.arange(channels), np.arange(at_once), np.arange(at_once)
    for i in range(at_once):
        rows[i], product_rows[i] = i * patch_stride, i * product_stride
    x, kept, padded = _images_at_once(x, of, images, at_once // (down * across) + 2)
    made = blocks * share // shares * at_once // (down * across)
    for block in range(blocks * share // shares, blocks * (share + 1) // shares):
        first = block * at_once
        count = min(at_once, tiles - first)
        made = _make_images(of, made, (first + count - 1) // (down * across) + 1, kept, padded, x)
        for i in range(count):
            image, top, left = _place(first + i, down, across, m, before)
            place = (image % kept, top, left)
            _transform_patch(m, x, place, border, patches, i * patch_stride, patch_plane, patch_stride)
        for e in range(elements):
            panels = transformed[e * channels * filters : (e + 1) * channels * filters]
            matmul(
                product, patches, e * patch_plane, rows[:count], columns, panels, filters, nothing,
                products, e * product_plane, product_rows[:count], 0, 0, 0,
            )  # fmt: skip
        for i in range(count):
            place = _place(first + i, down, across, m, (0, 0))
            source = i * product_stride
            if pool == 2:
                _transform_and_pool(m, products, source, product_plane, y, winners, place, border, start, floor)
            else:
                _transform_product(m, products, source, product_plane, y, place, border, start, floor)


@serial
def _images_at_once(x, of, images, few):
    """The images: all, if they are there; else room for a few, where each takes the place of an earlier one.

    Their array, how many it holds, and room for the padding of what they are made from.
    """
    padded = padding_for(of.x, (of.padded_height, of.padded_width))
    if len(of.x) == 0:
        return x, max(images, 1), padded
    return np.empty((few, x.shape[1], x.shape[2], x.shape[3]), x.dtype), few, padded


@serial
def _make_images(of, made, wanted, kept, padded, x):
    """Make the images from number `made` to before `wanted`, if they are made here; return the number of the next."""
    size = x.shape[1] * x.shape[2] * x.shape[3]
    if len(of.x) > 0:
        for image in range(made, wanted):
            make_slice(of, image, 0, padded, x.reshape(-1), image % kept * size)
    return max(made, wanted)


@serial
def _planes(elements, count, channels, like):
    """Memory for the tiles in work: for each of their n * n elements a plane with a row of channels for each tile.

    A row is whole vectors; a plane is a cache line longer than its rows, so that planes do not all begin in the same
    set of the cache.
    """
    stride = padded_width(channels, like.itemsize)
    plane = count * stride + 64 // like.itemsize
    return np.empty(elements * plane, like.dtype), stride, plane


@serial
def _place(tile, down, across, m, before):
    """Image, row and column where the tile, or the patch that it is computed from, begins."""
    image, rest = tile // (down * across), tile % (down * across)
    return image, rest // across * m - before[0], rest % across * m - before[1]


@serial
def _transform_kernel(m, kernel, channel, transformed):
    """G g Gᵀ for all filters of a channel, laid out in panels as `matmul` wants them."""
    channels, filters = kernel.shape[2], kernel.shape[3]
    widest = panel_width(kernel.itemsize)
    row, column, plane = 3 * channels * filters, channels * filters, channels * filters
    for first in range(0, filters, widest):
        width = min(widest, filters - first)
        source, target, vectors = channel * filters + first, first * channels + channel * width, _vectors(width, kernel)
        if m == 4:
            _kernel_4(kernel.reshape(-1), source, row, column, transformed, target, 6 * plane, plane, vectors)
        else:
            _kernel_2(kernel.reshape(-1), source, row, column, transformed, target, 4 * plane, plane, vectors)


@serial
def _vectors(numbers, like):
    return numbers // (VECTOR_BYTES // like.itemsize)


@serial
def _transform_patch(m, x, place, border, patches, target, plane, stride):
    """Bᵀ d B for all channels; a patch that reaches over the border of its image is first copied, with zeros there."""
    _, height, width, channels = x.shape
    image, top, left = place
    n, numbers = m + 2, x.reshape(-1)
    source, row, column = ((image * height + top) * width + left) * channels, width * channels, channels
    if top < 0 or left < 0 or top + n > height or left + n > width or channels != stride:
        _copy_patch(x, place, n, border, stride)
        numbers, source, row, column = border, 0, n * stride, stride
    if m == 4:
        _patch_4(numbers, source, row, column, patches, target, 6 * plane, plane, _vectors(stride, x))
    else:
        _patch_2(numbers, source, row, column, patches, target, 4 * plane, plane, _vectors(stride, x))


@serial
def _copy_patch(x, place, n, border, stride):
    """The n x n pixels from `place` on, zero outside the image; rows of `stride` numbers for each pixel."""
    _, height, width, channels = x.shape
    image, top, left = place
    fill(border, 0, n * n * stride, 0)
    for a in range(max(0, -top), min(n, height - top)):
        for b in range(max(0, -left), min(n, width - left)):
            copy(x[image, top + a, left + b], 0, border, (a * n + b) * stride, channels)


@serial
def _transform_product(m, products, source, plane, y, place, border, start, floor):
    """Aᵀ p A, the bias and ReLU; of a tile that reaches over the border of its image, the inside is copied out."""
    _, height, width, filters = y.shape
    image, top, left = place
    stride = start.size
    if top + m <= height and left + m <= width and filters == stride:
        target = ((image * height + top) * width + left) * filters
        _transform_back(m, products, source, plane, y.reshape(-1), target, width * filters, filters, start, floor)
        return
    _transform_back(m, products, source, plane, border, 0, m * stride, stride, start, floor)
    for a in range(min(m, height - top)):
        for b in range(min(m, width - left)):
            copy(border, (a * m + b) * stride, y[image, top + a, left + b], 0, filters)


@serial
def _transform_and_pool(m, products, source, plane, y, winners, place, border, start, floor):
    """The same, and of every 2 x 2 outputs the largest and its place."""
    _, height, width, filters = y.shape
    image, top, left = place
    stride = start.size
    if top + m <= 2 * height and left + m <= 2 * width and filters == stride:
        target, vectors = ((image * height + top // 2) * width + left // 2) * filters, _vectors(stride, start)
        pixels, numbers, row = y.reshape(-1), winners.reshape(-1), width * filters
        if m == 4:
            _pooled_4(
                products, source, 6 * plane, plane, pixels, target, row, filters, vectors, start, floor, numbers
            )  # fmt: skip
        else:
            _pooled_2(
                products, source, 4 * plane, plane, pixels, target, row, filters, vectors, start, floor, numbers
            )  # fmt: skip
        return
    _transform_back(m, products, source, plane, border, 0, m * stride, stride, start, floor)
    for a in range(min(m // 2, height - top // 2)):
        for b in range(min(m // 2, width - left // 2)):
            corner = (2 * a * m + 2 * b) * stride
            target = ((image * height + top // 2 + a) * width + left // 2 + b) * filters
            window_maximum(
                border, corner, m * stride, stride, filters, 2, 0, 2, 0, 2, y.reshape(-1), winners.reshape(-1), target
            )


@serial
def _transform_back(m, products, source, plane, target, target_start, row, column, start, floor):
    vectors = _vectors(start.size, start)
    if m == 4:
        _output_4(products, source, 6 * plane, plane, target, target_start, row, column, vectors, start, floor)
    else:
        _output_2(products, source, 4 * plane, plane, target, target_start, row, column, vectors, start, floor)


def _conv2d_kernel_gradient(
    m: int, dy: Array, x: Array, kernel_size: Pair, strides: Pair, padding: Padding, dilation_rate: Pair
) -> Array:
    """Numerics: a sum over the tiles of a group of images, then over at most 16 groups."""
    kernel_shape = (*kernel_size, x.shape[-1], dy.shape[-1])
    windows = conv2d_windows(x.shape, kernel_shape, strides, padding, dilation_rate)
    channels, filters = kernel_shape[2:]
    expect(x=(x, x.shape), dy=(dy, (len(x), windows.rows.output, windows.columns.output, filters)))
    width = padded_width(filters, x.itemsize)
    sums = (m + 2) ** 2 * channels * width
    groups = np.zeros((group_count(len(x), sums * x.itemsize), sums), x.dtype)
    at_once = _tiles_at_once((m + 2) ** 2, channels + width, x.dtype.itemsize)
    before = (windows.rows.before, windows.columns.before)
    _sum_products(product_of(x.dtype), m, np.ascontiguousarray(x), before, np.ascontiguousarray(dy), groups, at_once)
    gradient = np.empty((3, 3, channels, width), x.dtype)
    _gradient_of_kernel(m, groups.sum(axis=0), gradient)
    return np.ascontiguousarray(gradient[..., :filters])


@parallel
def _sum_products(product, m, x, before, dy, groups, at_once):
    """For every group of images: the sum over its tiles of (Bᵀ d B)ᵀ (A dy Aᵀ), a matrix (C, F) for each element."""
    images, height, width, filters = dy.shape
    channels = x.shape[3]
    down, across = (height + m - 1) // m, (width + m - 1) // m
    elements = (m + 2) * (m + 2)
    for group in prange(len(groups)):
        patches, patch_stride, patch_plane = _planes(elements, at_once, channels, x)
        gradients, gradient_stride, gradient_plane = _planes(elements, at_once, filters, x)
        border = np.empty(elements * max(patch_stride, gradient_stride), x.dtype)
        nothing = np.zeros(gradient_stride, x.dtype)
        rows, sum_rows, sums = np.arange(channels), np.arange(channels) * gradient_stride, groups[group]
        tiles = images * (group + 1) // len(groups) * down * across
        for first in range(images * group // len(groups) * down * across, tiles, at_once):
            count = min(at_once, tiles - first)
            for i in range(count):
                place = _place(first + i, down, across, m, before)
                _transform_patch(m, x, place, border, patches, i * patch_stride, patch_plane, patch_stride)
                place = _place(first + i, down, across, m, (0, 0))
                _transform_gradient(
                    m, dy, place, border, gradients, i * gradient_stride, gradient_plane, gradient_stride
                )
            columns = np.arange(count) * patch_stride
            for e in range(elements):
                matmul(
                    product, patches, e * patch_plane, rows, columns,
                    gradients[e * gradient_plane :], gradient_stride, nothing,
                    sums, e * channels * gradient_stride, sum_rows, 1, 0, gradient_stride,
                )  # fmt: skip


@serial
def _transform_gradient(m, dy, place, border, gradients, target, plane, stride):
    """A dy Aᵀ for all filters; of a tile that reaches over the border, what lies outside has gradient zero."""
    _, height, width, filters = dy.shape
    image, top, left = place
    numbers = dy.reshape(-1)
    source, row, column = ((image * height + top) * width + left) * filters, width * filters, filters
    if top + m > height or left + m > width or filters != stride:
        _copy_patch(dy, place, m, border, stride)
        numbers, source, row, column = border, 0, m * stride, stride
    if m == 4:
        _output_gradient_4(numbers, source, row, column, gradients, target, 6 * plane, plane, _vectors(stride, dy))
    else:
        _output_gradient_2(numbers, source, row, column, gradients, target, 4 * plane, plane, _vectors(stride, dy))


@serial
def _gradient_of_kernel(m, sums, gradient):
    """Gᵀ s G for every channel and all filters."""
    _, _, channels, filters = gradient.shape
    plane, results = channels * filters, gradient.reshape(-1)
    for channel in range(channels):
        at, vectors = channel * filters, _vectors(filters, gradient)
        if m == 4:
            _kernel_gradient_4(sums, at, 6 * plane, plane, results, at, 3 * plane, plane, vectors)
        else:
            _kernel_gradient_2(sums, at, 4 * plane, plane, results, at, 3 * plane, plane, vectors)
