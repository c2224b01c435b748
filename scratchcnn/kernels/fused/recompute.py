"""Recomputed activations: a convolution is evaluated again where its output is needed, instead of being stored.

The first layer of a network has few inputs and many outputs: 32 elements per pixel, each for 18 FLOPs. Stored, its
output is written once and read three times in a training step, its gradient is written and read, and all of that evicts
other data from the cache. Recomputing an image takes less time than loading it; and as only one image exists at a time,
it stays in the second-level cache. The second convolution recomputes its input images in this way, forward
(`winograd`) and backward (`conv2d_conv2d_max_pool2d`).

Chen et al. 2016 ("Training deep nets with sublinear memory cost", arXiv 1604.06174) recompute what a backward pass
needs in order to save memory. Here it saves time as well, for a convolution as cheap as `algorithms.recomputes`
requires.

Cost: 2 * OH * OW * KH * KW * C * F FLOPs per image, each time. Numerics: the same bits as `implicit_gemm.conv2d_relu`,
which computes an image by the same call.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from scratchcnn.kernels.conv2d.implicit_gemm import (
    KernelMatrix,
    PaddedImages,
    add_outer_product,
    correlate_image,
    pixel_offsets,
    room_for_padded,
)
from scratchcnn.kernels.gemm.matmul import packed, product_of, start_row
from scratchcnn.kernels.im2col import corner_offsets, element_offsets, frozen, padded_size
from scratchcnn.kernels.runtime.jit import cached, serial
from scratchcnn.kernels.simd.masked_rows import mask_rows
from scratchcnn.operands import Array, Convolution, Shape


class Recomputation(NamedTuple):
    """What recomputing an image requires, `slice_channels` of its channels at a time; without images x, nothing is."""

    product: int
    x: Array  # (N, H, W, C)
    top: int  # padding of x
    left: int
    padded_height: int
    padded_width: int
    corners: Array
    elements: Array
    panels: Array  # the kernel, slice after slice
    start: Array
    pixels: Array
    height: int  # of the recomputed images
    width: int
    channels: int
    slice_channels: int

    @property
    def shape(self) -> Shape:
        """(N, OH, OW, F), the shape of all images together."""
        return len(self.x), self.height, self.width, self.channels


def recomputation(x: Array, convolution: Convolution, slice_channels: int) -> Recomputation:
    """Recompute the output of a convolution of x and its ReLU, `slice_channels` channels at a time."""
    windows = convolution.windows(x.shape)
    rows, columns = windows
    depth, filters = x.shape[3], convolution.kernel.shape[3]
    matrix = convolution.kernel.reshape(-1, filters)
    slices = [packed(matrix[:, first : first + slice_channels]) for first in range(0, filters, slice_channels)]
    corners = corner_offsets(windows, depth)
    return Recomputation(
        product_of(x.dtype), np.ascontiguousarray(x), rows.before, columns.before, *padded_size(windows),
        corners, element_offsets(windows, depth), np.concatenate(slices), start_row(convolution.bias, filters, x.dtype),
        pixel_offsets(corners.size, slice_channels), rows.output, columns.output, filters, slice_channels,
    )  # fmt: skip


@cached
def no_recomputation(dtype: np.dtype[Any]) -> Recomputation:
    """The argument in its place where the images are stored."""
    no_offsets, no_elements = frozen(np.empty(0, np.int64)), np.empty(0, dtype)
    return Recomputation(
        product_of(dtype), np.empty((0, 0, 0, 0), dtype), 0, 0, 0, 0,
        no_offsets, no_offsets, no_elements, no_elements, no_offsets, 0, 0, 0, 1,
    )  # fmt: skip


@serial
def compute_slice(of, image, s, padded, target, first):
    """Slice s of an image, pixel after pixel, from `first` of a one-dimensional array."""
    size = of.elements.size * of.slice_channels
    kernel = KernelMatrix(
        of.panels[s * size : (s + 1) * size], of.slice_channels, of.start[s * of.slice_channels :], 1
    )  # fmt: skip
    correlate_image(of.product, _images(of), image, padded, kernel, target, first, of.pixels)


@serial
def add_slice_gradient(of, image, s, padded, gradient, pixels, room, sums, bias_sums):
    """Add the contribution of slice s of an image to the gradients of the kernel and the bias it was computed from.

    `gradient` is the gradient with respect to the slice, `pixels` the slice itself, whose ReLU masks the gradient.
    `sums`, one-dimensional, and `bias_sums` are for all channels; `room` is from `room_for_gradient`.
    """
    first, rows = s * of.slice_channels, np.arange(of.elements.size) * of.channels
    slice_bias_sums = bias_sums[first : first + of.slice_channels]
    mask_rows(gradient, pixels, 1, 0, of.corners.size, of.slice_channels, room.masked, slice_bias_sums)
    add_outer_product(of.product, _images(of), image, padded, room.masked, room, sums[first:], rows)


@serial
def room_for_source(of):
    """Memory for a padded image of the input of the recomputed convolution."""
    return room_for_padded(_images(of))


@serial
def _images(of):
    return PaddedImages(of.x, of.top, of.left, of.padded_height, of.padded_width, of.corners, of.elements)
