"""Matrix products by the micro-kernel: C = start + A B, with A found by offsets and B packed in panels.

B is packed into panels: the columns that one tile covers, row after row without gaps, so that the micro-kernel reads B
as one stream for any width of the whole matrix. The last panel is padded with zeros to whole vectors.

    [ panel 0: K rows of COLUMNS vectors ][ panel 1 ] ... [ last panel: K rows of 1 to COLUMNS vectors ]

Where B is used only a few times, as the kernel of a dense layer, packing costs more than it saves, and B is read in
place.

A long sum is divided into blocks of k, so that the block of a panel (256 KB) stays in the second-level cache for all
rows of A.

Many kernels multiply matrices, and each would contain the micro-kernels in its own machine code, which take LLVM two
seconds. So the product is compiled once for each dtype and called by its address.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.np.numpy_support import carray, from_dtype

from scratchcnn.kernels.gemm.micro_kernel import COLUMNS, ROWS, micro_kernel
from scratchcnn.kernels.runtime.copying import copy, fill
from scratchcnn.kernels.runtime.jit import address, arithmetic, cached, serial
from scratchcnn.kernels.runtime.loops import parallel_jobs_if_large
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.kernels.simd.transpose import transpose_block
from scratchcnn.kernels.simd.vectors import INDEX, VECTOR_BYTES, Vectorized, make_intrinsic
from scratchcnn.operands import Array, expect

BLOCK_BYTES = 256 * 1024
BLOCK_DEPTH = BLOCK_BYTES // (COLUMNS * VECTOR_BYTES)  # rows of a panel in a block: longer sums are divided


@arithmetic
def padded_width(columns, itemsize):
    """`columns` rounded up to whole vectors: the width of packed B."""
    lanes = VECTOR_BYTES // itemsize
    return (columns + lanes - 1) // lanes * lanes


@arithmetic
def panel_width(itemsize):
    """Columns of a full panel."""
    return COLUMNS * (VECTOR_BYTES // itemsize)


@arithmetic
def is_packed(columns, itemsize):
    """Whether a row-major matrix of so many columns is already packed, as its own only panel."""
    return columns <= panel_width(itemsize) and columns == padded_width(columns, itemsize)


@serial
def pack_panel(b, rows, columns, first, panel):
    """Pack the panel that begins at column `first` of a row-major matrix (rows, columns)."""
    width = min(panel_width(b.itemsize), padded_width(columns, b.itemsize) - first)
    filled = min(width, columns - first)
    for row in range(rows):
        copy(b, row * columns + first, panel, row * width, filled)
        fill(panel, row * width + filled, width - filled, 0)


@serial
def pack_transposed_panel(b, rows, columns, first, panel):
    """Pack the panel that begins at column `first` of a column-major matrix (rows, columns)."""
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
    """Pack all panels of a matrix into `panels`, of `rows * padded_width(columns)` elements."""
    for first in range(0, columns, panel_width(b.itemsize)):
        pack_panel(b, rows, columns, first, panels[first * rows :])


@parallel_jobs_if_large
def _pack_in_parallel(panel, b, panels):
    rows, columns = b.shape
    first = panel * panel_width(b.itemsize)
    pack_panel(b.reshape(-1), rows, columns, first, panels[first * rows :])


def panel_count(columns: int, itemsize: int) -> int:
    """Number of panels of a matrix with so many columns."""
    return -(-columns // panel_width(itemsize))


def packed(b: Array) -> Array:
    """The panels of a matrix; B: (K, N) -> one-dimensional."""
    rows, columns = b.shape
    width = padded_width(columns, b.itemsize)
    if columns == width <= panel_width(b.itemsize):  # it is its own only panel
        return np.ascontiguousarray(b).reshape(-1)
    panels = empty((rows * width,), b.dtype)
    _pack_in_parallel(panel_count(columns, b.itemsize), np.ascontiguousarray(b), panels)
    return panels


def start_row(bias: Array | None, columns: int, dtype: np.dtype[Any]) -> Array:
    """Initial values of the sums of `matmul`: the bias, or zeros, padded to whole vectors."""
    start = np.zeros(padded_width(columns, dtype.itemsize), dtype)
    if bias is not None:
        expect(bias=(bias, (columns,)), sums=(start, start.shape))
        start[:columns] = bias
    return start


class _Matmul(Vectorized):
    """Emits the call of the compiled product: pointers to the arrays, lengths of the tables, and integers by address.

    C[m, n] (+)= start[n] + sum over k of A[m, k] * B[k, n], with these arguments:

    product
        `product_of` the dtype: the address of the machine code.
    a, a_start, a_rows (M,), a_columns (K,)
        A[m, k] = a[a_start + a_rows[m] + a_columns[k]]; `a` one-dimensional, offsets int64.
    panels, columns
        B as `pack` leaves it, and its number of columns.
    start
        One element for each column, padded with zeros to whole vectors.
    c, c_start, c_rows (M,)
        C[m, n] = c[c_start + c_rows[m] + n]; `c` one-dimensional, offsets int64.
    accumulate
        1: the result is added to C (`start` with it); 0: it replaces C.
    rectify
        1: the ReLU is applied at the end.
    row_stride
        0: B is packed. Otherwise B is read in place, its rows so far apart; its width must be whole vectors.
    """

    arguments = (
        "product", "a", "a_start", "a_rows", "a_columns", "panels", "columns", "start", "c", "c_start", "c_rows",
        "accumulate", "rectify", "row_stride",
    )  # fmt: skip

    def emit(self) -> None:
        """Store the integers on the stack and call the product."""
        builder, args = self.builder, self.args
        numbers = [self.sizes["a_rows"], self.sizes["a_columns"], *(args[name] for name in _INTEGERS)]
        integers = cgutils.alloca_once(builder, INDEX, size=INDEX(len(numbers)))
        for i, number in enumerate(numbers):
            builder.store(number, builder.gep(integers, [INDEX(i)]))
        plain = [*(self.data[name] for name in _POINTERS), integers]
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in plain])
        builder.call(builder.inttoptr(args["product"], kind.as_pointer()), plain)


_POINTERS = ("a", "a_rows", "a_columns", "panels", "start", "c", "c_rows")
_INTEGERS = ("a_start", "columns", "c_start", "accumulate", "rectify", "row_stride")

matmul = make_intrinsic(_Matmul)


@cached
def product_of(dtype: np.dtype[Any]) -> int:
    """Address of the machine code of `matmul` for a dtype; compiled, or read from the cache, at the first call."""
    number, integer = types.CPointer(from_dtype(dtype)), types.CPointer(types.int64)
    kinds = [integer if name.endswith(("rows", "columns")) else number for name in _POINTERS]
    return address(_matmul_of_pointers, types.void(*kinds, integer))


@serial
def _matmul_of_pointers(a, a_rows, a_columns, panels, start, c, c_rows, integers):
    row_count, depth, a_start, columns, c_start, accumulate, rectify, row_stride = carray(integers, 8)
    left = OffsetMatrix(carray(a, 1), a_start, carray(a_rows, row_count), carray(a_columns, depth))
    right = Panels(carray(panels, 1), columns, row_stride)
    _matmul(left, right, carray(start, 1), Rows(carray(c, 1), c_start, carray(c_rows, row_count)), accumulate, rectify)


class OffsetMatrix(NamedTuple):
    """A matrix whose element (m, k) is values[start + rows[m] + columns[k]]."""

    values: Array
    start: int
    rows: Array
    columns: Array


class Panels(NamedTuple):
    """A matrix of so many columns, packed in panels; or, with a row stride, in place."""

    values: Array
    columns: int
    row_stride: int


class Panel(NamedTuple):
    """A block of a panel: element (k, n) is values[start + (k - first) * stride + n], for `depth` k from `first`."""

    values: Array
    start: int
    stride: int
    vectors: int
    first: int
    depth: int


class Rows(NamedTuple):
    """A matrix whose element (m, n) is values[start + rows[m] + n]."""

    values: Array
    start: int
    rows: Array


@serial
def _matmul(a, b, start, c, accumulate, rectify):
    """Panel by panel, and block by block of k."""
    itemsize, depth = b.values.itemsize, a.columns.size
    lanes, width, widest = VECTOR_BYTES // itemsize, padded_width(b.columns, itemsize), panel_width(itemsize)
    block_count = (depth + BLOCK_DEPTH - 1) // BLOCK_DEPTH
    zeros = start if block_count <= 1 else np.zeros(widest, start.dtype)
    if depth == 0 and not accumulate:  # an empty sum
        for row in range(c.rows.size):
            for n in range(b.columns):
                c.values[c.start + c.rows[row] + n] = 0 if rectify and start[n] < 0 else start[n]
    for first in range(0, b.columns, widest):
        this_width = min(widest, width - first)
        columns = min(this_width, b.columns - first)
        target = Rows(c.values, c.start + first, c.rows)
        for block in range(block_count):
            k = depth * block // block_count
            k_count = depth * (block + 1) // block_count - k
            b_start, b_stride = first * depth + k * this_width, this_width
            if b.row_stride > 0:
                b_start, b_stride = first + k * b.row_stride, b.row_stride
            panel = Panel(b.values, b_start, b_stride, this_width // lanes, k, k_count)
            sums, sums_at = (start, first) if block == 0 else (zeros, 0)
            adds = 1 if accumulate or block > 0 else 0
            _all_rows(a, panel, sums, sums_at, target, columns, adds, rectify if block == block_count - 1 else 0)


@serial
def _all_rows(a, b, start, start_at, c, columns, adds, rectify):
    """One block of one panel: six rows of A at a time."""
    for row in range(0, a.rows.size, ROWS):
        micro_kernel(
            b.vectors, a.values, a.start, a.rows, row, min(ROWS, a.rows.size - row), a.columns, b.first, b.depth,
            b.values, b.start, b.stride, start, start_at, c.values, c.start, c.rows, columns, adds, rectify,
        )  # fmt: skip
