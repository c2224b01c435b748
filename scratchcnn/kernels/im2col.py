"""im2col and col2im: written out, the textbook way, and walked in place, the fast way.

im2col lays every window of an image out as one row of a matrix, in the order (kernel row, kernel column, channel);
the convolution is then `im2col(x) @ kernel.reshape(KH * KW * C, F)`. col2im is its adjoint: every number goes back to
where it was copied from, and where windows overlap, the numbers add up.

Written out, the matrix holds KH * KW copies of the image: 85 MB for 128 images of 26 x 26 x 32 and 3 x 3 windows. But
its elements need not be copied to be found. In a padded image of width WP, with C channels,

    im2col[(oy, ox), (ky, kx, c)]  =  image[ corner(oy, ox) + element(ky, kx, c) ]
    corner(oy, ox)     = (oy * stride * WP + ox * stride) * C
    element(ky, kx, c) = (ky * dilation * WP + kx * dilation) * C + c

so two short tables of offsets describe the whole matrix (the idea of "implicit GEMM" in cuDNN: Chetlur et al. 2014,
arXiv 1410.0759, section 3). `corner_offsets` and `element_offsets` make them; `matmul` reads them.
"""

from __future__ import annotations

import functools

import numpy as np
from numba import prange

from scratchcnn.geometry import Padding, Pair, Windows
from scratchcnn.kernels.runtime.copying import copy
from scratchcnn.kernels.runtime.jit import parallel, serial
from scratchcnn.operands import Array, Shape, expect, expect_windows

TABLES = 32  # geometries whose tables are kept


def padded_size(windows: Windows) -> Pair:
    """Height and width of the image with its padding."""
    rows, columns = windows
    return rows.before + rows.size + rows.after, columns.before + columns.size + columns.after


@functools.lru_cache(maxsize=TABLES)
def corner_offsets(windows: Windows, channels: int) -> Array:
    """Offset of every window's first number in the padded image; int64, (OH * OW,), read-only."""
    rows, columns = windows
    y = np.arange(rows.output) * rows.stride
    x = np.arange(columns.output) * columns.stride
    return frozen(_offsets(y, x, padded_size(windows)[1], channels))


@functools.lru_cache(maxsize=TABLES)
def element_offsets(windows: Windows, channels: int) -> Array:
    """Offset of every number of a window from the window's first; int64, (KH * KW * C,), read-only."""
    rows, columns = windows
    y = np.arange(rows.kernel) * rows.dilation
    x = np.arange(columns.kernel) * columns.dilation
    return frozen(np.add.outer(_offsets(y, x, padded_size(windows)[1], channels), np.arange(channels)).reshape(-1))


def frozen(table: Array) -> Array:
    """The table, read-only from now on, so that a cache may hand it to many. Numba has a type of its own for such."""
    table.flags.writeable = False
    return table


def _offsets(y: Array, x: Array, width: int, channels: int) -> Array:
    return (np.add.outer(y * width, x) * channels).reshape(-1).astype(np.int64)


@serial
def place(images, image, height, width, channels, top, left, padded, padded_width):
    """Copy image number `image` into the middle of `padded`, whose border is left as it is. Both one-dimensional."""
    row_size = width * channels
    for y in range(height):
        source = (image * height + y) * row_size
        target = ((top + y) * padded_width + left) * channels
        copy(images, source, padded, target, row_size)


def im2col(
    x: Array,
    kernel_size: Pair,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:
    """Every window of every image as one row; `reference.im2col` has the formula.

    Cost: no arithmetic; writes KH * KW numbers for each output pixel and channel.
    """
    expect(x=(x, (None, None, None, None)))
    images, height, width, channels = x.shape
    windows = expect_windows((height, width), kernel_size, strides, padding, dilation_rate)
    rows, columns = windows
    corners, elements = corner_offsets(windows, channels), element_offsets(windows, channels)
    matrix = np.empty((images, corners.size, elements.size), x.dtype)
    _im2col(np.ascontiguousarray(x), rows.before, columns.before, padded_size(windows), corners, elements, matrix)
    return matrix.reshape(images * corners.size, elements.size)  # (N * OH * OW, KH * KW * C)


@parallel
def _im2col(x, top, left, size, corners, elements, matrix):
    images, height, width, channels = x.shape
    for image in prange(images):
        padded = np.zeros(size[0] * size[1] * channels, x.dtype)
        place(x.reshape(-1), image, height, width, channels, top, left, padded, size[1])
        for row in range(corners.size):
            for column in range(elements.size):
                matrix[image, row, column] = padded[corners[row] + elements[column]]


def col2im(
    columns: Array,
    input_shape: Shape,
    kernel_size: Pair,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:
    """The adjoint of `im2col`: add every number up where it was copied from; `reference.col2im` has the formula.

    Cost: one addition for each number of `columns`, which it reads once; writes the images.
    """
    images, height, width, channels = input_shape
    windows = expect_windows((height, width), kernel_size, strides, padding, dilation_rate)
    corners, elements = corner_offsets(windows, channels), element_offsets(windows, channels)
    expect(columns=(columns, (images * corners.size, elements.size)))
    x = np.empty(input_shape, columns.dtype)
    matrix = np.ascontiguousarray(columns).reshape(images, corners.size, elements.size)
    _col2im(matrix, windows.rows.before, windows.columns.before, padded_size(windows), corners, elements, x)
    return x


@parallel
def _col2im(matrix, top, left, size, corners, elements, x):
    images, height, width, channels = x.shape
    for image in prange(images):
        padded = np.zeros(size[0] * size[1] * channels, x.dtype)
        for row in range(corners.size):
            for column in range(elements.size):
                padded[corners[row] + elements[column]] += matrix[image, row, column]
        for y in range(height):
            inside, row = ((top + y) * size[1] + left) * channels, (image * height + y) * width * channels
            copy(padded, inside, x.reshape(-1), row, width * channels)
