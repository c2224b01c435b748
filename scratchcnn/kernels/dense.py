"""The dense layer by the register tile: three matrix products that differ in what is packed.

    forward           y = bias + x @ kernel      kernel read where it lies; threads share the rows of x
    kernel gradient   x^T @ dy                   dy packed; columns of x, which lie far apart, copied side by side
    input gradient    dy @ kernel^T              threads share the panels of kernel^T and pack them as they go

Rows of a wide matrix lie a multiple of 4096 bytes apart more often than not, and all fall into the same few sets of the
cache; copying the columns of a block side by side is cheaper than reading them from there (Goto & van de Geijn 2008).

Cost: 2 * N * I * J FLOPs each; the kernel is read once for each thread. Every output is one sum, so results are the
same for any number of threads.
"""

from __future__ import annotations

import numpy as np
from numba import get_num_threads, prange

from scratchcnn.kernels.gemm.matmul import (
    matmul,
    pack_transposed_panel,
    packed,
    padded_width,
    panel_width,
    product_of,
    start_row,
)
from scratchcnn.kernels.gemm.micro_kernel import ROWS
from scratchcnn.kernels.runtime.copying import copy
from scratchcnn.kernels.runtime.jit import parallel_if_large
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.kernels.simd.vectors import VECTOR_BYTES
from scratchcnn.operands import Array, expect

BLOCK_ROWS = 16 * ROWS  # columns of x that the kernel gradient copies side by side: 48 KB for a batch of 128


def dense(x: Array, kernel: Array, bias: Array | None, relu: bool = False) -> Array:
    """Multiply by a matrix and add a bias; `reference.dense` has the formula.

    Numerics: each output is one sum over the inputs in order, in the dtype of x.
    """
    expect(kernel=(kernel, (None, None)), x=(x, (None, len(kernel))))
    y = empty((x.shape[0], kernel.shape[1]), x.dtype)
    start = start_row(bias, kernel.shape[1], x.dtype)
    whole_vectors = kernel.shape[1] * kernel.itemsize % VECTOR_BYTES == 0
    matrix = np.ascontiguousarray(kernel).reshape(-1) if whole_vectors else packed(kernel)
    row_stride = kernel.shape[1] if whole_vectors else 0
    _dense(product_of(x.dtype), np.ascontiguousarray(x), matrix, row_stride, start, y, get_num_threads(), int(relu))
    return y


@parallel_if_large
def _dense(product, x, matrix, row_stride, start, y, threads, rectify):
    rows, depth = x.shape
    columns = y.shape[1]
    widest = panel_width(x.itemsize)
    panel_count = (columns + widest - 1) // widest
    shares = (threads + panel_count - 1) // panel_count  # of the rows, so that every thread has a panel
    tiles = (rows + ROWS - 1) // ROWS
    k = np.arange(depth)
    for job in prange(panel_count * shares):
        first, share = job % panel_count * widest, job // panel_count
        m = np.arange(min(rows, tiles * share // shares * ROWS), min(rows, tiles * (share + 1) // shares * ROWS))
        matmul(
            product, x.reshape(-1), 0, m * depth, k, matrix[first if row_stride > 0 else first * depth :],
            min(widest, columns - first), start[first:], y.reshape(-1), first, m * columns, 0, rectify, row_stride,
        )  # fmt: skip


def dense_kernel_gradient(dy: Array, x: Array) -> Array:
    """x^T @ dy; `reference.dense_kernel_gradient` has the formula."""
    expect(x=(x, (None, None)), dy=(dy, (len(x), None)))
    gradient = empty((x.shape[1], dy.shape[1]), x.dtype)
    _dense_kernel_gradient(
        product_of(x.dtype), np.ascontiguousarray(x), packed(dy), start_row(None, dy.shape[1], x.dtype), gradient
    )
    return gradient


@parallel_if_large
def _dense_kernel_gradient(product, x, panels, start, gradient):
    depth, rows = x.shape
    columns = gradient.shape[1]
    for block in prange((rows + BLOCK_ROWS - 1) // BLOCK_ROWS):
        first = block * BLOCK_ROWS
        count = min(BLOCK_ROWS, rows - first)
        side_by_side = np.empty(depth * count, x.dtype)
        for k in range(depth):
            copy(x[k], first, side_by_side, k * count, count)
        m, columns_of_a = np.arange(count), np.arange(depth) * count
        matmul(
            product, side_by_side, 0, m, columns_of_a, panels, columns, start,
            gradient.reshape(-1), first * columns, m * columns, 0, 0, 0,
        )  # fmt: skip


def dense_input_gradient(dy: Array, kernel: Array) -> Array:
    """dy @ kernel^T; `reference.dense_input_gradient` has the formula."""
    expect(kernel=(kernel, (None, None)), dy=(dy, (None, kernel.shape[-1])))
    dx = empty((dy.shape[0], kernel.shape[0]), dy.dtype)
    _dense_input_gradient(product_of(dy.dtype), np.ascontiguousarray(dy), np.ascontiguousarray(kernel), dx)
    return dx


@parallel_if_large
def _dense_input_gradient(product, dy, kernel, dx):
    rows, depth = dy.shape
    columns = kernel.shape[0]
    widest = panel_width(dy.itemsize)
    m, k = np.arange(rows), np.arange(depth)
    start = np.zeros(widest, dy.dtype)
    for number in prange((columns + widest - 1) // widest):
        first = number * widest
        width = min(widest, columns - first)
        panel = np.empty(depth * padded_width(width, dy.itemsize), dy.dtype)
        pack_transposed_panel(kernel.reshape(-1), depth, columns, first, panel)
        matmul(
            product, dy.reshape(-1), 0, m * depth, k, panel, width, start, dx.reshape(-1), first, m * columns, 0, 0, 0
        )
