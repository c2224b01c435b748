"""Vector instructions for Numba: the words that the hot loops are written in.

Numba compiles loops over numbers and leaves it to LLVM to find vectors in them. The innermost loops here decide
themselves what stays in which register, so they are written as LLVM instructions, through `numba.extending.intrinsic`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from scratchcnn.kernels.runtime.processor import vectors

VECTOR_BYTES = vectors().bits // 8


class Vectorized:
    """Writes LLVM instructions on vectors into a function for Numba: the words that a hot loop is written in.

    Parameters
    ----------
    context, builder
        As Numba hands them to an intrinsic.
    kinds, values : dict
        The intrinsic's arguments by name, as Numba types and as LLVM values; the arrays of one floating dtype.
    lanes : int, optional
        Numbers in a vector; default as many as a register holds.
    """

    def __init__(
        self, context: Any, builder: Any, kinds: dict[str, Any], values: dict[str, Any], lanes: int | None = None
    ) -> None:
        self.builder = builder
        arrays = {name: kind for name, kind in kinds.items() if isinstance(kind, types.Array)}
        number = next(kind.dtype for kind in arrays.values() if isinstance(kind.dtype, types.Float))
        self.number = context.get_value_type(number)
        self.itemsize = np.dtype(number.name).itemsize
        self.lanes = lanes or VECTOR_BYTES // self.itemsize
        self.vector = ir.VectorType(self.number, self.lanes)
        self.data = {
            name: context.make_array(kind)(context, builder, values[name]).data for name, kind in arrays.items()
        }

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """a * b + c, fused where the processor can (llvm.fma would become a slow call where it cannot)."""
        name = f"llvm.fmuladd.v{self.lanes}f{8 * self.itemsize}"
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), [a, b, c])

    def number_at(self, array: str, *offsets: Any) -> Any:
        """Address of the number of an array, given by name, at the sum of the offsets."""
        address = self.data[array]
        for offset in offsets:
            address = self.builder.gep(address, [offset])
        return address

    def vector_at(self, address: Any, v: int) -> Any:
        """Address of the vector `v` from an address of numbers."""
        return self.builder.bitcast(
            self.builder.gep(address, [ir.IntType(64)(v * self.lanes)]), self.vector.as_pointer()
        )

    def load_vector(self, address: Any, v: int) -> Any:
        """The vector `v` from an address of numbers."""
        return self.builder.load(self.vector_at(address, v), align=self.itemsize)

    def broadcast(self, number: Any, vector: ir.VectorType | None = None) -> Any:
        """A vector, of the arrays' numbers or of the type given, with the number in every lane."""
        undefined = ir.Constant(vector or self.vector, ir.Undefined)
        first_lane = self.builder.insert_element(undefined, number, ir.IntType(32)(0))
        all_lanes = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(first_lane, undefined, all_lanes)

    def wins(self, new: Any, old: Any) -> Any:
        """Where `new` is larger than the largest so far, or the first NaN: the mask of max-pooling."""
        larger_or_nan = self.builder.fcmp_unordered(">", new, old)
        return self.builder.and_(larger_or_nan, self.builder.fcmp_ordered("ord", old, old))
