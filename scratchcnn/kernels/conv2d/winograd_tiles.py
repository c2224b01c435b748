"""Winograd's transforms of one tile: cut its patch from an image and transform it; transform its product and write it.

A patch, a kernel or a tile of outputs is a small matrix per channel. The two-sided transform multiplies it from both
sides by constant matrices, for a vector of channels at a time. The n * n elements of many transformed tiles are stored
in n * n planes, one per element, which are the operands of the matrix products in `winograd`.

    patch                Bᵀ d B        n x n inputs   -> one element of each plane
    kernel               G g Gᵀ        3 x 3 weights  -> one element of each plane
    product              Aᵀ p A        one element of each plane -> m x m outputs, with bias and ReLU, and pooled
    output gradient      A dy Aᵀ       m x m          -> one element of each plane
    kernel gradient      Gᵀ s G        one element of each plane -> 3 x 3

Cost: a few additions per element; most of the time goes into the n * n planes, each in another cache line.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from scratchcnn.kernels.conv2d.empty_windows import keep_start
from scratchcnn.kernels.conv2d.toom_cook import transforms, transpose
from scratchcnn.kernels.gemm.matmul import padded_width, panel_width
from scratchcnn.kernels.runtime.copying import copy, empty_aligned, fill
from scratchcnn.kernels.runtime.jit import serial
from scratchcnn.kernels.simd.two_sided_transform import (
    make_output_transform,
    make_pooled_output_transform,
    make_two_sided_transform,
)
from scratchcnn.kernels.simd.vectors import VECTOR_BYTES
from scratchcnn.operands import Array

CACHE_BYTES = 1 << 20  # how much the patches and products of the tiles in work may fill: the second-level cache

F2 = transforms([0, 1, -1])
F4 = transforms([0, 1, -1, Fraction(1, 2), -2])

_transform_patch = make_two_sided_transform({2: F2.patch, 4: F4.patch})
_transform_kernel = make_two_sided_transform({2: F2.kernel, 4: F4.kernel})
_transform_output = make_output_transform({2: F2.output, 4: F4.output})
_transform_and_pool_output = make_pooled_output_transform({2: F2.output, 4: F4.output})
_transform_output_gradient = make_two_sided_transform({2: transpose(F2.output), 4: transpose(F4.output)})
_transform_kernel_gradient = make_two_sided_transform({2: transpose(F2.kernel), 4: transpose(F4.kernel)})


class Planes(NamedTuple):
    """The transformed tiles in work: a plane for each of their n * n elements, with a row of channels for each tile.

    Attributes
    ----------
    values : one-dimensional
        Element e of channel c of tile i is values[e * plane + i * stride + c].
    stride : int
        Channels, padded to whole vectors.
    plane : int
        A cache line longer than its rows, so that planes do not all begin in the same set of the cache.
    """

    values: Array
    stride: int
    plane: int


class Grid(NamedTuple):
    """The tiles of an image.

    Attributes
    ----------
    m : int
        Outputs along each side of a tile.
    down, across : int
        Tiles in a column and in a row.
    above, left : int
        Rows and columns by which the first patch begins outside the image.
    """

    m: int
    down: int
    across: int
    above: int
    left: int


class Output(NamedTuple):
    """Where the outputs of a convolution go, and what is done to them before they are stored.

    Attributes
    ----------
    y : (N, OH, OW, F)
        Outputs; with `pool` = 2 their 2 x 2 maxima.
    winners : (N, OH, OW, F), uint8
        With `pool` = 2, the position of each maximum in its window.
    pool : int
        2 or 1.
    start : (F,)
        The bias, padded with zeros to whole vectors.
    floor : float
        The smallest output: 0 with ReLU, else minus infinity.
    """

    y: Array
    winners: Array
    pool: int
    start: Array
    floor: float


class NearTies(NamedTuple):
    """How near ties in pooling windows are found (`near_ties`), and memory for tiles that cross a border.

    Attributes
    ----------
    spread : (F,)
        For each filter how close elements have to be, relative to the magnitude of the pixels; 0 if near ties are not
        to be decided.
    undecided : (tiles,)
        For each tile in work, nonzero if rounding decides any window.
    winners : one-dimensional
        The argmax indices of one tile.
    """

    spread: Array
    undecided: Array
    winners: Array


def tiles_at_once(elements: int, channels: int, itemsize: int, reserved: int = 0) -> int:
    """How many tiles are worked on together: as many as the cache holds, in multiples of the micro-kernel's six rows.

    `channels`: of patches and products together; `reserved`: bytes of the cache that other data needs.
    """
    fitting = max(CACHE_BYTES - reserved, 0) // (elements * channels * itemsize)
    return int(min(max(fitting // 6, 4), 16) * 6)


@serial
def make_planes(elements, count, channels, like):
    """Uninitialized planes for `count` tiles, of the dtype of the array `like`."""
    stride = padded_width(channels, like.itemsize)
    plane = count * stride + 64 // like.itemsize
    return Planes(empty_aligned(elements * plane, like.dtype), stride, plane)


@serial
def tile_position(grid, tile):
    """Image, row and column where the tile, or the patch that it is computed from, begins."""
    image, rest = tile // (grid.down * grid.across), tile % (grid.down * grid.across)
    return image, rest // grid.across * grid.m - grid.above, rest % grid.across * grid.m - grid.left


@serial
def transform_kernel(m, kernel, channel, transformed):
    """G g Gᵀ for all filters of a channel: a row of panels, as `matmul` expects them, for each element."""
    channels, filters = kernel.shape[2], kernel.shape[3]
    widest, plane, row = panel_width(kernel.itemsize), channels * filters, transformed.shape[1]
    for first in range(0, filters, widest):
        width = min(widest, filters - first)
        source, target = channel * filters + first, first * channels + channel * width
        _transform_kernel(
            m, kernel.reshape(-1), source, 3 * plane, plane, transformed.reshape(-1), target, (m + 2) * row, row,
            _vectors(width, kernel),
        )  # fmt: skip


@serial
def _vectors(numbers, like):
    return numbers // (VECTOR_BYTES // like.itemsize)


@serial
def transform_patches(grid, tiles, x, border, patches):
    """Bᵀ d B for all channels of some tiles; a patch that crosses the border of its image is padded with zeros.

    x holds all images, or in a ring as many of the last ones as the tiles need.
    """
    m, n, stride, plane = grid.m, grid.m + 2, patches.stride, patches.plane
    images, height, width, channels = x.shape
    pixels, vectors = x.reshape(-1), _vectors(stride, x)
    for i in range(len(tiles)):
        image, top, left = tile_position(grid, tiles[i])
        image %= images
        source, start, row = pixels, ((image * height + top) * width + left) * channels, width * channels
        if top < 0 or left < 0 or top + n > height or left + n > width or channels != stride:
            copy_pixels(x, (image, top, left), n, border, stride)
            source, start, row = border, 0, n * stride
        _transform_patch(
            m, source, start, row, stride, patches.values, i * stride, n * plane, plane, vectors
        )  # fmt: skip


@serial
def transform_gradients(grid, first, count, dy, border, gradients):
    """A dy Aᵀ for all filters of `count` tiles; where a tile crosses the border of its image, the gradient is zero."""
    m, stride, plane = grid.m, gradients.stride, gradients.plane
    _, height, width, filters = dy.shape
    pixels, vectors = dy.reshape(-1), _vectors(stride, dy)
    for i in range(count):
        image, top, left = tile_position(grid, first + i)
        source, start, row = pixels, ((image * height + top) * width + left) * filters, width * filters
        if top + m > height or left + m > width or filters != stride:
            copy_pixels(dy, (image, top, left), m, border, stride)
            source, start, row = border, 0, m * stride
        _transform_output_gradient(
            m, source, start, row, stride, gradients.values, i * stride, (m + 2) * plane, plane, vectors
        )  # fmt: skip


@serial
def copy_pixels(x, position, size, border, stride):
    """Copy size x size pixels from `position` on, zero outside the image, with `stride` channels per pixel."""
    _, height, width, channels = x.shape
    image, top, left = position
    fill(border, 0, size * size * stride, 0)
    first, last = max(0, -left), min(size, width - left)
    for a in range(max(0, -top), min(size, height - top)):
        if channels == stride and first < last:  # the pixels of a row are contiguous in both
            row = x[image, top + a].reshape(-1)
            copy(row, (left + first) * channels, border, (a * size + first) * stride, (last - first) * channels)
        else:
            for b in range(first, last):
                copy(x[image, top + a, left + b], 0, border, (a * size + b) * stride, channels)


@serial
def transform_products(grid, tiles, products, bands, output, border, ties):
    """Aᵀ p A with bias and ReLU for some tiles, and pooled; of a tile that crosses the border, the inside is kept.

    `bands`: the windows that are empty.
    """
    m, n, stride, plane, pool = grid.m, grid.m + 2, products.stride, products.plane, output.pool
    _, height, width, filters = output.y.shape
    pixels, winners, size = output.y.reshape(-1), output.winners.reshape(-1), m // pool
    vectors = _vectors(stride, output.start)
    for i in range(len(tiles)):
        image, top, left = tile_position(grid, tiles[i])
        keep = keep_start(bands, tiles[i] // grid.across, left)
        top, left = top // pool, left // pool
        whole = top + size <= height and left + size <= width and filters == stride
        target, indices = pixels, winners
        start, row, column = ((image * height + top) * width + left) * filters, width * filters, filters
        if not whole:
            target, indices, start, row, column = border, ties.winners, 0, size * stride, stride
        if pool == 2:
            ties.undecided[i] = 0
            _transform_and_pool_output(
                m, products.values, i * stride, n * plane, plane, target, start, row, column, vectors,
                output.start, output.floor, bands.keep, keep, bands.width,
                indices, ties.spread, bands.magnitudes[tiles[i] // grid.across % bands.ring],
                bands.penalties, ties.undecided, i,
            )  # fmt: skip
        else:
            _transform_output(
                m, products.values, i * stride, n * plane, plane, target, start, row, column, vectors,
                output.start, output.floor, bands.keep, keep, bands.width,
            )  # fmt: skip
        if not whole:
            _copy_inside(size, stride, border, output.y, image, top, left)
            if pool == 2:
                _copy_inside(size, stride, ties.winners, output.winners, image, top, left)


@serial
def _copy_inside(size, stride, border, y, image, top, left):
    """Copy the part of a tile that lies inside the image."""
    _, height, width, filters = y.shape
    for a in range(min(size, height - top)):
        for b in range(min(size, width - left)):
            copy(border, (a * size + b) * stride, y[image, top + a, left + b], 0, filters)


@serial
def select_tiles(grid, first, count, bands, like, tiles, sources):
    """Select those of `count` tiles whose outputs are to be computed; return their number.

    Of the uniform tiles of an image all have the same outputs, so one is computed and copied to the others.

    Parameters
    ----------
    like : (2,), int64
        The image of the last uniform tile that was selected, and this tile; updated.
    tiles : (count,), int64
        The selected tiles are written here.
    sources : (count,), int64
        For each of the `count` tiles the one to copy its outputs from, or -1; written.
    """
    selected = 0
    for i in range(count):
        tile, sources[i] = first + i, -1
        image = tile // (grid.down * grid.across)
        if bands.uniform[tile // grid.across % bands.ring * grid.across + tile % grid.across]:
            if like[0] == image:
                sources[i] = like[1]
                continue
            like[0], like[1] = image, tile
        tiles[selected] = tile
        selected += 1
    return selected


@serial
def copy_tiles(grid, first, sources, output):
    """Copy the outputs of uniform tiles. They are whole, since a uniform patch lies inside its image."""
    _, height, width, filters = output.y.shape
    y, winners, pool, size = output.y.reshape(-1), output.winners.reshape(-1), output.pool, grid.m // output.pool
    for i in range(len(sources)):
        if sources[i] < 0:
            continue
        image, top, left = tile_position(grid, first + i)
        _, source_top, source_left = tile_position(grid, sources[i])
        target = ((image * height + top // pool) * width + left // pool) * filters
        source = ((image * height + source_top // pool) * width + source_left // pool) * filters
        for row in range(size):
            offset = row * width * filters
            copy(y, source + offset, y, target + offset, size * filters)
            if pool == 2:
                copy(winners, source + offset, winners, target + offset, size * filters)


@serial
def transform_kernel_gradient(m, sums, channel, gradient):
    """Gᵀ s G for all filters of a channel."""
    _, _, channels, filters = gradient.shape
    plane, first = channels * filters, channel * filters
    _transform_kernel_gradient(
        m, sums, first, (m + 2) * plane, plane, gradient.reshape(-1), first, 3 * plane, plane,
        _vectors(filters, gradient),
    )  # fmt: skip
