"""Strided copies of rows, a vector register at a time: some channels of every pixel, cut from an image or put back.

    target[r * target_stride + n]  =  source[r * source_stride + n]        n below `columns`

A source_stride of 0 repeats one row. The masked copy also backpropagates through the ReLU whose output the mask is: it
writes zero where `mask`, at the same offsets as the target, is not positive. The mask may be the target itself.
(Numba's own loops over rows as short as one or two registers take several times as long.)
"""

from __future__ import annotations

from typing import Any, ClassVar

from numba.core import cgutils

from scratchcnn.kernels.simd.vectors import INDEX, ByColumns, make_intrinsic


class _CopyRows(ByColumns):
    """Emits the copy of `rows` rows of `columns` elements; both arrays are one-dimensional."""

    arguments: ClassVar[tuple[str, ...]] = (
        "source", "source_start", "source_stride", "target", "target_start", "target_stride", "rows", "columns",
    )  # fmt: skip

    def emit_columns(self, first: Any, last: Any) -> None:
        """Copy the columns from `first` to before `last`, as many at a time as there are lanes."""
        builder, args = self.builder, self.args
        with (
            cgutils.for_range_slice(builder, first, last, INDEX(self.lanes), INDEX) as (column, _),
            cgutils.for_range(builder, args["rows"]) as row,
        ):
            source, target = (
                (args[f"{name}_start"], builder.mul(row.index, args[f"{name}_stride"]), column)
                for name in ("source", "target")
            )
            values = self.load_vector(self.number_at("source", *source), 0)
            if "mask" in args:
                mask = self.load_vector(self.number_at("mask", *target), 0)
                is_positive = builder.fcmp_ordered(">", mask, self.constant(0.0))
                values = builder.select(is_positive, values, self.constant(0.0))
            builder.store(values, self.vector_at(self.number_at("target", *target), 0), align=self.itemsize)


class _CopyMaskedRows(_CopyRows):
    """Emits the copy with zero where the mask is not positive."""

    arguments = (*_CopyRows.arguments, "mask")


copy_rows = make_intrinsic(_CopyRows)
copy_masked_rows = make_intrinsic(_CopyMaskedRows)
