"""Masking of gradient rows by a ReLU, and their sum for the bias gradient, for kernels that use the rows right away.

    dx[r, f]  =  dy[r, f]  where y[r, f] > 0, else 0            sums[f]  +=  sum over r of dx[r, f]

The loop over rows is the inner one, for one vector of columns at a time, so that the sums stay in registers. (A loop
over the columns of each row would be too short for LLVM to vectorize it well.)

Cost: one comparison and one addition per element. Numerics: sums run over the rows in order, in float64.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils

from scratchcnn.kernels.simd.vectors import INDEX, ByColumns, make_intrinsic


class _MaskRows(ByColumns):
    """Emits the masking of `rows` contiguous rows of `columns` elements: dy and y from `start`, dx from 0.

    `has_relu`: 0 passes all of dy, 1 only where y > 0. `sums`: float64, one per column. All arrays are one-dimensional.
    """

    arguments = ("dy", "y", "has_relu", "start", "rows", "columns", "dx", "sums")

    def emit_columns(self, first: Any, last: Any) -> None:
        """Mask and sum the columns from `first` to before `last`, as many at a time as there are lanes."""
        builder, args, doubles = self.builder, self.args, ir.VectorType(ir.DoubleType(), self.lanes)
        no_relu = builder.icmp_signed("==", args["has_relu"], INDEX(0))
        all_pass = self.broadcast(no_relu, ir.VectorType(ir.IntType(1), self.lanes))
        zero = self.constant(0.0)
        with cgutils.for_range_slice(builder, first, last, INDEX(self.lanes), INDEX) as (column, _):
            total = cgutils.alloca_once(builder, doubles)
            sums_at = builder.bitcast(self.number_at("sums", column), doubles.as_pointer())
            builder.store(builder.load(sums_at, align=8), total)
            with cgutils.for_range(builder, args["rows"]) as row:
                offset = builder.add(builder.mul(row.index, args["columns"]), column)
                gradient = self.load_vector(self.number_at("dy", args["start"], offset), 0)
                output = self.load_vector(self.number_at("y", args["start"], offset), 0)
                passes = builder.or_(all_pass, builder.fcmp_ordered(">", output, zero))
                masked = builder.select(passes, gradient, zero)
                builder.store(masked, self.vector_at(self.number_at("dx", offset), 0), align=self.itemsize)
                wide = masked if self.itemsize == 8 else builder.fpext(masked, doubles)
                builder.store(builder.fadd(builder.load(total), wide), total)
            builder.store(builder.load(total), sums_at, align=8)


mask_rows = make_intrinsic(_MaskRows)
