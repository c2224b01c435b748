"""Images that a convolution makes again wherever they are wanted, one at a time, and that nobody keeps.

The first layer of a network makes much out of little: 32 numbers of every pixel, each for 18 FLOPs. Kept, they are
written once and read three times in a step, their gradient is written and read, and all of that drives other things out
of the cache. To make an image again costs less than to fetch it; and as only one is there at a time, it stays in the
second-level cache. The convolution after the first makes its images so, forward and backward (`winograd`,
`stacked`).

Chen et al. 2016 ("Training deep nets with sublinear memory cost", arXiv 1604.06174) make again what a backward pass
needs in order to save memory. Here it saves time as well, for a convolution as cheap as `algorithms.stacks` wants it.

Cost: 2 * OH * OW * KH * KW * C * F FLOPs an image, each time. Numerics: the same bits as `conv2d_tile.conv2d`, which
computes an image with the same call.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from scratchcnn.kernels.conv2d.implicit_gemm import add_outer_product, correlate_image, pixel_offsets
from scratchcnn.kernels.gemm.matmul import packed, product_of, start_row
from scratchcnn.kernels.im2col import corner_offsets, element_offsets, frozen, padded_size
from scratchcnn.kernels.runtime.jit import serial
from scratchcnn.kernels.simd.masked_rows import gate_rows
from scratchcnn.operands import Array, Convolution, Shape


class Convolved(NamedTuple):
    """What is needed to make an image, `together` of its channels at a time; x has none where nothing is made."""

    product: int
    x: Array  # (N, H, W, C)
    top: int  # how far x is padded
    left: int
    padded_height: int
    padded_width: int
    corners: Array
    elements: Array
    panels: Array  # the kernel, slice after slice
    start: Array
    pixels: Array
    height: int  # of the images that are made
    width: int
    channels: int
    together: int

    @property
    def shape(self) -> Shape:
        """(N, OH, OW, F), the shape of all images that could be made."""
        return len(self.x), self.height, self.width, self.channels


def convolved(x: Array, below: Convolution, together: int) -> Convolved:
    """The images that the convolution `below` and its ReLU make of x, `together` channels at a time."""
    windows = below.windows(x.shape)
    rows, columns = windows
    depth, filters = x.shape[3], below.kernel.shape[3]
    matrix = below.kernel.reshape(-1, filters)
    slices = [packed(matrix[:, first : first + together]) for first in range(0, filters, together)]
    corners = corner_offsets(windows, depth)
    return Convolved(
        product_of(x.dtype), np.ascontiguousarray(x), rows.before, columns.before, *padded_size(windows),
        corners, element_offsets(windows, depth), np.concatenate(slices), start_row(below.bias, filters, x.dtype),
        pixel_offsets(corners.size, together), rows.output, columns.output, filters, together,
    )  # fmt: skip


@functools.cache
def none_made(dtype: np.dtype[Any]) -> Convolved:
    """What stands in its place where images lie ready."""
    no_offsets, no_numbers = frozen(np.empty(0, np.int64)), np.empty(0, dtype)
    return Convolved(
        product_of(dtype), np.empty((0, 0, 0, 0), dtype), 0, 0, 0, 0,
        no_offsets, no_offsets, no_numbers, no_numbers, no_offsets, 0, 0, 0, 1,
    )  # fmt: skip


@serial
def make_slice(of, image, s, padded, target, first):
    """Slice s of an image, its pixels one after the other, from `first` of a one-dimensional array."""
    size = of.elements.size * of.together
    correlate_image(
        of.product, of.x, image, (of.top, of.left), (of.padded_height, of.padded_width), padded,
        of.corners, of.elements, of.panels[s * size : (s + 1) * size], of.together, of.start[s * of.together :],
        target, first, of.pixels, 1,
    )  # fmt: skip


@serial
def add_slice_gradient(of, image, s, padded, gradient, pixels, gated, panels, start, sums, bias_sums):
    """Add what slice s of an image is worth to the gradients of the kernel and the bias that made it.

    `gradient` is that by the slice, and `pixels` the slice itself, whose ReLU the gradient has yet to go through.
    `sums`, one-dimensional, and `bias_sums` are for all channels; `gated`, `panels` and `start` as `room_for_gradient`
    makes them.
    """
    first, rows = s * of.together, np.arange(of.elements.size) * of.channels
    here = bias_sums[first : first + of.together]
    gate_rows(gradient, pixels, 1, 0, of.corners.size, of.together, gated, here)
    add_outer_product(
        of.product, of.x, image, (of.top, of.left), (of.padded_height, of.padded_width), padded,
        of.corners, of.elements, gated, of.together, panels, start, sums, first, rows,
    )  # fmt: skip
