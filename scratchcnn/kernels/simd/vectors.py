"""Vector instructions for Numba: the vocabulary in which the hot loops are written.

Numba compiles scalar loops and leaves vectorization to LLVM. The innermost loops here control which value stays in
which register, so they are emitted as LLVM instructions, through `numba.extending.intrinsic`.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Any, ClassVar

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from scratchcnn.kernels.runtime.jit import intrinsic
from scratchcnn.kernels.runtime.processor import vectors

VECTOR_BYTES = vectors().bits // 8
INDEX = ir.IntType(64)


class Vectorized:
    """Emits LLVM instructions on vectors into a function compiled by Numba.

    A subclass lists the names of its intrinsic's arguments and emits the code in `emit`; `make_intrinsic` makes the
    intrinsic of it.

    Parameters
    ----------
    context, builder
        As Numba passes them to an intrinsic.
    kinds, values : dict
        The intrinsic's arguments by name, as Numba types and as LLVM values; all floating arrays have the same dtype.
    lanes : int, optional
        Elements in a vector; default as many as a register holds.
    """

    arguments: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, context: Any, builder: Any, kinds: dict[str, Any], values: dict[str, Any], lanes: int | None = None
    ) -> None:
        self.context, self.kinds = context, kinds
        self.builder, self.args = builder, values
        arrays = {name: kind for name, kind in kinds.items() if isinstance(kind, types.Array)}
        number = next(kind.dtype for kind in arrays.values() if isinstance(kind.dtype, types.Float))
        self.number = context.get_value_type(number)
        self.itemsize = np.dtype(number.name).itemsize
        self.lanes = lanes or VECTOR_BYTES // self.itemsize
        self.vector = ir.VectorType(self.number, self.lanes)
        structures = {name: context.make_array(kind)(context, builder, values[name]) for name, kind in arrays.items()}
        self.data = {name: structure.data for name, structure in structures.items()}
        self.sizes = {name: structure.nitems for name, structure in structures.items()}

    def emit(self, *options: Any) -> None:
        """Emit the code of the intrinsic."""
        raise NotImplementedError

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """a * b + c, fused where the processor can (llvm.fma would become a slow call where it cannot)."""
        name = f"llvm.fmuladd.v{self.lanes}f{8 * self.itemsize}"
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), [a, b, c])

    def number_at(self, array: str, *offsets: Any) -> Any:
        """Address of the element of an array, given by name, at the sum of the offsets."""
        address = self.data[array]
        for offset in offsets:
            address = self.builder.gep(address, [offset])
        return address

    def vector_at(self, address: Any, v: int) -> Any:
        """Address of the vector `v`, counted from the address of an element."""
        return self.builder.bitcast(self.builder.gep(address, [INDEX(v * self.lanes)]), self.vector.as_pointer())

    def load_vector(self, address: Any, v: int) -> Any:
        """The vector `v`, counted from the address of an element."""
        return self.builder.load(self.vector_at(address, v), align=self.itemsize)

    def broadcast(self, number: Any, vector: ir.VectorType | None = None) -> Any:
        """A vector, of the arrays' elements or of the given type, with the same number in every lane."""
        undefined = ir.Constant(vector or self.vector, ir.Undefined)
        first_lane = self.builder.insert_element(undefined, number, ir.IntType(32)(0))
        all_lanes = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(first_lane, undefined, all_lanes)

    def constant(self, number: float) -> Any:
        """A vector with the same constant in every lane."""
        return ir.Constant(self.vector, [float(number)] * self.lanes)

    def wins(self, new: Any, old: Any) -> Any:
        """Where `new` is larger than the largest so far, or the first NaN: the mask of max-pooling."""
        larger_or_nan = self.builder.fcmp_unordered(">", new, old)
        return self.builder.and_(larger_or_nan, self.builder.fcmp_ordered("ord", old, old))


class ByColumns(Vectorized):
    """Emits a loop over columns twice: for whole vectors of them, and one by one for those that remain.

    A subclass has an argument `columns`, and emits in `emit_columns` the columns from `first` to before `last`.
    """

    def emit_columns(self, first: Any, last: Any) -> None:
        """Emit a loop over some columns, as many at a time as there are lanes."""
        raise NotImplementedError

    def emit(self) -> None:
        """Emit both loops."""
        columns = self.args["columns"]
        whole = self.builder.sub(columns, self.builder.srem(columns, INDEX(self.lanes)))
        self.emit_columns(INDEX(0), whole)
        type(self)(self.context, self.builder, self.kinds, self.args, lanes=1).emit_columns(whole, columns)


def make_intrinsic(emitter: type[Vectorized], *options: Any) -> Any:
    """Make the intrinsic whose arguments are `emitter.arguments` and whose code is emitted by `emitter.emit(*options)`.

    Arrays and floating-point numbers keep their types; every other argument becomes an int64. It returns nothing.
    """

    def define(typing_context: Any, *kinds: Any) -> tuple[Any, Callable[..., Any]]:
        kept = (types.Array, types.Float)
        signature = types.void(*(kind if isinstance(kind, kept) else types.int64 for kind in kinds))

        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            named_kinds, named_values = (
                dict(zip(emitter.arguments, each, strict=True)) for each in (signature.args, values)
            )
            emitter(context, builder, named_kinds, named_values).emit(*options)
            return context.get_dummy_value()

        return signature, emit

    names = ("typing_context", *emitter.arguments)  # Numba passes arguments by the names of the signature
    define.__signature__ = Signature([Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in names])  # type: ignore[attr-defined]
    define.__name__ = define.__qualname__ = emitter.__name__
    return intrinsic(define)
