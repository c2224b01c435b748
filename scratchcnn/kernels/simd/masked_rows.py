"""The gradient through a ReLU and the sum for the bias, for kernels that go on with the rows while they are cached.

    dx[r, f]  =  dy[r, f]  where y[r, f] > 0, else 0            sums[f]  +=  sum over r of dx[r, f]

One vector of columns at a time, all rows of it: so the sums stay in registers. (A loop over the columns of each row
would be too short for LLVM to make good vectors of it.)

Cost: one comparison and one addition a number. Numerics: sums run over the rows in order, in float64.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from scratchcnn.kernels.runtime.jit import intrinsic
from scratchcnn.kernels.simd.vectors import Vectorized

_index = ir.IntType(64)
_NAMES = ("dy", "y", "gates", "start", "rows", "columns", "dx", "sums")


@intrinsic
def gate_rows(typing_context, dy, y, gates, start, rows, columns, dx, sums):
    """For `rows` rows of `columns` numbers that lie one after the other: dy and y from `start`, dx from 0.

    `gates`: 0 lets all of dy through, 1 only where y > 0. `sums`: float64, one for each column. All one-dimensional.
    """
    integer = types.int64
    signature = types.void(dy, y, integer, integer, integer, integer, dx, sums)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kinds, args = dict(zip(_NAMES, signature.args, strict=True)), dict(zip(_NAMES, values, strict=True))
        code = _Gate(context, builder, kinds, args)
        whole = builder.sub(args["columns"], builder.srem(args["columns"], _index(code.lanes)))
        code.emit(args, _index(0), whole)
        _Gate(context, builder, kinds, args, lanes=1).emit(args, whole, args["columns"])
        return context.get_dummy_value()

    return signature, emit


class _Gate(Vectorized):
    """Writes the instructions into the function that calls it."""

    def emit(self, args: dict[str, Any], first: Any, last: Any) -> None:
        """The columns from `first` to before `last`, as many at a time as there are lanes."""
        builder, doubles = self.builder, ir.VectorType(ir.DoubleType(), self.lanes)
        all_pass = self.broadcast(builder.icmp_signed("==", args["gates"], _index(0)), _mask(self.lanes))
        zero = ir.Constant(self.vector, [0.0] * self.lanes)
        with cgutils.for_range_slice(builder, first, last, _index(self.lanes), _index) as (column, _):
            total = cgutils.alloca_once(builder, doubles)
            sums_at = builder.bitcast(self.number_at("sums", column), doubles.as_pointer())
            builder.store(builder.load(sums_at, align=8), total)
            with cgutils.for_range(builder, args["rows"]) as row:
                offset = builder.add(builder.mul(row.index, args["columns"]), column)
                gradient = self.load_vector(self.number_at("dy", args["start"], offset), 0)
                output = self.load_vector(self.number_at("y", args["start"], offset), 0)
                passes = builder.or_(all_pass, builder.fcmp_ordered(">", output, zero))
                gated = builder.select(passes, gradient, zero)
                builder.store(gated, self.vector_at(self.number_at("dx", offset), 0), align=self.itemsize)
                wide = gated if self.itemsize == 8 else builder.fpext(gated, doubles)
                builder.store(builder.fadd(builder.load(total), wide), total)
            builder.store(builder.load(total), sums_at, align=8)


def _mask(lanes: int) -> ir.VectorType:
    return ir.VectorType(ir.IntType(1), lanes)
