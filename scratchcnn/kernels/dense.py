"""The dense layer: three matrix products by the micro-kernel, which differ in what is packed.

    forward           y = bias + x @ kernel      kernel read in place; threads share the rows of x
    kernel gradient   xᵀ @ dy                    dy packed; columns of x copied to contiguous memory
    input gradient    dy @ kernelᵀ               threads share the panels of kernelᵀ and pack them on the way

Rows of a wide matrix are often a multiple of 4096 bytes apart, so that they all map to the same few sets of the cache;
copying the columns of a block to contiguous memory is cheaper than reading them in place (Goto & van de Geijn 2008).

Cost: 2 * N * I * J FLOPs each; the kernel is read once by each thread. Every output is one sum, so results are the
same for any number of threads.
"""

from __future__ import annotations

import numpy as np
from numba import get_num_threads

from scratchcnn.kernels.gemm.matmul import (
    matmul,
    pack_transposed_panel,
    packed,
    padded_width,
    panel_count,
    panel_width,
    product_of,
    start_row,
)
from scratchcnn.kernels.gemm.micro_kernel import ROWS
from scratchcnn.kernels.runtime.copying import copy, empty_aligned
from scratchcnn.kernels.runtime.jit import for_product
from scratchcnn.kernels.runtime.loops import parallel_jobs
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.kernels.simd.vectors import VECTOR_BYTES
from scratchcnn.operands import Array, expect

GROUP = 8 * ROWS  # columns of x: whole tiles, and whole vectors; up to two groups are copied together, 48 KB for N=128


def dense(x: Array, kernel: Array, bias: Array | None) -> Array:
    """Multiply by a matrix and add a bias; `reference.dense` has the formula.

    Numerics: each output is one sum over the inputs in order, in the dtype of x.
    """
    return affine(x, kernel, bias, relu=False)


def affine(x: Array, kernel: Array, bias: Array | None, relu: bool) -> Array:
    """`dense`, and optionally its ReLU, which is applied to the sums while they are in registers."""
    expect(kernel=(kernel, (None, None)), x=(x, (None, len(kernel))))
    y = empty((x.shape[0], kernel.shape[1]), x.dtype)
    start = start_row(bias, kernel.shape[1], x.dtype)
    whole_vectors = kernel.shape[1] * kernel.itemsize % VECTOR_BYTES == 0
    matrix = np.ascontiguousarray(kernel).reshape(-1) if whole_vectors else packed(kernel)
    row_stride = kernel.shape[1] if whole_vectors else 0
    operands = product_of(x.dtype), np.ascontiguousarray(x), matrix, row_stride, start, y, int(relu)
    panels = panel_count(kernel.shape[1], x.itemsize)
    shares = -(-get_num_threads() // panels)  # of the rows, so that every thread has a panel
    multiply = for_product(_dense, x.size * kernel.shape[1])
    multiply(panels * shares, *operands, panels, shares)
    return y


@parallel_jobs
def _dense(job, product, x, matrix, row_stride, start, y, rectify, panels, shares):
    """Compute a share of the rows of a panel."""
    first, share = job % panels * panel_width(x.itemsize), job // panels
    rows, depth = x.shape
    columns, tiles = y.shape[1], (rows + ROWS - 1) // ROWS
    m = np.arange(min(rows, tiles * share // shares * ROWS), min(rows, tiles * (share + 1) // shares * ROWS))
    matmul(
        product, x.reshape(-1), 0, m * depth, np.arange(depth), matrix[first if row_stride > 0 else first * depth :],
        min(panel_width(x.itemsize), columns - first), start[first:], y.reshape(-1), first, m * columns,
        0, rectify, row_stride,
    )  # fmt: skip


def dense_kernel_gradient(dy: Array, x: Array) -> Array:
    """Gradient of the loss w.r.t. the kernel, xᵀ @ dy; `reference.dense_kernel_gradient` has the formula."""
    expect(x=(x, (None, None)), dy=(dy, (len(x), None)))
    gradient = empty((x.shape[1], dy.shape[1]), x.dtype)
    start = start_row(None, dy.shape[1], x.dtype)
    operands = product_of(x.dtype), np.ascontiguousarray(x), packed(dy), start, gradient
    groups, threads = -(-x.shape[1] // GROUP), get_num_threads()
    blocks = -(-groups // (2 * threads)) * threads  # as many for each thread
    multiply = for_product(_dense_kernel_gradient, x.size * dy.shape[1])
    multiply(blocks, *operands, groups, blocks)
    return gradient


@parallel_jobs
def _dense_kernel_gradient(block, product, x, panels, start, gradient, groups, blocks):
    """Compute a block of rows of the gradient, of so many groups of rows."""
    depth, rows = x.shape
    first, after = groups * block // blocks * GROUP, min(rows, groups * (block + 1) // blocks * GROUP)
    columns, count = gradient.shape[1], after - first
    block_of_x = empty_aligned(depth * count, x.dtype)
    for k in range(depth):
        copy(x[k], first, block_of_x, k * count, count)
    m, columns_of_a = np.arange(count), np.arange(depth) * count
    matmul(
        product, block_of_x, 0, m, columns_of_a, panels, columns, start,
        gradient.reshape(-1), first * columns, m * columns, 0, 0, 0,
    )  # fmt: skip


def dense_input_gradient(dy: Array, kernel: Array) -> Array:
    """Gradient of the loss w.r.t. the input, dy @ kernelᵀ; `reference.dense_input_gradient` has the formula."""
    expect(kernel=(kernel, (None, None)), dy=(dy, (None, kernel.shape[-1])))
    dx = empty((dy.shape[0], kernel.shape[0]), dy.dtype)
    operands = product_of(dy.dtype), np.ascontiguousarray(dy), np.ascontiguousarray(kernel), dx
    multiply = for_product(_dense_input_gradient, dy.size * len(kernel))
    multiply(panel_count(len(kernel), dy.itemsize), *operands)
    return dx


@parallel_jobs
def _dense_input_gradient(number, product, dy, kernel, dx):
    """Compute the columns of a panel."""
    first = number * panel_width(dy.itemsize)
    rows, depth = dy.shape
    columns = kernel.shape[0]
    width = min(panel_width(dy.itemsize), columns - first)
    panel = empty_aligned(depth * padded_width(width, dy.itemsize), dy.dtype)
    pack_transposed_panel(kernel.reshape(-1), depth, columns, first, panel)
    m, start = np.arange(rows), np.zeros(panel_width(dy.itemsize), dy.dtype)
    matmul(
        product, dy.reshape(-1), 0, m * depth, np.arange(depth), panel, width, start,
        dx.reshape(-1), first, m * columns, 0, 0, 0,
    )  # fmt: skip
