"""Convolution by implicit GEMM: forward, kernel gradient and input gradient, for every geometry.

Notation: N images, H x W pixels, C channels; F filters of KH x KW; OH x OW output pixels.

Each of the three is one matrix product per image. The left operand is the im2col matrix, which is not stored: its
elements are read from the image through two tables of offsets (see `im2col`). Only an image that needs padding is
copied.

    forward           y[i]  =       im2col(x[i])   (OH*OW, KH*KW*C)   @  kernel             (KH*KW*C, F)
    kernel gradient   dk    =  sum  im2col(x[i])^T (KH*KW*C, OH*OW)   @  dy[i]              (OH*OW, F)
    input gradient    dx[i] =       im2col(dy[i])  (H*W, KH*KW*F)     @  kernel, rotated    (KH*KW*F, C)

Cost: 2 * N * OH * OW * KH * KW * C * F FLOPs each, and one pass over x, y and the kernel.

Threads take whole images. The kernel gradient is summed in groups of images whose number does not depend on the number
of threads, so neither does any bit of the results. For small images it is one product over the batch instead
(`batch_kernel_gradient`).
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from numba import get_num_threads

from scratchcnn.geometry import Axis, Padding, Pair, Windows
from scratchcnn.kernels.bias import bias_gradient, sum_of_images
from scratchcnn.kernels.conv2d import batch_kernel_gradient
from scratchcnn.kernels.gemm.matmul import is_packed, matmul, pack, packed, padded_width, product_of, start_row
from scratchcnn.kernels.im2col import TABLES, corner_offsets, element_offsets, frozen, padded_size, place
from scratchcnn.kernels.relu import relu_gradient
from scratchcnn.kernels.runtime.groups import sum_of_groups
from scratchcnn.kernels.runtime.jit import group_count, serial
from scratchcnn.kernels.runtime.loops import parallel_jobs
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.kernels.simd.masked_rows import mask_rows
from scratchcnn.operands import Array, Shape, conv2d_windows, expect


def conv2d(
    x: Array,
    kernel: Array,
    bias: Array | None,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:
    """Cross-correlate images with a kernel and add a bias; `reference.conv2d` has the formula.

    Numerics: each output is one sum over (kernel row, kernel column, channel), in that order, in the dtype of x.
    """
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
    expect(x=(x, x.shape), kernel=(kernel, kernel.shape))
    images, filters = x.shape[0], kernel.shape[3]
    y = empty((images, windows.rows.output, windows.columns.output, filters), x.dtype)
    shares = min(images, get_num_threads())
    _correlate(
        shares, product_of(x.dtype), padded_images(x, windows),
        KernelMatrix(packed(kernel.reshape(-1, filters)), filters, start_row(bias, filters, x.dtype), int(relu)),
        y, pixel_offsets(windows.rows.output * windows.columns.output, filters), shares,
    )  # fmt: skip
    return y


@functools.lru_cache(maxsize=TABLES)
def pixel_offsets(pixels: int, channels: int) -> Array:
    """Offset of each pixel in an image without padding; int64, (pixels,), read-only."""
    return frozen(np.arange(pixels) * channels)


class PaddedImages(NamedTuple):
    """Images whose im2col matrices are read in place.

    Attributes
    ----------
    x : (N, H, W, C)
    above, left : int
        Rows and columns of padding above and to the left.
    height, width : int
        Size with the padding.
    corners, elements : int64
        Offsets of the windows in a padded image, and of the elements in a window.
    """

    x: Array
    above: int
    left: int
    height: int
    width: int
    corners: Array
    elements: Array


def padded_images(x: Array, windows: Windows) -> PaddedImages:
    """Images as a convolution with these windows reads them."""
    tables = corner_offsets(windows, x.shape[3]), element_offsets(windows, x.shape[3])
    before = windows.rows.before, windows.columns.before
    return PaddedImages(np.ascontiguousarray(x), *before, *padded_size(windows), *tables)


class KernelMatrix(NamedTuple):
    """A kernel as right operand.

    Attributes
    ----------
    panels : one-dimensional
        The matrix (KH * KW * C, F), packed.
    columns : int
        F.
    start : (F,)
        The bias, padded with zeros to whole vectors.
    rectify : int
        1 if a ReLU follows.
    """

    panels: Array
    columns: int
    start: Array
    rectify: int


@parallel_jobs
def _correlate(share, product, images, kernel, y, y_rows, shares):
    """For each image of a share: y[y_rows[m]] = start + sum over k of padded image[corners[m] + elements[k]] * B[k]."""
    count, image_size = images.x.shape[0], y.size // images.x.shape[0]
    padded = room_for_padded(images)
    for image in range(count * share // shares, count * (share + 1) // shares):
        correlate_image(product, images, np.int64(image), padded, kernel, y.reshape(-1), image * image_size, y_rows)


@serial
def room_for_padded(images):
    """Zeros of the size of a padded image, for `correlate_image` and `add_outer_product`; none without padding."""
    _, height, width, channels = images.x.shape
    is_padded = images.height != height or images.width != width
    return np.zeros(images.height * images.width * channels if is_padded else 0, images.x.dtype)


@serial
def correlate_image(product, images, image, padded, kernel, y, first, y_rows):
    """Convolve one image; the results begin at y[first], with `y` one-dimensional."""
    source, start = _padded_image(images, image, padded)
    matmul(
        product, source, start, images.corners, images.elements, kernel.panels, kernel.columns, kernel.start,
        y, first, y_rows, 0, kernel.rectify, 0,
    )  # fmt: skip


@serial
def _padded_image(images, image, padded):
    """The array and the offset where an image is read: in `padded`, if it needs padding, else in place."""
    _, height, width, channels = images.x.shape
    numbers = images.x.reshape(-1)
    if len(padded) == 0:
        return numbers, image * height * width * channels
    place(numbers, image, height, width, channels, images.above, images.left, padded, images.width)
    return padded, 0


def conv2d_kernel_gradient(
    dy: Array,
    x: Array,
    kernel_size: Pair,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:
    """Gradient of the loss with respect to the kernel; `reference.conv2d_kernel_gradient` has the formula.

    Numerics: a sum over the pixels of an image, then over the images of a group, then over at most 16 groups; for small
    images one sum (`batch_kernel_gradient`).
    """
    return _kernel_and_bias_sums(dy, None, x, kernel_size, strides, padding, dilation_rate, bias=False)[0]


def conv2d_parameter_gradients(
    dy: Array,
    y: Array | None,
    x: Array,
    kernel_size: Pair,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> tuple[Array, Array]:
    """Kernel and bias gradients, backpropagated through the ReLU with output y, or none if y is None.

    dy is masked by the ReLU image by image, just before it is multiplied, and summed for the bias at the same time.
    """
    return _kernel_and_bias_sums(dy, y, x, kernel_size, strides, padding, dilation_rate, bias=True)


def _kernel_and_bias_sums(
    dy: Array, y: Array | None, x: Array, kernel_size: Pair, strides: Pair, padding: Padding, dilation_rate: Pair,
    bias: bool,
) -> tuple[Array, Array]:  # fmt: skip
    images, channels, filters = x.shape[0], x.shape[-1], dy.shape[-1]
    windows = conv2d_windows(x.shape, (*kernel_size, channels, filters), strides, padding, dilation_rate)
    shape = (images, windows.rows.output, windows.columns.output, filters)
    expect(x=(x, x.shape), dy=(dy, shape))
    if y is not None:
        expect(dy=(dy, shape), y=(y, shape))
    if batch_kernel_gradient.sums_over_batch(windows, channels):
        dz = np.ascontiguousarray(dy if y is None else relu_gradient(dy, y))
        dkernel = batch_kernel_gradient.conv2d_kernel_gradient(dz, x, windows)
        return dkernel.reshape(*kernel_size, channels, filters), bias_gradient(dz) if bias else np.zeros(0, dy.dtype)
    depth = kernel_size[0] * kernel_size[1] * channels
    groups = np.zeros((group_count(images, depth * filters * x.itemsize), depth, filters), x.dtype)
    image_sums = np.zeros((images, filters), np.float64)
    dy = np.ascontiguousarray(dy)
    outputs = dy if y is None else np.ascontiguousarray(y)
    _sum_outer_products(
        len(groups), product_of(x.dtype), padded_images(x, windows), dy, outputs, y is not None, bias, groups,
        image_sums,
    )  # fmt: skip
    dkernel = sum_of_groups(groups).reshape(*kernel_size, channels, filters)
    return dkernel, sum_of_images(image_sums, dy.dtype)


@parallel_jobs
def _sum_outer_products(group, product, images, dy, y, has_relu, bias, groups, image_sums):
    """For a group of images: groups[g, m] = sum over i, p of image i[elements[m] + corners[p]] * dy[i, p].

    `has_relu`: dy counts only where y > 0. `bias`: image_sums[i] becomes the sum of dy over p.
    """
    image_count, pixels, (count, rows, filters) = images.x.shape[0], images.corners.size, groups.shape
    result_rows = np.arange(rows) * filters
    padded = room_for_padded(images)
    room = room_for_gradient(pixels, filters, has_relu or bias, images.x)
    for image in range(image_count * group // count, image_count * (group + 1) // count):
        first = image * pixels * filters
        dz = dy.reshape(-1)[first : first + pixels * filters]
        if has_relu or bias:
            mask_rows(
                dy.reshape(-1), y.reshape(-1), has_relu, first, pixels, filters, room.masked, image_sums[image]
            )  # fmt: skip
            dz = room.masked
        add_outer_product(
            product, images, np.int64(image), padded, dz, room, groups[group].reshape(-1), result_rows
        )  # fmt: skip


class GradientRoom(NamedTuple):
    """Memory for the gradient of one image.

    Attributes
    ----------
    masked, panels : one-dimensional
        The gradient after the ReLU, and packed; empty where they are not needed.
    zeros : (filters,)
        Padded to whole vectors.
    filters : int
    """

    masked: Array
    panels: Array
    zeros: Array
    filters: int


@serial
def room_for_gradient(pixels, filters, is_masked, like):
    """Memory for one image's gradient, of the dtype of `like`."""
    width = padded_width(filters, like.itemsize)
    must_pack = not is_packed(filters, like.itemsize)
    return GradientRoom(
        np.empty(pixels * filters if is_masked else 0, like.dtype),
        np.empty(pixels * width if must_pack else 0, like.dtype),
        np.zeros(width, like.dtype),
        filters,
    )


@serial
def add_outer_product(product, images, image, padded, dz, room, results, result_rows):
    """Add the kernel gradient of one image, whose output gradient is dz, to `results`, which is one-dimensional."""
    source, start = _padded_image(images, image, padded)
    if len(room.panels) > 0:
        pack(dz, images.corners.size, room.filters, room.panels)
        dz = room.panels
    matmul(
        product, source, start, images.elements, images.corners, dz, room.filters, room.zeros,
        results, 0, result_rows, 1, 0, 0,
    )  # fmt: skip


def conv2d_input_gradient(
    dy: Array,
    kernel: Array,
    input_shape: Shape,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:
    """Gradient of the loss with respect to the input; `reference.conv2d_input_gradient` has the formula.

    With stride 1 it is a convolution of padded dy with the kernel rotated by 180 degrees. With a stride s, an input
    pixel is multiplied only with every s-th kernel row and column, the same ones for all pixels that are s apart. So
    the input is divided into s * s phases, each a stride-1 convolution of dy with its own part of the kernel, and no
    inserted zero is multiplied.
    """
    windows = conv2d_windows(input_shape, kernel.shape, strides, padding, dilation_rate)
    images, _, _, channels = input_shape
    filters = kernel.shape[3]
    expect(kernel=(kernel, kernel.shape), dy=(dy, (images, windows.rows.output, windows.columns.output, filters)))
    dy = np.ascontiguousarray(dy)
    phases, before, size = image_phases(windows, channels, filters)
    covered = all(phase.elements.size for phase in phases)
    dx = empty(input_shape, dy.dtype) if covered else np.zeros(input_shape, dy.dtype)
    shares = min(images, get_num_threads())
    for phase in phases:
        taps = kernel[phase.taps].transpose(0, 1, 3, 2)  # (taps, taps, F, C)
        matrix = KernelMatrix(packed(taps.reshape(-1, channels)), channels, start_row(None, channels, dy.dtype), 0)
        images_of_dy = PaddedImages(dy, *before, *size, phase.corners, phase.elements)
        _correlate(shares, product_of(dy.dtype), images_of_dy, matrix, dx, phase.pixels, shares)
    return dx


class ImagePhase(NamedTuple):
    """Input pixels that depend on the same kernel elements, as tables for `_correlate`; int64, read-only."""

    taps: tuple[Array, ...]
    corners: Array
    elements: Array
    pixels: Array


@functools.lru_cache(maxsize=TABLES)
def image_phases(windows: Windows, channels: int, filters: int) -> tuple[list[ImagePhase], Pair, Pair]:
    """The phases of an image; rows and columns of padding of dy above and to the left; and the padded size of dy."""
    rows, columns = axis_phases(windows.rows), axis_phases(windows.columns)
    height = rows.before + windows.rows.output + rows.after
    width = columns.before + windows.columns.output + columns.after
    phases = []
    for row in rows.phases:
        for column in columns.phases:
            corners = np.add.outer(row.windows * width, column.windows).reshape(-1) * filters
            elements = np.add.outer(row.shifts * width, column.shifts).reshape(-1, 1) * filters + np.arange(filters)
            pixels = np.add.outer(row.pixels * windows.columns.size, column.pixels).reshape(-1) * channels
            tables = [frozen(table) for table in (corners, elements.reshape(-1), pixels)]
            phases.append(ImagePhase(tuple(map(frozen, np.ix_(row.taps, column.taps))), *tables))
    return phases, (rows.before, columns.before), (height, width)


class Phase(NamedTuple):
    """Input pixels along one axis that depend on the same kernel elements; all int64.

    The output pixel that depends on `pixels[i]` through kernel element `taps[j]` is at `windows[i] + shifts[j]` of dy
    padded by `AxisPhases.before`.
    """

    pixels: Array
    windows: Array
    taps: Array
    shifts: Array


class AxisPhases(NamedTuple):
    """The phases along one axis, and the padding of dy before and after that keeps their windows inside it."""

    phases: list[Phase]
    before: int
    after: int


def axis_phases(axis: Axis) -> AxisPhases:
    """Split one axis of the input into its phases.

    Input position q is at P = q + before in the padded input. Kernel element k connects it with output pixel
    (P - k * dilation) / stride, if that is an integer. With P = stride * window + r it is
    window + (r - k * dilation) / stride, so whether it is an integer depends on r and k only.
    """
    pixels, taps = np.arange(axis.size), np.arange(axis.kernel)
    windows, remainders = np.divmod(pixels + axis.before, axis.stride)
    phases = []
    for remainder in range(axis.stride):
        shifts, rest = np.divmod(remainder - taps * axis.dilation, axis.stride)
        mine, whole = remainders == remainder, rest == 0
        phases.append(Phase(pixels[mine], windows[mine], taps[whole], shifts[whole]))
    met = [window + shift for phase in phases for window in phase.windows for shift in phase.shifts]
    before, after = max(0, -min(met, default=0)), max(0, max(met, default=0) - (axis.output - 1))
    return AxisPhases([phase._replace(windows=phase.windows + before) for phase in phases], before, after)
