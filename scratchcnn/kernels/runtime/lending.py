"""Calls of kernels that do not count references.

Numba counts the references to an array that a kernel allocated: each view of a part of it, such as a slice, adds one
and removes one, by an atomic instruction that waits for all stores before it. In an inner loop this is expensive: up to
a tenth of a convolution by Winograd. For an array without an owner there is nothing to count. So a kernel allocates its
memory in one function and lends it to another, which has the loops: lent arrays have no owner, and the caller keeps
them alive.
"""

from __future__ import annotations

from typing import Any

from numba import types

from scratchcnn.kernels.runtime.jit import intrinsic


@intrinsic  # type: ignore[untyped-decorator]
def lend(typing_context: Any, kernel: Any, arguments: Any) -> Any:
    """Call a serial kernel that returns nothing with a tuple of arguments, whose arrays it must not keep.

    The arguments are arrays, numbers, and tuples of these.
    """
    called = kernel.get_call_type(typing_context, tuple(arguments), {})

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        parts = (builder.extract_value(values[1], i) for i in range(len(called.args)))
        lent = [without_owner(context, builder, kind, part) for kind, part in zip(called.args, parts, strict=True)]
        context.get_function(kernel, called)(builder, lent)
        return context.get_dummy_value()

    return types.void(kernel, arguments), emit


def without_owner(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """The value, with no array in it that has an owner."""
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = context.get_constant_null(types.MemInfoPointer(kind.dtype))
        return array._getvalue()
    if isinstance(kind, (types.Tuple, types.UniTuple, types.NamedTuple, types.NamedUniTuple)):
        for i, part in enumerate(kind.types):
            lent = without_owner(context, builder, part, builder.extract_value(value, i))
            value = builder.insert_value(value, lent, i)
    return value
