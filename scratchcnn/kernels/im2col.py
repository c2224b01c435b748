"""im2col and col2im: explicit, as in textbooks, and implicit, by tables of offsets, as the fast kernels use them.

im2col writes every window of an image as one row of a matrix, in the order (kernel row, kernel column, channel).
The convolution is then `im2col(x) @ kernel.reshape(KH * KW * C, F)`. col2im is its adjoint: every element is added to
the pixel from which im2col copied it, so elements of overlapping windows accumulate.

The matrix contains KH * KW copies of the image: 85 MB for 128 images of 26 x 26 x 32 and 3 x 3 windows. But its
elements need not be copied to be found. In a padded image of width WP, with C channels,

    im2col[(oy, ox), (ky, kx, c)]  =  image[ corner(oy, ox) + element(ky, kx, c) ]
    corner(oy, ox)     = (oy * stride * WP + ox * stride) * C
    element(ky, kx, c) = (ky * dilation * WP + kx * dilation) * C + c

so two short tables of offsets describe the whole matrix (the idea of "implicit GEMM" in cuDNN: Chetlur et al. 2014,
arXiv 1410.0759, section 3). `corner_offsets` and `element_offsets` compute them; `matmul` reads them.
"""

from __future__ import annotations

import functools

import numpy as np

from scratchcnn.geometry import Padding, Pair, Windows
from scratchcnn.kernels.runtime.copying import copy
from scratchcnn.kernels.runtime.jit import serial
from scratchcnn.kernels.runtime.loops import parallel_jobs
from scratchcnn.operands import Array, Shape, expect, expect_windows

TABLES = 32  # geometries whose tables are cached


def padded_size(windows: Windows) -> Pair:
    """Height and width of the padded image."""
    rows, columns = windows
    return rows.before + rows.size + rows.after, columns.before + columns.size + columns.after


@functools.lru_cache(maxsize=TABLES)
def corner_offsets(windows: Windows, channels: int) -> Array:
    """Offset of the first element of every window in the padded image; int64, (OH * OW,), read-only."""
    rows, columns = windows
    y = np.arange(rows.output) * rows.stride
    x = np.arange(columns.output) * columns.stride
    return frozen(_offsets(y, x, padded_size(windows)[1], channels))


@functools.lru_cache(maxsize=TABLES)
def element_offsets(windows: Windows, channels: int) -> Array:
    """Offset of every element of a window from its first; int64, (KH * KW * C,), read-only."""
    rows, columns = windows
    y = np.arange(rows.kernel) * rows.dilation
    x = np.arange(columns.kernel) * columns.dilation
    return frozen(np.add.outer(_offsets(y, x, padded_size(windows)[1], channels), np.arange(channels)).reshape(-1))


def frozen(table: Array) -> Array:
    """Make a table read-only, so that callers can share a cached one. (Numba gives it a type of its own.)"""
    table.flags.writeable = False
    return table


def _offsets(y: Array, x: Array, width: int, channels: int) -> Array:
    return (np.add.outer(y * width, x) * channels).reshape(-1).astype(np.int64)


@serial
def place(images, image, height, width, channels, top, left, padded, padded_width):
    """Copy an image into the middle of `padded`, whose border is not changed. Both arrays are one-dimensional."""
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
    """Copy every window of every image to one row of a matrix; `reference.im2col` has the formula.

    Cost: no arithmetic; writes KH * KW elements per output pixel and channel.
    """
    expect(x=(x, (None, None, None, None)))
    images, height, width, channels = x.shape
    windows = expect_windows((height, width), kernel_size, strides, padding, dilation_rate)
    rows, columns = windows
    corners, elements = corner_offsets(windows, channels), element_offsets(windows, channels)
    matrix = np.empty((images, corners.size, elements.size), x.dtype)
    size = padded_size(windows)
    _im2col(images, np.ascontiguousarray(x), rows.before, columns.before, size, corners, elements, matrix)
    return matrix.reshape(images * corners.size, elements.size)  # (N * OH * OW, KH * KW * C)


@parallel_jobs
def _im2col(image, x, top, left, size, corners, elements, matrix):
    _, height, width, channels = x.shape
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
    """Add every element to the pixel it was copied from, the adjoint of `im2col`; `reference.col2im` has the formula.

    Cost: one addition per element of `columns`, which it reads once; writes the images.
    """
    images, height, width, channels = input_shape
    windows = expect_windows((height, width), kernel_size, strides, padding, dilation_rate)
    corners, elements = corner_offsets(windows, channels), element_offsets(windows, channels)
    expect(columns=(columns, (images * corners.size, elements.size)))
    x = np.empty(input_shape, columns.dtype)
    matrix = np.ascontiguousarray(columns).reshape(images, corners.size, elements.size)
    _col2im(images, matrix, windows.rows.before, windows.columns.before, padded_size(windows), corners, elements, x)
    return x


@parallel_jobs
def _col2im(image, matrix, top, left, size, corners, elements, x):
    _, height, width, channels = x.shape
    padded = np.zeros(size[0] * size[1] * channels, x.dtype)
    for row in range(corners.size):
        for column in range(elements.size):
            padded[corners[row] + elements[column]] += matrix[image, row, column]
    for y in range(height):
        inside, row = ((top + y) * size[1] + left) * channels, (image * height + y) * width * channels
        copy(padded, inside, x.reshape(-1), row, width * channels)
