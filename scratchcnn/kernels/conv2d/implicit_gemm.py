"""Convolution by im2col walked in place: forward, kernel gradient, input gradient, for every geometry.

Notation: N images, H x W pixels, C channels; F filters of KH x KW; OH x OW output pixels.

Each of the three is one matrix product per image, whose left-hand matrix is the image itself, read through two tables
of offsets (see `im2col`). Nothing is copied but the image's padding.

    forward           y[i]  =       im2col(x[i])   (OH*OW, KH*KW*C)   @  kernel            (KH*KW*C, F)
    kernel gradient   dk    =  sum  im2col(x[i])^T (KH*KW*C, OH*OW)   @  dy[i]             (OH*OW, F)
    input gradient    dx[i] =       im2col(dy[i])  (H*W, KH*KW*F)     @  kernel, turned    (KH*KW*F, C)

Cost: 2 * N * OH * OW * KH * KW * C * F FLOPs each, and one pass over x, y and the kernel.

Threads take whole images. The kernel gradient is summed in groups of images whose number depends on N alone, so every
result is the same to the bit for any number of threads.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from numba import get_num_threads, prange

from scratchcnn.geometry import Axis, Padding, Pair, Windows
from scratchcnn.kernels.gemm.matmul import is_packed, matmul, pack, packed, padded_width, product_of, start_row
from scratchcnn.kernels.im2col import TABLES, corner_offsets, element_offsets, frozen, padded_size, place
from scratchcnn.kernels.runtime.groups import sum_of_groups
from scratchcnn.kernels.runtime.jit import group_count, parallel, serial
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.kernels.simd.masked_rows import gate_rows
from scratchcnn.operands import Array, Shape, conv2d_windows, expect


def conv2d(
    x: Array,
    kernel: Array,
    bias: Array | None,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
    relu: bool = False,
) -> Array:
    """Cross-correlate images with a kernel and add a bias; `reference.conv2d` has the formula.

    Numerics: each output is one sum over (kernel row, kernel column, channel), in that order, in the dtype of x.
    """
    windows = conv2d_windows(x.shape, kernel.shape, strides, padding, dilation_rate)
    expect(x=(x, x.shape), kernel=(kernel, kernel.shape))
    images, channels, filters = x.shape[0], x.shape[3], kernel.shape[3]
    corners, elements = corner_offsets(windows, channels), element_offsets(windows, channels)
    y = empty((images, windows.rows.output, windows.columns.output, filters), x.dtype)
    _correlate(
        product_of(x.dtype), np.ascontiguousarray(x),
        (windows.rows.before, windows.columns.before), padded_size(windows),
        corners, elements, packed(kernel.reshape(-1, filters)), start_row(bias, filters, x.dtype),
        y, pixel_offsets(corners.size, filters), get_num_threads(), int(relu),
    )  # fmt: skip
    return y


@functools.lru_cache(maxsize=TABLES)
def pixel_offsets(pixels: int, channels: int) -> Array:
    """Offset of every pixel in an image without padding; int64, (pixels,), read-only."""
    return frozen(np.arange(pixels) * channels)


@parallel
def _correlate(product, x, before, size, corners, elements, panels, start, y, y_rows, threads, rectify):
    """For every image: y[y_rows[m]] = start + sum over k of padded image[corners[m] + elements[k]] * B[k]."""
    images, image_results = x.shape[0], y.size // x.shape[0]
    shares = min(images, threads)
    for share in prange(shares):
        padded = padding_for(x, size)
        for image in range(images * share // shares, images * (share + 1) // shares):
            correlate_image(
                product, x, image, before, size, padded, corners, elements, panels, y.shape[3], start,
                y.reshape(-1), image * image_results, y_rows, rectify,
            )  # fmt: skip


@serial
def padding_for(x, size):
    """Zeros of the size of a padded image, in whose middle one can be placed; none, where nothing is padded."""
    is_padded = size[0] != x.shape[1] or size[1] != x.shape[2]
    return np.zeros(size[0] * size[1] * x.shape[3] if is_padded else 0, x.dtype)


@serial
def correlate_image(
    product, x, image, before, size, padded, corners, elements, panels, filters, start, y, first, y_rows, rectify
):  # fmt: skip
    """One image of `_correlate`; its results begin at `first` of y, which is one-dimensional."""
    source, at = _padded_image(x, image, before, size, padded)
    matmul(product, source, at, corners, elements, panels, filters, start, y, first, y_rows, 0, rectify, 0)


@serial
def _padded_image(x, image, before, size, padded):
    """Where to read an image, in which array and from where: in `padded`, if there is any, else where it lies."""
    _, height, width, channels = x.shape
    numbers = x.reshape(-1)
    if len(padded) == 0:
        return numbers, image * height * width * channels
    place(numbers, image, height, width, channels, before[0], before[1], padded, size[1])
    return padded, 0


def conv2d_kernel_gradient(
    dy: Array,
    x: Array,
    kernel_size: Pair,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:
    """Gradient of the loss by the kernel; `reference.conv2d_kernel_gradient` has the formula.

    Numerics: a sum over the pixels of an image, then over the images of a group, then over at most 16 groups.
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
    """Gradients by kernel and bias; `reference.conv2d_parameter_gradients` has the formula.

    dy goes through ReLU image by image, just before it is multiplied, and the bias's sum is taken on the way.
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
    corners, elements = corner_offsets(windows, channels), element_offsets(windows, channels)
    groups = np.zeros((group_count(images, elements.size * filters * x.itemsize), elements.size, filters), x.dtype)
    bias_groups = np.zeros((len(groups), filters), np.float64)
    dy = np.ascontiguousarray(dy)
    _sum_outer_products(
        product_of(x.dtype), np.ascontiguousarray(x),
        (windows.rows.before, windows.columns.before), padded_size(windows), corners, elements,
        dy, dy if y is None else np.ascontiguousarray(y), y is not None, bias, groups, bias_groups,
    )  # fmt: skip
    dkernel = sum_of_groups(groups).reshape(*kernel_size, channels, filters)
    return dkernel, bias_groups.sum(axis=0).astype(dy.dtype)


@parallel
def _sum_outer_products(product, x, before, size, corners, elements, dy, y, gates, bias, groups, bias_groups):
    """For every group of images: groups[g, m] = sum over i, p of image i[elements[m] + corners[p]] * dy[i, p].

    `gates`: of dy counts only what lies where y > 0. `bias`: bias_groups[g] becomes the sum of dy over i and p.
    """
    images, (count, rows, filters) = x.shape[0], groups.shape
    result_rows = np.arange(rows) * filters
    for group in prange(count):
        padded = padding_for(x, size)
        gated, panels, start = room_for_gradient(corners.size, filters, gates or bias, x)
        for image in range(images * group // count, images * (group + 1) // count):
            first = image * corners.size * filters
            dz = dy.reshape(-1)[first : first + corners.size * filters]
            if gates or bias:
                gate_rows(
                    dy.reshape(-1), y.reshape(-1), gates, first, corners.size, filters, gated, bias_groups[group]
                )  # fmt: skip
                dz = gated
            add_outer_product(
                product, x, image, before, size, padded, corners, elements, dz, filters, panels, start,
                groups.reshape(-1), group * rows * filters, result_rows,
            )  # fmt: skip


@serial
def room_for_gradient(pixels, filters, gated, like):
    """For one image's gradient: room for it behind a ReLU, and in panels, where there must be; and a row of zeros."""
    width = padded_width(filters, like.itemsize)
    must_pack = not is_packed(filters, like.itemsize)
    return (
        np.empty(pixels * filters if gated else 0, like.dtype),
        np.empty(pixels * width if must_pack else 0, like.dtype),
        np.zeros(width, like.dtype),
    )


@serial
def add_outer_product(
    product, x, image, before, size, padded, corners, elements, dz, filters, panels, start,
    results, first, result_rows,
):  # fmt: skip
    """One image of `_sum_outer_products`; dz is its gradient, and the results begin at `first`."""
    source, at = _padded_image(x, image, before, size, padded)
    if len(panels) > 0:
        pack(dz, corners.size, filters, panels)
        dz = panels
    matmul(product, source, at, elements, corners, dz, filters, start, results, first, result_rows, 1, 0, 0)


def conv2d_input_gradient(
    dy: Array,
    kernel: Array,
    input_shape: Shape,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:
    """Gradient of the loss by the input; `reference.conv2d_input_gradient` has the formula.

    With stride 1 it is a convolution of dy, padded, with the kernel turned round. With a stride s, an input pixel meets
    only every s-th kernel row and column, always the same ones for pixels that are s apart: so the input falls into
    s * s phases, each a stride-1 convolution of dy with its own part of the kernel, and no zero is multiplied.
    """
    windows = conv2d_windows(input_shape, kernel.shape, strides, padding, dilation_rate)
    images, _, _, channels = input_shape
    filters = kernel.shape[3]
    expect(kernel=(kernel, kernel.shape), dy=(dy, (images, windows.rows.output, windows.columns.output, filters)))
    dy = np.ascontiguousarray(dy)
    phases, before, size = _image_phases(windows, channels, filters)
    covered = all(phase.elements.size for phase in phases)
    dx = empty(input_shape, dy.dtype) if covered else np.zeros(input_shape, dy.dtype)
    for phase in phases:
        taps = kernel[phase.taps].transpose(0, 1, 3, 2)  # (taps, taps, F, C)
        _correlate(
            product_of(dy.dtype), dy, before, size, phase.corners, phase.elements,
            packed(taps.reshape(-1, channels)), start_row(None, channels, dy.dtype), dx, phase.pixels,
            get_num_threads(), 0,
        )  # fmt: skip
    return dx


class ImagePhase(NamedTuple):
    """The input pixels that meet the same kernel elements, as tables for `_correlate`; int64, read-only."""

    taps: tuple[Array, ...]
    corners: Array
    elements: Array
    pixels: Array


@functools.lru_cache(maxsize=TABLES)
def _image_phases(windows: Windows, channels: int, filters: int) -> tuple[list[ImagePhase], Pair, Pair]:
    """The phases of an image; how far dy is padded above and to the left; and the padded height and width of dy."""
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
    """The input pixels along one axis that meet the same kernel elements; all int64.

    The output pixel that `pixels[i]` meets through kernel element `taps[j]` stands at `windows[i] + shifts[j]` of dy
    padded by `AxisPhases.before`.
    """

    pixels: Array
    windows: Array
    taps: Array
    shifts: Array


class AxisPhases(NamedTuple):
    """The phases along one axis, and how far dy must be padded before and after so that they stay inside it."""

    phases: list[Phase]
    before: int
    after: int


def axis_phases(axis: Axis) -> AxisPhases:
    """Split one axis of the input into its phases.

    Input position q stands at P = q + before in the padded input, and meets kernel element k in output pixel
    (P - k * dilation) / stride, if that is whole. With P = stride * window + r it is
    window + (r - k * dilation) / stride: whole or not by r and k alone.
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
