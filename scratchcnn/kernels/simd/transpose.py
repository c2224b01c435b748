"""Transpose of a square block in vector registers: as many rows as a vector has lanes.

Two rows a and b of a 2 x 2 matrix are transposed by one exchange: a's second element with b's first. An L x L matrix is
a 2 x 2 matrix of blocks, each of which is transposed the same way. This takes log2(L) rounds, in each of which every
row is blended with the row that is L/2, L/4, ... 1 away (Eklundh 1972, "A fast computer method for matrix
transposing"). For 16 lanes these are 64 blends, for 256 elements that would be loaded and stored one by one.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from scratchcnn.kernels.simd.vectors import INDEX, Vectorized, make_intrinsic


class _TransposeBlock(Vectorized):
    """Emits target[target_start + j * target_stride + i] = source[source_start + i * source_stride + j], i and j < L.

    L is the number of elements in a vector register; both arrays are one-dimensional.
    """

    arguments = ("source", "source_start", "source_stride", "target", "target_start", "target_stride")

    def emit(self) -> None:
        """Load the rows, transpose them in registers and store them."""
        rows = [self.load_vector(self.row_at("source", row), 0) for row in range(self.lanes)]
        for row, vector in enumerate(transpose_rows(self.builder, rows)):
            self.builder.store(vector, self.vector_at(self.row_at("target", row), 0), align=self.itemsize)

    def row_at(self, array: str, row: int) -> Any:
        """Address of a row of the block."""
        offset = self.builder.mul(self.args[f"{array}_stride"], INDEX(row))
        return self.number_at(array, self.args[f"{array}_start"], offset)


transpose_block = make_intrinsic(_TransposeBlock)


def transpose_rows(builder: Any, rows: list[Any]) -> list[Any]:
    """Columns of a square block, from its rows; both in vector registers."""
    rows, distance = list(rows), len(rows) // 2
    while distance:
        for row in range(len(rows)):
            if not row & distance:
                rows[row], rows[row | distance] = _exchange(builder, rows[row], rows[row | distance], distance)
        distance //= 2
    return rows


def _exchange(builder: Any, a: Any, b: Any, distance: int) -> tuple[Any, Any]:
    """Exchange a's odd blocks of `distance` lanes with b's even ones."""
    count, number = a.type.count, ir.IntType(32)
    lanes, kind = range(count), ir.VectorType(number, count)
    first = [lane if not lane & distance else count + lane - distance for lane in lanes]
    second = [lane + distance if not lane & distance else count + lane for lane in lanes]
    return tuple(builder.shuffle_vector(a, b, ir.Constant(kind, mask)) for mask in (first, second))
