"""The LLVM instructions of a parallel loop; `loops` explains them.

The arguments are stored where all threads find them. The threads call a function that loads the arguments, lends them
to the kernel (`lending`), and calls it for some of the indices.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.callconv import excinfo_ptr_t

from scratchcnn.kernels.runtime.jit import intrinsic
from scratchcnn.kernels.runtime.lending import without_owner

BLOCK = 2048  # elements that a thread computes at a time: few enough for the first-level cache

INDEX, FLAG = ir.IntType(64), ir.IntType(32)
POINTER, INDICES = ir.IntType(8).as_pointer(), INDEX.as_pointer()
BODY = ir.FunctionType(ir.VoidType(), [POINTER.as_pointer(), INDICES, INDICES, POINTER])
PARALLEL_FOR = ir.FunctionType(ir.VoidType(), [POINTER] * 5 + [INDEX] * 3)  # as Numba declares it
ARGUMENTS, ELEMENTS, ERROR, ERROR_INFO = range(4)  # what the threads share


@intrinsic  # type: ignore[untyped-decorator]
def for_each_job(typing_context: Any, kernel: Any, jobs: Any, alone: Any, arguments: Any) -> Any:
    """kernel(job, *arguments) for each job of range(jobs); `alone`: by this thread, otherwise by all threads."""
    kinds = (types.int64, *arguments)
    kernel.get_call_type(typing_context, kinds, {})

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        _, count, is_alone, packed = values
        _run(context, builder, kernel.dispatcher.overloads[kinds], _Loop(count, is_alone, packed))
        return context.get_dummy_value()

    return types.void(kernel, types.int64, types.boolean, arguments), emit


@intrinsic  # type: ignore[untyped-decorator]
def for_each_block(typing_context: Any, kernel: Any, size: Any, alone: Any, arguments: Any) -> Any:
    """kernel(first, last, *arguments) for each block of `size` elements: those from `first` to before `last`.

    The positions are unsigned: an index that might be negative, and then counts from the end, prevents vectorization.
    """
    kinds = (types.uint64, types.uint64, *arguments)
    kernel.get_call_type(typing_context, kinds, {})

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        _, elements, is_alone, packed = values
        count = builder.sdiv(builder.add(elements, INDEX(BLOCK - 1)), INDEX(BLOCK))
        _run(context, builder, kernel.dispatcher.overloads[kinds], _Loop(count, is_alone, packed, elements))
        return context.get_dummy_value()

    return types.void(kernel, types.int64, types.boolean, arguments), emit


class _Loop(NamedTuple):
    """LLVM values: the number of indices, whether one thread is to perform all, and the arguments of the kernel.

    With `elements`, each index stands for a block of these.
    """

    count: Any
    is_alone: Any
    arguments: Any
    elements: Any = None


def _run(context: Any, builder: Any, kernel: Any, loop: _Loop) -> None:
    """Emit the loop. If the kernel raises an error, the loop raises it at its end."""
    context.active_code_library.add_linking_library(kernel.library)
    elements = INDEX(0) if loop.elements is None else loop.elements
    shared = _stored(builder, loop.arguments, elements, FLAG(0), ir.Constant(excinfo_ptr_t, None))
    body = _body(context, builder.module, kernel, shared.type, loop.elements is not None)
    # The pool adds index * step to each base address: the first address is the index itself, the second is fixed.
    nothing = ir.Constant(POINTER, None)
    bases = _stored(builder, nothing, builder.bitcast(shared, POINTER))
    steps, counts = _stored(builder, INDEX(1), INDEX(0)), _stored(builder, loop.count)
    given = [_member(builder, each, 0) for each in (bases, counts, steps)]
    few = builder.icmp_signed("<=", loop.count, INDEX(1))
    with builder.if_else(builder.or_(loop.is_alone, few)) as (alone, by_all):
        with alone:
            builder.call(body, [*given, nothing])
        with by_all:
            kind = ir.FunctionType(INDEX, [])
            threads = builder.call(cgutils.get_or_insert_function(builder.module, kind, "get_num_threads"), [])
            parallel_for = cgutils.get_or_insert_function(builder.module, PARALLEL_FOR, "numba_parallel_for")
            pointers = [builder.bitcast(each, POINTER) for each in (body, *given)]
            builder.call(parallel_for, [*pointers, nothing, INDEX(0), INDEX(2), threads])
    error, info = (builder.load(_member(builder, shared, place)) for place in (ERROR, ERROR_INFO))
    status = context.call_conv._get_return_status(builder, error, info)
    with cgutils.if_unlikely(builder, status.is_error):
        context.call_conv.return_status_propagate(builder, status)


def _body(context: Any, module: ir.Module, kernel: Any, pointer: ir.PointerType, has_blocks: bool) -> ir.Function:
    """The function that threads call: it loads the arguments, and calls the kernel for some consecutive indices."""
    function = ir.Function(module, BODY, module.get_unique_name("body"))
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block())
    bases, counts, _, _ = function.args
    first = builder.ptrtoint(builder.load(bases), INDEX)
    shared = builder.bitcast(builder.load(builder.gep(bases, [INDEX(1)])), pointer)
    packed, elements = (builder.load(_member(builder, shared, place)) for place in (ARGUMENTS, ELEMENTS))
    kinds = kernel.signature.args
    arguments = [
        without_owner(context, builder, kind, builder.extract_value(packed, i))
        for i, kind in enumerate(kinds[2 if has_blocks else 1 :])
    ]
    called = context.declare_function(module, kernel.fndesc)
    with cgutils.for_range(builder, builder.load(counts)) as loop:
        index = [builder.add(first, loop.index)]
        if has_blocks:
            start = builder.mul(index[0], INDEX(BLOCK))
            end = builder.add(start, INDEX(BLOCK))
            index = [start, builder.select(builder.icmp_signed("<", end, elements), end, elements)]
        status, _ = context.call_conv.call_function(builder, called, types.none, kinds, [*index, *arguments])
        with cgutils.if_unlikely(builder, status.is_error):
            builder.store(status.code, _member(builder, shared, ERROR))
            builder.store(status.excinfoptr, _member(builder, shared, ERROR_INFO))
    builder.ret_void()
    return function


def _stored(builder: Any, *values: Any) -> Any:
    """Address of values that are stored one after the other."""
    room = cgutils.alloca_once(builder, ir.LiteralStructType([value.type for value in values]))
    for place, value in enumerate(values):
        builder.store(value, _member(builder, room, place))
    return room


def _member(builder: Any, address: Any, place: int) -> Any:
    return builder.gep(address, [FLAG(0), FLAG(place)])
