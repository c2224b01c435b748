"""Convolution of interleaved images: forward and input gradient, for few filters or channels.

Notation: N images, H x W pixels, C channels; F filters of KH x KW; OH x OW output pixels; L lanes of a vector register.

Implicit GEMM puts filters into the lanes of a vector, so with 6 filters 10 of 16 lanes are idle. Here L images are
interleaved in a small buffer, one in each lane (see `simd.interleave`), so that no lane is idle for any number of
channels and filters, and a register-blocked loop over whole vectors adds up the windows of all L images at once (see
`simd.interleaved_products`). This is worth the transposes where filters do not fill the vectors of implicit GEMM.

To fit in the cache, the buffers hold a band of rows of the images. Lanes without an image, where L does not divide N,
contain zeros; fewer than half as many images as lanes are convolved by implicit GEMM.

Cost: 2 * N * OH * OW * KH * KW * C * F FLOPs each, one pass over x, y and the kernel, and their transposes.

Numerics: outputs and the input gradient are summed in the order of implicit GEMM, and have the same bits; only a sum
of more than `BLOCK_DEPTH` products is not divided into blocks here. The kernel gradient: `interleaved_kernel_gradient`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import get_num_threads

from scratchcnn.geometry import Padding, Pair, Windows, image_windows
from scratchcnn.kernels.conv2d import implicit_gemm
from scratchcnn.kernels.conv2d.implicit_gemm import PaddedImages, image_phases, padded_images
from scratchcnn.kernels.gemm.matmul import BLOCK_DEPTH
from scratchcnn.kernels.max_pool2d import pool_row, rows_of_window
from scratchcnn.kernels.runtime.copying import empty_aligned, fill
from scratchcnn.kernels.runtime.jit import serial
from scratchcnn.kernels.runtime.loops import parallel_jobs
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.kernels.simd.interleave import interleave, separate
from scratchcnn.kernels.simd.interleaved_products import FILTERS, PIXELS, sum_windows
from scratchcnn.kernels.simd.vectors import VECTOR_BYTES
from scratchcnn.operands import Array, Convolution, Shape, conv2d_windows, expect, winner_dtype

BAND_BYTES = 256 * 1024  # of the buffers of a band, about: the second-level cache


def conv2d(
    x: Array,
    kernel: Array,
    bias: Array | None,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:
    """Cross-correlate images with a kernel and add a bias; `reference.conv2d` has the formula."""
    return conv2d_relu(x, kernel, bias, strides, padding, dilation_rate, relu=False)


def conv2d_relu(
    x: Array,
    kernel: Array,
    bias: Array | None,
    strides: Pair,
    padding: Padding,
    dilation_rate: Pair,
    relu: bool = True,
) -> Array:
    """A convolution followed by a ReLU, which is applied while the sums are in registers."""
    windows = conv2d_windows(x.shape, kernel.shape, strides, padding, dilation_rate)
    if are_few(len(x), x.dtype) and kernel[..., 0].size <= BLOCK_DEPTH:
        return implicit_gemm.conv2d_relu(x, kernel, bias, strides, padding, dilation_rate, relu)
    y = empty((len(x), windows.rows.output, windows.columns.output, kernel.shape[3]), x.dtype)
    _convolve(x, kernel, bias, windows, relu, pixel_by_pixel(windows), y, np.empty((0, 0, 0, 0), np.uint8))
    return y


def conv2d_max_pool2d(x: Array, convolution: Convolution, pool: Windows) -> tuple[Array, Array]:
    """A convolution, its ReLU if there is one, and a max pooling of each band while it is interleaved."""
    windows, filters = convolution.windows(x.shape), convolution.kernel.shape[3]
    shape = (len(x), pool.rows.output, pool.columns.output, filters)
    y, winners = empty(shape, x.dtype), empty(shape, winner_dtype((pool.rows.kernel, pool.columns.kernel)))
    _convolve(x, convolution.kernel, convolution.bias, windows, convolution.relu, pool, y, winners)
    return y, winners


def _convolve(
    x: Array, kernel: Array, bias: Array | None, windows: Windows, relu: bool, pool: Windows, y: Array, winners: Array
) -> None:  # fmt: skip
    filters = kernel.shape[3]
    start = np.zeros(filters, x.dtype) if bias is None else bias
    expect(x=(x, x.shape), kernel=(kernel, kernel.shape), bias=(start, (filters,)))
    images = padded_images(x, windows)
    weights = Weights(np.ascontiguousarray(kernel).reshape(-1), filters, np.ascontiguousarray(start), int(relu))
    bands = bands_of(windows, images, filters, pool, BAND_BYTES)
    shares = _share_count(x, bands)
    _correlate(shares, images, weights, bands, *pool, y, winners, shares)


def pixel_by_pixel(windows: Windows) -> Windows:
    """Windows of a single output pixel of a convolution, in the place of a pooling."""
    return image_windows((windows.rows.output, windows.columns.output), (1, 1), (1, 1), "valid")


def are_few(images: int, dtype: np.dtype[np.floating]) -> bool:
    """Whether most lanes would be without an image, so that implicit GEMM is faster."""
    return 2 * images * dtype.itemsize < VECTOR_BYTES


class Weights(NamedTuple):
    """A kernel as `sum_windows` reads it.

    Attributes
    ----------
    kernel : one-dimensional
        The matrix (KH * KW * C, F).
    filters : int
        F.
    start : (F,)
        The bias.
    rectify : int
        1 if a ReLU follows.
    """

    kernel: Array
    filters: int
    start: Array
    rectify: int


class Bands(NamedTuple):
    """Division of the rows of a pooling into bands.

    Attributes
    ----------
    number : int
    rows, source_rows : int
        Rows of the output of the convolution in the largest band, at most, and rows of the padded image that they
        depend on.
    """

    number: int
    rows: int
    source_rows: int


def bands_of(windows: Windows, images: PaddedImages, filters: int, pool: Windows, size: int) -> Bands:
    """Bands whose buffers take about `size` bytes."""
    axis, rows = windows.rows, pool.rows
    row_bytes = (axis.stride * images.width * images.x.shape[3] + pool.columns.size * filters) * VECTOR_BYTES
    number = min(rows.output, -(-rows.output * rows.stride * row_bytes // size))
    largest = -(-rows.output // number)
    most = min(rows.size, (largest - 1) * rows.stride + max(rows.kernel, 2 * rows.stride))
    return Bands(number, most, (most - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1)


def _share_count(images: Array, bands: Bands) -> int:
    """Number of shares of the bands of all blocks of images: one for each thread, unless there are fewer bands."""
    blocks = -(-len(images) // (VECTOR_BYTES // images.itemsize))
    return min(blocks * bands.number, get_num_threads())


@parallel_jobs
def _correlate(share, images, weights, bands, rows, columns, y, winners, shares):
    """Pool z[p] = start + sum over k of padded image[corners[p] + elements[k]] * kernel[k], for every image.

    Without `winners`, the windows of the pooling contain a single pixel: y becomes z.
    """
    count, output_height, output_width, filters = y.shape
    lanes, output_size, row_size = VECTOR_BYTES // y.itemsize, output_width * filters, columns.size * filters
    jobs = (count + lanes - 1) // lanes * bands.number
    is_pooled = winners.size > 0
    source = room_for_source(images, bands)
    sums = empty_aligned(bands.rows * row_size * lanes, y.dtype)
    pooled_size = (output_height + bands.number - 1) // bands.number * output_size * lanes if is_pooled else 0
    maxima, indices = empty_aligned(pooled_size, y.dtype), np.empty(pooled_size, winners.dtype)
    for job in range(jobs * share // shares, jobs * (share + 1) // shares):
        image, band = job // bands.number * lanes, job % bands.number
        present = min(lanes, count - image)
        first, last = output_height * band // bands.number, output_height * (band + 1) // bands.number
        first_row, last_row = rows_of_window(rows, first)[0], rows_of_window(rows, last - 1)[1]
        correlate_band(
            images, weights, image, present, first_row * columns.size, last_row * columns.size, source, sums
        )  # fmt: skip
        at, image_size = (image * output_height + first) * output_size, output_height * output_size
        length = (last - first) * output_size
        if is_pooled:
            for oy in range(first, last):
                top, bottom = rows_of_window(rows, oy)
                pool_row(
                    sums, (top - first_row) * row_size * lanes, oy * rows.stride - rows.before, top, bottom,
                    columns, filters * lanes, maxima, indices, (oy - first) * output_size * lanes,
                )  # fmt: skip
            separate(winners.reshape(-1), at, image_size, present, indices, 0, length, y)
        separate(y.reshape(-1), at, image_size, present, maxima if is_pooled else sums, 0, length, y)


@serial
def room_for_source(images, bands):
    """Memory for the rows of L images that a band depends on."""
    size = bands.source_rows * images.width * images.x.shape[3] * (VECTOR_BYTES // images.x.itemsize)
    return empty_aligned(size, images.x.dtype)


@serial
def correlate_band(images, weights, image, present, first, last, source, sums):
    """Convolve a band of `present` images from `image` on: pixels `first` to before `last`, interleaved, to `sums`."""
    start = interleave_band(images, image, present, first, last, source)
    filters = weights.filters
    parts = (filters + FILTERS - 1) // FILTERS
    for pixel in range(first, last, PIXELS):
        for part in range(parts):
            f, f_end = filters * part // parts, filters * (part + 1) // parts
            sum_windows(
                source, start, images.corners, pixel, last, images.elements, weights.kernel, filters, f, f_end - f,
                weights.start, sums, -first * filters, weights.rectify,
            )  # fmt: skip


@serial
def interleave_band(images, image, present, first, last, source):
    """Interleave the padded rows that the pixels `first` to before `last` depend on.

    Returns the offset of the images in `source`, which is negative: their first rows are not there.
    """
    _, height, width, channels = images.x.shape
    if images.elements.size == 0:  # no channels
        return 0
    lanes, row_size = VECTOR_BYTES // source.itemsize, images.width * channels
    first_row = (images.corners[first] + images.elements.min()) // row_size
    last_row = (images.corners[last - 1] + images.elements.max()) // row_size + 1
    top, bottom = max(first_row, images.above), min(last_row, images.above + height)  # rows inside the image
    is_whole = images.width == width  # then rows follow each other without gaps
    if not is_whole or bottom - top < last_row - first_row:
        fill(source, 0, (last_row - first_row) * row_size * lanes, 0)
    step = max(1, bottom - top) if is_whole else 1
    for row in range(top, bottom, step):
        interleave(
            images.x.reshape(-1), (image * height + row - images.above) * width * channels, height * width * channels,
            present, source, ((row - first_row) * images.width + images.left) * channels * lanes,
            step * width * channels, source,
        )  # fmt: skip
    return -first_row * row_size


def conv2d_input_gradient(
    dy: Array,
    kernel: Array,
    input_shape: Shape,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:
    """Gradient of the loss with respect to the input; `reference.conv2d_input_gradient` has the formula.

    With stride 1 it is a convolution of padded dy with the kernel rotated by 180 degrees. With other strides, it is
    computed by implicit GEMM.
    """
    depth = kernel.shape[0] * kernel.shape[1] * kernel.shape[3]
    few = are_few(len(dy), dy.dtype) and depth <= BLOCK_DEPTH
    if few or tuple(strides) != (1, 1):
        return implicit_gemm.conv2d_input_gradient(dy, kernel, input_shape, strides, padding, dilation_rate)
    windows = conv2d_windows(input_shape, kernel.shape, strides, padding, dilation_rate)
    images, channels = input_shape[0], input_shape[3]
    filters = kernel.shape[3]
    expect(kernel=(kernel, kernel.shape), dy=(dy, (images, windows.rows.output, windows.columns.output, filters)))
    [phase], before, size = image_phases(windows, channels, filters)
    dx = empty(input_shape, dy.dtype)
    images_of_dy = PaddedImages(np.ascontiguousarray(dy), *before, *size, phase.corners, phase.elements)
    taps = np.ascontiguousarray(kernel.transpose(0, 1, 3, 2)).reshape(-1)  # (KH, KW, F, C)
    weights = Weights(taps, channels, np.zeros(channels, dy.dtype), 0)
    pixels = image_windows((windows.rows.size, windows.columns.size), (1, 1), (1, 1), "valid")
    bands = bands_of(windows, images_of_dy, channels, pixels, BAND_BYTES)
    shares = _share_count(dy, bands)
    _correlate(shares, images_of_dy, weights, bands, *pixels, dx, np.empty((0, 0, 0, 0), np.uint8), shares)
    return dx
