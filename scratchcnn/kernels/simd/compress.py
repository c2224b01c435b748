"""Column-wise compression of the nonzero elements of a matrix.

The columns of a row-major matrix are not contiguous, and whether an element is zero is not predictable. So a square
block of rows and columns is transposed in registers (`transpose`); then one register holds elements of one column, one
instruction compares them with zero, and one moves the nonzero ones together (AVX-512's compress). The whole register is
appended to the compressed column, and the next store overwrites what does not belong to it. Processors without that
instruction store element by element, in the same way. A NaN is nonzero.

Cost: about half a cycle per element, zero or not, with AVX-512.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils

from scratchcnn.kernels.runtime.copying import fill
from scratchcnn.kernels.runtime.jit import serial
from scratchcnn.kernels.runtime.processor import features
from scratchcnn.kernels.simd.transpose import transpose_rows
from scratchcnn.kernels.simd.vectors import INDEX, VECTOR_BYTES, Vectorized, make_intrinsic
from scratchcnn.operands import Array

_SHORT = ir.IntType(32)

COMPRESSES = all(features().get(flag) for flag in ("avx512f", "avx512vl"))


class CompressedColumns(NamedTuple):
    """The nonzero elements of each column of a matrix, from top to bottom; all arrays are one-dimensional.

    Attributes
    ----------
    values
        Nonzero element i of a column is values[column * size + i].
    indices : uint32
        An index for each value.
    counts : int64
        The number of nonzero elements in each column.
    size : int
        Room for each column: the number of rows, in whole vectors. There is room for whole vectors of columns, too.
    """

    values: Array
    indices: Array
    counts: Array
    size: int


@serial
def compress_columns(values, classes, rows, columns, class_count, compressed):
    """Compress a row-major matrix of rows * columns elements. The index of an element: row * class_count + its class.

    `values` and `classes` are one-dimensional, with room as if rows and columns were whole vectors.
    """
    numbers, indices, counts, size = compressed
    lanes = VECTOR_BYTES // values.itemsize
    fill(counts, 0, len(counts), 0)
    for column in range(0, columns, lanes):
        for row in range(0, rows, lanes):
            _compress_block(
                values, classes, row, rows - row, columns, column, class_count, numbers, indices, size, counts
            )


class _CompressBlock(Vectorized):
    """Emits the compression of one square block, of which only the first `left` rows belong to the matrix."""

    arguments = (
        "values", "classes", "row", "left", "columns", "column", "class_count", "numbers", "indices", "size", "counts",
    )  # fmt: skip

    def emit(self) -> None:
        """Transpose the block's elements and classes, and append the nonzero elements of each column."""
        builder, args, shorts = self.builder, self.args, ir.VectorType(_SHORT, self.lanes)
        lane = ir.Constant(shorts, list(range(self.lanes)))
        inside = builder.icmp_unsigned("<", lane, self.broadcast_short(args["left"]))
        rows = builder.add(self.broadcast_short(args["row"]), lane)
        first_indices = builder.mul(rows, self.broadcast_short(args["class_count"]))
        starts = [
            builder.add(builder.mul(builder.add(args["row"], INDEX(i)), args["columns"]), args["column"])
            for i in range(self.lanes)
        ]
        values = transpose_rows(builder, [self.load_vector(self.number_at("values", start), 0) for start in starts])
        classes = transpose_rows(builder, [self.load_classes(start) for start in starts])
        for j, (numbers, of_numbers) in enumerate(zip(values, classes, strict=True)):
            mask = builder.and_(builder.fcmp_unordered("!=", numbers, self.constant(0.0)), inside)
            column = builder.add(args["column"], INDEX(j))
            count_at = self.number_at("counts", column)
            count = builder.load(count_at)
            end = builder.add(builder.mul(column, args["size"]), count)
            self.store_compressed(numbers, mask, self.number_at("numbers", end))
            self.store_compressed(builder.add(first_indices, of_numbers), mask, self.number_at("indices", end))
            builder.store(builder.add(count, self.count(mask)), count_at)

    def load_classes(self, start: Any) -> Any:
        """The classes of one row of the block, as 32-bit integers."""
        at = self.number_at("classes", start)
        kind = ir.VectorType(at.type.pointee, self.lanes)
        found = self.builder.load(self.builder.bitcast(at, kind.as_pointer()), align=1)
        return self.builder.zext(found, ir.VectorType(_SHORT, self.lanes))

    def broadcast_short(self, number: Any) -> Any:
        """A vector with the lower 32 bits of an integer in every lane."""
        return self.broadcast(self.builder.trunc(number, _SHORT), ir.VectorType(_SHORT, self.lanes))

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
        for i in range(self.lanes):  # lanes outside the mask are stored, too, and overwritten: no branch to predict
            lane = _SHORT(i)
            builder.store(builder.extract_element(vector, lane), address)
            address = builder.gep(address, [builder.zext(builder.extract_element(mask, lane), INDEX)])

    def count(self, mask: Any) -> Any:
        """The number of lanes in the mask."""
        bits = self.builder.bitcast(mask, ir.IntType(self.lanes))
        return self.builder.ctpop(self.builder.zext(bits, INDEX))


_compress_block = make_intrinsic(_CompressBlock)
