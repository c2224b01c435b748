"""Copying rows of numbers that lie at one distance to where they lie at another, a vector register at a time.

    target[r * target_stride + n]  =  source[r * source_stride + n]        n below `columns`

So some channels of every pixel are cut out of an image, and put back; from a source_stride of 0 one row is repeated.
A gradient is put back through the ReLU that made the image: zero where `gate`, laid out as the target, is not positive.
The gate may be the target itself.
(Numba's own loops over rows as short as one or two registers cost several times as much.)
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from scratchcnn.kernels.runtime.jit import intrinsic
from scratchcnn.kernels.simd.vectors import Vectorized

_index = ir.IntType(64)
_NAMES = (
    "source", "source_start", "source_stride", "target", "target_start", "target_stride", "rows", "columns",
    "gate",
)  # fmt: skip


@intrinsic
def copy_rows(typing_context, source, source_start, source_stride, target, target_start, target_stride, rows, columns):
    """Copy `rows` rows of `columns` numbers, from source_start to target_start; both arrays one-dimensional."""
    integer = types.int64
    return types.void(source, integer, integer, target, integer, integer, integer, integer), _emit


@intrinsic
def copy_gated_rows(
    typing_context, source, source_start, source_stride, target, target_start, target_stride, rows, columns, gate
):
    """The same, with zero where the gate is not positive."""
    integer = types.int64
    return types.void(source, integer, integer, target, integer, integer, integer, integer, gate), _emit


def _emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    kinds, args = dict(zip(_NAMES, signature.args, strict=False)), dict(zip(_NAMES, values, strict=False))
    code = _Copy(context, builder, kinds, args)
    whole = builder.sub(args["columns"], builder.srem(args["columns"], _index(code.lanes)))
    code.emit(args, _index(0), whole)
    _Copy(context, builder, kinds, args, lanes=1).emit(args, whole, args["columns"])
    return context.get_dummy_value()


class _Copy(Vectorized):
    """Writes the instructions into the function that calls it."""

    def emit(self, args: dict[str, Any], first: Any, last: Any) -> None:
        """The columns from `first` to before `last`, as many at a time as there are lanes."""
        builder = self.builder
        with (
            cgutils.for_range_slice(builder, first, last, _index(self.lanes), _index) as (column, _),
            cgutils.for_range(builder, args["rows"]) as row,
        ):
            there, here = (
                (args[f"{name}_start"], builder.mul(row.index, args[f"{name}_stride"]), column)
                for name in ("source", "target")
            )
            numbers = self.load_vector(self.number_at("source", *there), 0)
            if "gate" in args:
                zero = ir.Constant(self.vector, [0.0] * self.lanes)
                gate = self.load_vector(self.number_at("gate", *here), 0)
                numbers = builder.select(builder.fcmp_ordered(">", gate, zero), numbers, zero)
            builder.store(numbers, self.vector_at(self.number_at("target", *here), 0), align=self.itemsize)
