"""Rows of a matrix that contain a nonzero element: the pixels of an image that are not empty (columns: channels).

    found[r]  =  -1 (all bits set) if any of x[r, c] is nonzero, else 0

A NaN is nonzero and -0.0 is zero: an element is zero if all its bits but the sign are. So the bits of a whole row are
combined with OR, a vector at a time, and tested once.

Cost: one load per vector; there is no branch that depends on the data.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils

from scratchcnn.kernels.simd.vectors import INDEX, Vectorized, make_intrinsic


class _NonzeroRows(Vectorized):
    """Emits the search for nonzero rows.

    Row r of x begins at x[start + r * columns]; the results, int8, begin at found[found_start].
    """

    arguments = ("x", "start", "rows", "columns", "found", "found_start")

    def emit(self) -> None:
        """For each row, combine whole vectors of columns and, one by one, the columns that remain; then test."""
        builder, columns = self.builder, self.args["columns"]
        whole = builder.sub(columns, builder.srem(columns, INDEX(self.lanes)))
        with cgutils.for_range(builder, self.args["rows"]) as row:
            row_at = self.number_at("x", self.args["start"], builder.mul(row.index, columns))
            vector = self.combined(row_at, INDEX(0), whole, self.lanes)
            number = self.combined(row_at, whole, columns, 1)
            nonzero = builder.or_(self.any_nonzero(vector), self.any_nonzero(number))
            at = self.number_at("found", self.args["found_start"], row.index)
            builder.store(builder.sext(nonzero, ir.IntType(8)), at)

    def combined(self, row_at: Any, first: Any, last: Any, lanes: int) -> Any:
        """The bits of the columns from `first` to before `last`, combined with OR, `lanes` at a time."""
        builder, bits = self.builder, ir.VectorType(ir.IntType(8 * self.itemsize), lanes)
        total = cgutils.alloca_once(builder, bits)
        builder.store(ir.Constant(bits, [0] * lanes), total)
        with cgutils.for_range_slice(builder, first, last, INDEX(lanes), INDEX) as (column, _):
            at = builder.bitcast(builder.gep(row_at, [column]), bits.as_pointer())
            builder.store(builder.or_(builder.load(total), builder.load(at, align=self.itemsize)), total)
        return builder.load(total)

    def any_nonzero(self, bits: Any) -> Any:
        """Whether any lane has a bit set besides the sign."""
        builder, lanes, kind = self.builder, bits.type.count, bits.type
        magnitude = builder.and_(bits, ir.Constant(kind, [(1 << (8 * self.itemsize - 1)) - 1] * lanes))
        nonzero = builder.icmp_unsigned("!=", magnitude, ir.Constant(kind, [0] * lanes))
        word = ir.IntType(lanes)
        return builder.icmp_unsigned("!=", builder.bitcast(nonzero, word), word(0))


nonzero_rows = make_intrinsic(_NonzeroRows)
