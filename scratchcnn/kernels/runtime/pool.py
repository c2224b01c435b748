"""Numba's thread pool, made usable by forked processes and by several Python threads at once.

A compiled parallel loop calls the function `numba_parallel_for` of the pool, which distributes the iterations over its
threads. Two situations end the process there, with a signal instead of an error:

- The process was forked from one that had started the pool. A fork copies only the thread that forks, so the other
  threads of the pool do not exist in the child.
- Two Python threads call the pool of the layer 'workqueue' at once (the layer of systems without OpenMP).

The function below replaces it. It performs all iterations in the calling thread in these situations, and otherwise
calls the pool. Results do not change: they are the same bits for any number of threads.
"""

from __future__ import annotations

import ctypes
import functools
import os

from llvmlite import binding, ir
from numba.np.ufunc import parallel

NAME = "numba_parallel_for"
ALONE = "alone"  # 1 in a forked child
BUSY = "busy"  # 1 while a thread uses a pool that accepts one at a time


@functools.cache
def start() -> None:
    """Start Numba's thread pool, and replace its function in all kernels that are loaded from now on."""
    parallel._launch_threads()
    pool, one_at_a_time = binding.address_of_symbol(NAME), parallel.threading_layer() == "workqueue"
    engine = _machine_code(_parallel_for(pool, one_at_a_time))
    alone = ctypes.c_int32.from_address(engine.get_global_value_address(ALONE))
    binding.add_symbol(NAME, engine.get_function_address(NAME))
    _kept.append(engine)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: setattr(alone, "value", 1))


_kept: list[binding.ExecutionEngine] = []  # machine code exists as long as the engine that compiled it


def _parallel_for(pool: int, one_at_a_time: bool) -> ir.Module:
    """The function in LLVM IR.

    Its arguments are those of Numba's: the body of the loop and its arguments, (arrays, dimensions, steps, data), where
    the first dimension is the number of iterations; then two sizes and the number of threads. A call of the body
    performs as many iterations as its first dimension states.
    """
    size, flag, pointer = ir.IntType(64), ir.IntType(32), ir.IntType(8).as_pointer()
    body_type = ir.FunctionType(ir.VoidType(), [pointer] * 4)
    pool_type = ir.FunctionType(ir.VoidType(), [pointer] * 5 + [size, size, flag])
    module = ir.Module(NAME)
    module.triple = binding.get_process_triple()
    alone, busy = (ir.GlobalVariable(module, flag, name) for name in (ALONE, BUSY))
    alone.initializer = busy.initializer = flag(0)
    function = ir.Function(module, pool_type, NAME)
    builder = ir.IRBuilder(function.append_basic_block())

    def perform_alone() -> None:
        body = builder.bitcast(function.args[0], body_type.as_pointer())
        builder.call(body, function.args[1:5])
        builder.ret_void()

    def is_set(value: ir.Value) -> ir.Value:
        return builder.icmp_unsigned("!=", value, flag(0))

    with builder.if_then(is_set(builder.load(alone))):
        perform_alone()
    if one_at_a_time:
        was_busy = builder.atomic_rmw("xchg", busy, flag(1), "seq_cst")
        with builder.if_then(is_set(was_busy)):
            perform_alone()
    builder.call(builder.inttoptr(size(pool), pool_type.as_pointer()), function.args)
    if one_at_a_time:
        builder.atomic_rmw("xchg", busy, flag(0), "seq_cst")
    builder.ret_void()
    return module


def _machine_code(module: ir.Module) -> binding.ExecutionEngine:
    parsed = binding.parse_assembly(str(module))
    parsed.verify()
    target = binding.Target.from_triple(module.triple).create_target_machine(jit=True)
    engine = binding.create_mcjit_compiler(parsed, target)
    engine.finalize_object()
    return engine
