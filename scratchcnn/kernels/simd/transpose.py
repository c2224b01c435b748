"""Transposing a square block of numbers in vector registers: as many rows as a vector has lanes.

Two rows a and b of a 2 x 2 matrix are transposed by one exchange: a takes b's first number for its second. A matrix of
L x L numbers is one of 2 x 2 blocks, whose blocks are transposed the same way: so log2(L) rounds, in each of which
every row is blended with the row that is L/2, L/4, ... 1 away (Eklundh 1972, "A fast computer method for matrix
transposing"). For 16 lanes these are 64 blends, for 256 numbers that would be loaded and stored one by one.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from scratchcnn.kernels.runtime.jit import intrinsic
from scratchcnn.kernels.simd.vectors import Vectorized

_index = ir.IntType(64)
_NAMES = ("source", "source_start", "source_stride", "target", "target_start", "target_stride")


@intrinsic
def transpose_block(typing_context, source, source_start, source_stride, target, target_start, target_stride):
    """target[target_start + j * target_stride + i] = source[source_start + i * source_stride + j], i and j below L.

    L is as many numbers as a vector register holds; both arrays one-dimensional.
    """
    signature = types.void(source, types.int64, types.int64, target, types.int64, types.int64)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        args = dict(zip(_NAMES, values, strict=True))
        code = Vectorized(context, builder, dict(zip(_NAMES, signature.args, strict=True)), args)

        def row_at(array: str, row: int) -> Any:
            offset = builder.mul(args[f"{array}_stride"], _index(row))
            return code.number_at(array, args[f"{array}_start"], offset)

        rows = [code.load_vector(row_at("source", row), 0) for row in range(code.lanes)]
        for row, vector in enumerate(transpose_rows(builder, rows)):
            builder.store(vector, code.vector_at(row_at("target", row), 0), align=code.itemsize)
        return context.get_dummy_value()

    return signature, emit


def transpose_rows(builder: Any, rows: list[Any]) -> list[Any]:
    """The columns of a square block, from its rows; both in vector registers."""
    rows, distance = list(rows), len(rows) // 2
    while distance:
        for row in range(len(rows)):
            if not row & distance:
                rows[row], rows[row | distance] = _exchange(builder, rows[row], rows[row | distance], distance)
        distance //= 2
    return rows


def _exchange(builder: Any, a: Any, b: Any, distance: int) -> tuple[Any, Any]:
    """Exchange a's blocks of `distance` lanes at odd places for b's at even ones."""
    count, number = a.type.count, ir.IntType(32)
    lanes, kind = range(count), ir.VectorType(number, count)
    first = [lane if not lane & distance else count + lane - distance for lane in lanes]
    second = [lane + distance if not lane & distance else count + lane for lane in lanes]
    return tuple(builder.shuffle_vector(a, b, ir.Constant(kind, mask)) for mask in (first, second))
