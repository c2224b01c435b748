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
from numba import get_num_threads, prange

from scratchcnn.geometry import Axis, Padding, Pair
from scratchcnn.kernels.conv2d import implicit_gemm
from scratchcnn.kernels.conv2d.implicit_gemm import PaddedImages, image_phases, padded_images
from scratchcnn.kernels.gemm.matmul import BLOCK_DEPTH
from scratchcnn.kernels.runtime.copying import empty_aligned, fill
from scratchcnn.kernels.runtime.jit import parallel, serial
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.kernels.simd.interleave import interleave, separate
from scratchcnn.kernels.simd.interleaved_products import FILTERS, PIXELS, sum_windows
from scratchcnn.kernels.simd.vectors import VECTOR_BYTES
from scratchcnn.operands import Array, Shape, conv2d_windows, expect

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
    images, filters = len(x), kernel.shape[3]
    if are_few(images, x.dtype) and kernel[..., 0].size <= BLOCK_DEPTH:
        return implicit_gemm.conv2d_relu(x, kernel, bias, strides, padding, dilation_rate, relu)
    start = np.zeros(filters, x.dtype) if bias is None else bias
    expect(x=(x, x.shape), kernel=(kernel, kernel.shape), bias=(start, (filters,)))
    y = empty((images, windows.rows.output, windows.columns.output, filters), x.dtype)
    padded = padded_images(x, windows)
    weights = Weights(np.ascontiguousarray(kernel).reshape(-1), filters, np.ascontiguousarray(start), int(relu))
    _correlate(padded, weights, bands_of(windows.rows, padded, y.shape, BAND_BYTES), y, get_num_threads())
    return y


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
    """Division of the rows of an output into bands.

    Attributes
    ----------
    number : int
    rows, source_rows : int
        Rows of the output in the largest band, and rows of the padded image that they depend on.
    """

    number: int
    rows: int
    source_rows: int


def bands_of(axis: Axis, images: PaddedImages, output_shape: Shape, size: int) -> Bands:
    """Bands of the outputs (N, OH, OW, F) whose windows along the rows are `axis`, of about `size` bytes."""
    _, rows, columns, filters = output_shape
    row_bytes = (axis.stride * images.width * images.x.shape[3] + columns * filters) * VECTOR_BYTES
    number = min(rows, -(-rows * row_bytes // size))
    largest = -(-rows // number)
    return Bands(number, largest, (largest - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1)


@parallel
def _correlate(images, weights, bands, y, threads):
    """For every image: y[p] = start + sum over k of padded image[corners[p] + elements[k]] * kernel[k]."""
    count, rows, columns, filters = y.shape
    lanes, image_size = VECTOR_BYTES // y.itemsize, rows * columns * filters
    jobs = (count + lanes - 1) // lanes * bands.number
    shares = min(jobs, threads)
    for share in prange(shares):
        source = room_for_source(images, bands)
        sums = empty_aligned(bands.rows * columns * filters * lanes, y.dtype)
        for job in range(jobs * share // shares, jobs * (share + 1) // shares):
            image, band = job // bands.number * lanes, job % bands.number
            present = min(lanes, count - image)
            first, last = rows * band // bands.number * columns, rows * (band + 1) // bands.number * columns
            correlate_band(images, weights, image, present, first, last, source, sums)
            separate(
                y.reshape(-1), image * image_size + first * filters, image_size, present,
                sums, 0, (last - first) * filters, y,
            )  # fmt: skip


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
    images, _, _, channels = input_shape
    filters = kernel.shape[3]
    expect(kernel=(kernel, kernel.shape), dy=(dy, (images, windows.rows.output, windows.columns.output, filters)))
    [phase], before, size = image_phases(windows, channels, filters)
    dx = empty(input_shape, dy.dtype)
    images_of_dy = PaddedImages(np.ascontiguousarray(dy), *before, *size, phase.corners, phase.elements)
    taps = np.ascontiguousarray(kernel.transpose(0, 1, 3, 2)).reshape(-1)  # (KH, KW, F, C)
    weights = Weights(taps, channels, np.zeros(channels, dy.dtype), 0)
    _correlate(
        images_of_dy, weights, bands_of(windows.rows, images_of_dy, input_shape, BAND_BYTES), dx, get_num_threads()
    )
    return dx
