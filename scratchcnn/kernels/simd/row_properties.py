"""What Winograd's convolution must know of the pixels of an image, the rows of a matrix (columns: channels).

    nonzero[r]    =  -1 (all bits set) if any of x[r, c] is nonzero, else 0
    differing[r]  =  -1 if any of x[r, c] differs from the reference pixel's element c in any bit, else 0
    largest       =  the maximum of |x[r, c]|, ordered as integers: NaN is the largest, then infinity

A NaN is nonzero and -0.0 is zero: an element is zero if all its bits but the sign are. So the bits of a whole row are
combined with OR, a vector at a time, and tested once.

Cost: one load per vector, from which all three are computed; there is no branch that depends on the data.
"""

from __future__ import annotations

import functools
from typing import Any, ClassVar

from llvmlite import ir
from numba.core import cgutils

from scratchcnn.kernels.simd.vectors import INDEX, Vectorized, make_intrinsic


class _RowProperties(Vectorized):
    """Emits one pass over the rows.

    Row r of x begins at x[start + r * columns], and the reference at x[reference]. The results of the rows, int8, begin
    at nonzero[found_start] and differing[found_start]; the maximum over all rows goes to largest[largest_at].
    """

    arguments: ClassVar[tuple[str, ...]] = (
        "x", "start", "rows", "columns", "reference", "nonzero", "differing", "found_start", "largest", "largest_at",
    )  # fmt: skip

    def emit(self) -> None:
        """Emit the pass twice: for rows of whole vectors, and for those with columns that remain, taken one by one."""
        builder, columns = self.builder, self.args["columns"]
        whole = builder.sub(columns, builder.srem(columns, INDEX(self.lanes)))
        vectors, remaining = (INDEX(0), whole, self.lanes), (whole, columns, 1)
        with builder.if_else(builder.icmp_signed("==", whole, columns)) as (then, otherwise):
            with then:
                self.emit_rows([vectors])
            with otherwise:
                self.emit_rows([vectors, remaining])

    def emit_rows(self, parts: list[tuple[Any, Any, int]]) -> None:
        """For each row, combine the columns of all parts, (first, last, lanes), and test the results."""
        builder, maxima = self.builder, [self.zeros(lanes) for _, _, lanes in parts]
        with cgutils.for_range(builder, self.args["rows"]) as row:
            row_at = self.number_at("x", self.args["start"], builder.mul(row.index, self.args["columns"]))
            found = [self.combined(row_at, *part, largest) for part, largest in zip(parts, maxima, strict=True)]
            for name, bits in zip(("nonzero", "differing"), zip(*found, strict=True), strict=True):
                is_found = functools.reduce(builder.or_, map(self.any_nonzero, bits))
                at = self.number_at(name, self.args["found_start"], row.index)
                builder.store(builder.sext(is_found, ir.IntType(8)), at)
        largest = functools.reduce(self.larger, [self.maximum_of_lanes(builder.load(each)) for each in maxima])
        at = self.number_at("largest", self.args["largest_at"])
        builder.store(builder.bitcast(largest, self.number), at)

    def combined(self, row_at: Any, first: Any, last: Any, lanes: int, largest: Any) -> tuple[Any, Any]:
        """The bits of the columns from `first` to before `last`, and the bits that differ, combined with OR."""
        builder = self.builder
        nonzero, differing = self.zeros(lanes), self.zeros(lanes)
        kind = nonzero.type.pointee
        without_sign = ir.Constant(kind, [(1 << (8 * self.itemsize - 1)) - 1] * lanes)
        with cgutils.for_range_slice(builder, first, last, INDEX(lanes), INDEX) as (column, _):
            bits, reference = (
                builder.load(builder.bitcast(builder.gep(at, [column]), kind.as_pointer()), align=self.itemsize)
                for at in (row_at, self.number_at("x", self.args["reference"]))
            )
            magnitudes = builder.and_(bits, without_sign)
            builder.store(builder.or_(builder.load(nonzero), magnitudes), nonzero)
            builder.store(builder.or_(builder.load(differing), builder.xor(bits, reference)), differing)
            builder.store(self.larger(builder.load(largest), magnitudes), largest)
        return builder.load(nonzero), builder.load(differing)

    def zeros(self, lanes: int) -> Any:
        """Memory for a vector of bits, all zero."""
        kind = ir.VectorType(ir.IntType(8 * self.itemsize), lanes)
        at = cgutils.alloca_once(self.builder, kind)
        self.builder.store(ir.Constant(kind, [0] * lanes), at)
        return at

    def larger(self, a: Any, b: Any) -> Any:
        """The larger of two integers, in each lane."""
        return self.builder.select(self.builder.icmp_signed(">", a, b), a, b)

    def maximum_of_lanes(self, vector: Any) -> Any:
        """The largest lane."""
        lanes = [self.builder.extract_element(vector, ir.IntType(32)(i)) for i in range(vector.type.count)]
        return functools.reduce(self.larger, lanes)

    def any_nonzero(self, bits: Any) -> Any:
        """Whether any lane has a bit set."""
        builder, lanes, kind = self.builder, bits.type.count, bits.type
        nonzero = builder.icmp_unsigned("!=", bits, ir.Constant(kind, [0] * lanes))
        word = ir.IntType(lanes)
        return builder.icmp_unsigned("!=", builder.bitcast(nonzero, word), word(0))


row_properties = make_intrinsic(_RowProperties)
