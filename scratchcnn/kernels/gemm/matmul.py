"""Matrix products by the register tile: C = start + A B, with A found by offsets and B packed in panels.

B is packed into panels: the columns that one tile covers, row after row without gaps, so that the tile reads B as one
stream whatever the width of the whole matrix, and a last panel is filled up with zeros to whole vectors.

    [ panel 0: K rows of COLUMNS vectors ][ panel 1 ] ... [ last panel: K rows of 1 to COLUMNS vectors ]

Where B is used only a few times, as the kernel of a dense layer, packing costs more than it saves, and B is read where
it lies.

A long sum is cut into blocks of k, so that the block of a panel (256 KB) stays in the second-level cache while all
rows of A pass by.

Many kernels multiply matrices, and each would carry the tiles in its own machine code, which take LLVM two seconds; so
the product is compiled once for each dtype, and called by its address.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from llvmlite import ir
from numba import prange, types
from numba.np.numpy_support import carray, from_dtype

from scratchcnn.kernels.gemm.micro_kernel import COLUMNS, ROWS, make_tile
from scratchcnn.kernels.runtime.copying import copy, fill
from scratchcnn.kernels.runtime.jit import address, intrinsic, parallel_if_large, serial
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.kernels.simd.transpose import transpose_block
from scratchcnn.kernels.simd.vectors import VECTOR_BYTES
from scratchcnn.operands import Array, expect

BLOCK_BYTES = 256 * 1024

_tile_1 = make_tile(1)
_tile_2 = make_tile(2)
_tile_3 = make_tile(3)
_tile_4 = make_tile(4)


@serial
def padded_width(columns, itemsize):
    """`columns` rounded up to whole vectors: the width of packed B."""
    lanes = VECTOR_BYTES // itemsize
    return (columns + lanes - 1) // lanes * lanes


@serial
def panel_width(itemsize):
    """Columns of a whole panel."""
    return COLUMNS * (VECTOR_BYTES // itemsize)


@serial
def is_packed(columns, itemsize):
    """Whether a matrix of so many columns, row after row, already is its own only panel."""
    return columns <= panel_width(itemsize) and columns == padded_width(columns, itemsize)


@serial
def pack_panel(b, rows, columns, first, panel):
    """Pack the panel that begins at column `first` of a matrix (rows, columns), whose rows lie one after the other."""
    width = min(panel_width(b.itemsize), padded_width(columns, b.itemsize) - first)
    filled = min(width, columns - first)
    for row in range(rows):
        copy(b, row * columns + first, panel, row * width, filled)
        fill(panel, row * width + filled, width - filled, 0)


@serial
def pack_transposed_panel(b, rows, columns, first, panel):
    """The same, where what lies one after the other are the columns: `rows` numbers each."""
    lanes = VECTOR_BYTES // b.itemsize
    width = min(panel_width(b.itemsize), padded_width(columns, b.itemsize) - first)
    filled = min(width, columns - first)
    blocks = filled // lanes * lanes if rows >= lanes else 0
    whole_rows = rows // lanes * lanes
    for column in range(0, blocks, lanes):
        for row in range(0, whole_rows, lanes):
            transpose_block(b, (first + column) * rows + row, rows, panel, row * width + column, width)
        for row in range(whole_rows, rows):
            for lane in range(lanes):
                panel[row * width + column + lane] = b[(first + column + lane) * rows + row]
    for row in range(rows):
        for column in range(blocks, filled):
            panel[row * width + column] = b[(first + column) * rows + row]
        fill(panel, row * width + filled, width - filled, 0)


@serial
def pack(b, rows, columns, panels):
    """Pack all panels of a matrix into `panels`, of `rows * padded_width(columns)` numbers."""
    for first in range(0, columns, panel_width(b.itemsize)):
        pack_panel(b, rows, columns, first, panels[first * rows :])


@parallel_if_large
def _pack_in_parallel(b, panels):
    rows, columns = b.shape
    widest = panel_width(b.itemsize)
    for panel in prange((columns + widest - 1) // widest):
        first = panel * widest
        pack_panel(b.reshape(-1), rows, columns, first, panels[first * rows :])


def packed(b: Array) -> Array:
    """The panels of a matrix; B: (K, N) -> one-dimensional."""
    rows, columns = b.shape
    if is_packed(columns, b.itemsize):
        return np.ascontiguousarray(b).reshape(-1)
    panels = empty((rows * padded_width(columns, b.itemsize),), b.dtype)
    _pack_in_parallel(np.ascontiguousarray(b), panels)
    return panels


def start_row(bias: Array | None, columns: int, dtype: np.dtype[Any]) -> Array:
    """What the sums of `matmul` start from: the bias, or zeros, filled up to whole vectors."""
    start = np.zeros(padded_width(columns, dtype.itemsize), dtype)
    if bias is not None:
        expect(bias=(bias, (columns,)), sums=(start, (None,)))
        start[:columns] = bias
    return start


@intrinsic
def matmul(
    typing_context, product, a, a_start, a_rows, a_columns, panels, columns, start, c, c_start, c_rows,
    accumulate, rectify, row_stride,
):  # fmt: skip
    """C[m, n] (+)= start[n] + sum over k of A[m, k] * B[k, n].

    Parameters
    ----------
    product
        `product_of` the dtype: where the machine code begins.
    a, a_start, a_rows (M,), a_columns (K,)
        A[m, k] = a[a_start + a_rows[m] + a_columns[k]]; `a` one-dimensional, offsets int64.
    panels, columns
        B as `pack` leaves it, and its number of columns.
    start
        One number for each column, padded with zeros to whole vectors.
    c, c_start, c_rows (M,)
        C[m, n] = c[c_start + c_rows[m] + n]; `c` one-dimensional, offsets int64.
    accumulate
        1: the result is added to C (`start` with it); 0: it replaces C.
    rectify
        1: what is negative in the end becomes 0.
    row_stride
        0: B is packed. Else B is read where it lies, rows so far apart; its width must be a number of whole vectors.
    """
    kinds = (a, a_start, a_rows, a_columns, panels, columns, start, c, c_start, c_rows, accumulate, rectify, row_stride)
    signature = types.void(product, *(kind if isinstance(kind, types.Array) else types.int64 for kind in kinds))

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        plain = []
        for kind, value in zip(signature.args[1:], values[1:], strict=True):
            if not isinstance(kind, types.Array):
                plain.append(value)
                continue
            array = context.make_array(kind)(context, builder, value)
            plain.append(array.data)
            if kind.dtype is types.int64:  # a table of offsets: how many there are
                plain.append(array.nitems)
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in plain])
        builder.call(builder.inttoptr(values[0], kind.as_pointer()), plain)
        return context.get_dummy_value()

    return signature, emit


@functools.cache
def product_of(dtype: np.dtype[Any]) -> int:
    """Where the machine code of `matmul` for a dtype begins; compiled, or read from the cache, when first asked for."""
    number, count = types.CPointer(from_dtype(dtype)), types.int64
    offsets = (types.CPointer(types.int64), count)
    return address(
        _matmul_of_pointers,
        types.void(
            number, count, *offsets, *offsets, number, count, number, number, count, *offsets, count, count, count
        ),
    )


def _matmul_of_pointers(
    a, a_start, a_rows, row_count, a_columns, depth, panels, columns, start, c, c_start, c_rows, _,
    accumulate, rectify, row_stride,
):  # fmt: skip
    _matmul(
        carray(a, 1), a_start, carray(a_rows, row_count), carray(a_columns, depth), carray(panels, 1), columns,
        carray(start, 1), carray(c, 1), c_start, carray(c_rows, row_count), accumulate, rectify, row_stride,
    )  # fmt: skip


@serial
def _matmul(
    a, a_start, a_rows, a_columns, panels, columns, start, c, c_start, c_rows, accumulate, rectify, row_stride
):  # fmt: skip
    """Panel by panel, and block by block of k."""
    lanes = VECTOR_BYTES // a.itemsize
    depth = a_columns.size
    width = padded_width(columns, a.itemsize)
    widest = panel_width(a.itemsize)
    most = BLOCK_BYTES // (widest * a.itemsize)
    block_count = (depth + most - 1) // most
    zeros = start if block_count <= 1 else np.zeros(widest, a.dtype)
    if depth == 0 and not accumulate:  # a sum of nothing
        for row in range(a_rows.size):
            for n in range(columns):
                c[c_start + c_rows[row] + n] = 0 if rectify and start[n] < 0 else start[n]
    for first in range(0, columns, widest):
        this_width = min(widest, width - first)
        for block in range(block_count):
            k = depth * block // block_count
            k_count = depth * (block + 1) // block_count - k
            adds = 1 if accumulate or block > 0 else 0
            sums, sums_at = (start, first) if block == 0 else (zeros, 0)
            b_start, b_stride = first * depth + k * this_width, this_width
            if row_stride > 0:
                b_start, b_stride = first + k * row_stride, row_stride
            _all_rows(
                a, a_start, a_rows, a_columns, k, k_count, panels, b_start, b_stride, this_width // lanes,
                sums, sums_at, c, c_start + first, c_rows, min(this_width, columns - first), adds,
                rectify if block == block_count - 1 else 0,
            )  # fmt: skip


@serial
def _all_rows(
    a, a_start, a_rows, a_columns, k, k_count, b, b_start, b_stride, vectors,
    start, start_at, c, c_start, c_rows, columns, adds, rectify,
):  # fmt: skip
    """One block of one panel: six rows of A at a time."""
    for row in range(0, a_rows.size, ROWS):
        count = min(ROWS, a_rows.size - row)
        if vectors == 4:
            _tile_4(a, a_start, a_rows, row, count, a_columns, k, k_count, b, b_start, b_stride,
                    start, start_at, c, c_start, c_rows, columns, adds, rectify)  # fmt: skip
        elif vectors == 3:
            _tile_3(a, a_start, a_rows, row, count, a_columns, k, k_count, b, b_start, b_stride,
                    start, start_at, c, c_start, c_rows, columns, adds, rectify)  # fmt: skip
        elif vectors == 2:
            _tile_2(a, a_start, a_rows, row, count, a_columns, k, k_count, b, b_start, b_stride,
                    start, start_at, c, c_start, c_rows, columns, adds, rectify)  # fmt: skip
        else:
            _tile_1(a, a_start, a_rows, row, count, a_columns, k, k_count, b, b_start, b_stride,
                    start, start_at, c, c_start, c_rows, columns, adds, rectify)  # fmt: skip
