"""The numbers of each column of a matrix that are not zero, as a list for each column.

A column is not contiguous, and whether a number is zero cannot be foreseen. So a square block of rows and columns is
transposed in registers (`transpose`); then one register holds as many numbers of one column, one instruction compares
them with zero, and one moves those that are not zero together (AVX-512's compress). The whole register is stored
behind the column's list, and the next store overwrites what does not belong to it. Processors without that instruction
store number by number, in the same way. A NaN is not zero.

Cost: about half a cycle for each number, zero or not, with AVX-512.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from scratchcnn.kernels.runtime.copying import fill
from scratchcnn.kernels.runtime.jit import intrinsic, serial
from scratchcnn.kernels.runtime.processor import features
from scratchcnn.kernels.simd.transpose import transpose_rows
from scratchcnn.kernels.simd.vectors import VECTOR_BYTES, Vectorized

_index, _short = ir.IntType(64), ir.IntType(32)
_NAMES = (
    "values", "classes", "row", "left", "columns", "column", "class_count", "numbers", "indices", "list_size", "counts",
)  # fmt: skip

COMPRESSES = all(features().get(flag) for flag in ("avx512f", "avx512vl"))


@serial
def list_by_column(values, classes, rows, columns, class_count, numbers, indices, list_size, counts):
    """For each column, the numbers that are not zero, from above: numbers[column * list_size + i], i < counts[column].

    indices, beside numbers, uint32: row * class_count + the number's class.

    `values` and `classes` hold rows * columns numbers row after row, and `counts` one for each column. All arrays are
    one-dimensional, and have room as if rows and columns were whole vectors; list_size is that number of rows.
    """
    lanes = VECTOR_BYTES // values.itemsize
    fill(counts, 0, len(counts), 0)
    for column in range(0, columns, lanes):
        for row in range(0, rows, lanes):
            _list_block(
                values, classes, row, rows - row, columns, column, class_count, numbers, indices, list_size, counts
            )


@intrinsic
def _list_block(
    typing_context, values, classes, row, left, columns, column, class_count, numbers, indices, list_size, counts
):
    """The same for one square block, of which rows from `left` on do not count."""
    integer = types.int64
    signature = types.void(
        values, classes, integer, integer, integer, integer, integer, numbers, indices, integer, counts
    )

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        args = dict(zip(_NAMES, arguments, strict=True))
        _Block(context, builder, dict(zip(_NAMES, signature.args, strict=True)), args).emit(args)
        return context.get_dummy_value()

    return signature, emit


class _Block(Vectorized):
    """Writes the instructions into the function that calls it."""

    def emit(self, args: dict[str, Any]) -> None:
        """Transpose the block's numbers and classes, and append the numbers of each column to its list."""
        builder, shorts = self.builder, ir.VectorType(_short, self.lanes)
        lane = ir.Constant(shorts, list(range(self.lanes)))
        counted = builder.icmp_unsigned("<", lane, self.broadcast_short(args["left"]))
        rows = builder.add(self.broadcast_short(args["row"]), lane)
        first_indices = builder.mul(rows, self.broadcast_short(args["class_count"]))
        starts = [
            builder.add(builder.mul(builder.add(args["row"], _index(i)), args["columns"]), args["column"])
            for i in range(self.lanes)
        ]
        values = transpose_rows(builder, [self.load_vector(self.number_at("values", start), 0) for start in starts])
        classes = transpose_rows(builder, [self.load_classes(start) for start in starts])
        for j, (numbers, of_numbers) in enumerate(zip(values, classes, strict=True)):
            nonzero = builder.fcmp_unordered("!=", numbers, ir.Constant(self.vector, [0.0] * self.lanes))
            mask = builder.and_(nonzero, counted)
            column = builder.add(args["column"], _index(j))
            count_at = self.number_at("counts", column)
            count = builder.load(count_at)
            end = builder.add(builder.mul(column, args["list_size"]), count)
            self.store_compressed(numbers, mask, self.number_at("numbers", end))
            self.store_compressed(builder.add(first_indices, of_numbers), mask, self.number_at("indices", end))
            builder.store(builder.add(count, self.count(mask)), count_at)

    def load_classes(self, start: Any) -> Any:
        """The classes of one row of the block, as 32-bit integers."""
        at = self.number_at("classes", start)
        kind = ir.VectorType(at.type.pointee, self.lanes)
        found = self.builder.load(self.builder.bitcast(at, kind.as_pointer()), align=1)
        return self.builder.zext(found, ir.VectorType(_short, self.lanes))

    def broadcast_short(self, number: Any) -> Any:
        return self.broadcast(self.builder.trunc(number, _short), ir.VectorType(_short, self.lanes))

    def store_compressed(self, vector: Any, mask: Any, address: Any) -> None:
        """Store the lanes in the mask side by side, and anything behind them."""
        builder, kind = self.builder, vector.type
        if COMPRESSES:
            name = f"llvm.x86.avx512.mask.compress.v{self.lanes}{kind.element.intrinsic_name}"
            function = ir.FunctionType(kind, [kind, kind, mask.type])
            compress = cgutils.get_or_insert_function(builder.module, function, name)
            vector = builder.call(compress, [vector, ir.Constant(kind, ir.Undefined), mask])
            builder.store(vector, builder.bitcast(address, kind.as_pointer()), align=4)
            return
        for i in range(self.lanes):  # a lane out of the mask is stored too, and overwritten: no branch to foresee
            lane = _short(i)
            builder.store(builder.extract_element(vector, lane), address)
            address = builder.gep(address, [builder.zext(builder.extract_element(mask, lane), _index)])

    def count(self, mask: Any) -> Any:
        """How many lanes are in the mask."""
        bits = self.builder.bitcast(mask, ir.IntType(self.lanes))
        return self.builder.ctpop(self.builder.zext(bits, _index))
