"""Kernel gradient of a batch of small images, as one matrix product over the pixels of the whole batch.

    dk  =  im2col(x)^T (KH*KW*C, N*OH*OW)   @   dy (N*OH*OW, F)

`implicit_gemm` adds one product per image. Where an image has few output pixels, as after strided convolutions, each
product is short, and most of the time goes into loading and storing the sums, and into adding the sums of the groups of
images. Here each element of the gradient is a single sum, and is written once. The im2col matrix is still not stored: a
table has the offsets of the windows of all images. Threads share the rows of dk, so there are no groups to add.

Cost: 2 * N * OH * OW * KH * KW * C * F FLOPs; the images are padded in one pass, and dy is packed in another. Numerics:
one sum over the pixels of all images, in the blocks of `matmul`.
"""

from __future__ import annotations

import functools

import numpy as np

from scratchcnn.algorithms import CHEAP_DEPTH
from scratchcnn.geometry import Windows
from scratchcnn.kernels.gemm.matmul import matmul, packed, panel_count, panel_width, product_of, start_row
from scratchcnn.kernels.im2col import TABLES, corner_offsets, element_offsets, frozen, padded_size, place
from scratchcnn.kernels.runtime.copying import fill
from scratchcnn.kernels.runtime.loops import parallel_jobs
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.operands import Array

FEW_PIXELS = 64  # of one output: from here on, the product of an image is long enough
BLOCK_ROWS = 48  # rows of the gradient that a thread computes together: a multiple of the micro-kernel's six


def sums_over_batch(windows: Windows, channels: int) -> bool:
    """Whether the kernel gradient of such a convolution is one sum over the batch.

    It is not for a convolution that may be recomputed image by image (`algorithms.recomputes`), so that its gradient
    has the same bits there.
    """
    rows, columns = windows
    return rows.output * columns.output <= FEW_PIXELS and rows.kernel * columns.kernel * channels > CHEAP_DEPTH


def conv2d_kernel_gradient(dy: Array, x: Array, windows: Windows) -> Array:
    """Gradient of the loss with respect to the kernel, as a matrix (KH * KW * C, F); the operands were checked."""
    images, channels, filters = len(x), x.shape[3], dy.shape[3]
    height, width = padded_size(windows)
    if (height, width) != x.shape[1:3]:
        padded = empty((images, height, width, channels), x.dtype)
        _pad(images, np.ascontiguousarray(x), windows.rows.before, windows.columns.before, padded)
        x = padded
    elements = element_offsets(windows, channels)
    gradient = empty((elements.size, filters), x.dtype)
    panel_total = panel_count(filters, x.itemsize)
    _multiply(
        -(-elements.size // BLOCK_ROWS) * panel_total, product_of(x.dtype), np.ascontiguousarray(x).reshape(-1),
        elements, batch_corners(windows, channels, images), packed(dy.reshape(-1, filters)),
        start_row(None, filters, x.dtype), gradient, panel_total,
    )  # fmt: skip
    return gradient


@functools.lru_cache(maxsize=TABLES)
def batch_corners(windows: Windows, channels: int, images: int) -> Array:
    """Offset of the first element of every window in a batch of padded images; int64, (N * OH * OW,), read-only."""
    height, width = padded_size(windows)
    starts = np.arange(images) * (height * width * channels)
    return frozen(np.add.outer(starts, corner_offsets(windows, channels)).reshape(-1))


@parallel_jobs
def _pad(image, x, above, left, padded):
    _, height, width, channels = x.shape
    size = padded[0].size
    target = padded.reshape(-1)[image * size : (image + 1) * size]
    fill(target, 0, size, 0)
    place(x.reshape(-1), image, height, width, channels, above, left, target, padded.shape[2])


@parallel_jobs
def _multiply(job, product, x, elements, corners, panels, start, gradient, panel_total):
    """gradient[m, n] = sum over k of x[elements[m] + corners[k]] * dy[k, n], for a block of rows of a panel."""
    depth, filters = gradient.shape
    widest = panel_width(gradient.itemsize)
    first_row, first = job // panel_total * BLOCK_ROWS, job % panel_total * widest
    rows = np.arange(first_row, min(first_row + BLOCK_ROWS, depth))
    matmul(
        product, x, 0, elements[first_row : first_row + len(rows)], corners, panels[first * len(corners) :],
        min(widest, filters - first), start[first:], gradient.reshape(-1), first, rows * filters, 0, 0, 0,
    )  # fmt: skip
