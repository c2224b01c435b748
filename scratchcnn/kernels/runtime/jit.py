"""How Numba compiles the kernels: flags, threads and what Python calls. All of it is decided here.

Flags. `contract` allows a * b + c to become one fused instruction, `reassoc` allows a sum to be split over the lanes of
a vector register. Both only change rounding errors. The flags that assume NaN and infinity away (`nnan`, `ninf`, and
therefore `fastmath=True`) are never used.

Threads. Numba has one thread pool, by default that of OpenMP. Between two parallel loops OpenMP lets its threads spin.
On a machine with other work, a spinning thread occupies the core that a working one waits for, and a training step
becomes ten times slower. If the threads slept at once, every loop would begin by waking them, which costs a millisecond
per step. So the pool is loaded such that its threads spin for some ten microseconds, about as long as Python needs from
one kernel to the next, and then sleep, unless the user's environment sets something else.

Dry runs. Every kernel is registered under a name and can record its calls (`dry_run`), so that several processes can
compile what a computation is going to need.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar, cast

import numba
import numba.extending
import numpy as np
from numba import types
from numba.core import sigutils
from numba.core.registry import CPUDispatcher

from scratchcnn.kernels.runtime import dry_run, inlined, processes
from scratchcnn.kernels.runtime.cache import Cache, NoCache

Function = TypeVar("Function", bound=Callable[..., Any])

COMPILES = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]
OPTIONS: dict[str, Any] = {"fastmath": {"contract", "reassoc"}, "error_model": "numpy"}
PYTHON, C = {"no_cfunc_wrapper": True}, {"no_cpython_wrapper": True}
NONE = PYTHON | C  # neither Python nor C calls the function
ENTRY_POINTS = {"from_python": PYTHON, "c_code": C}
WAITING = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "2000"}
MANY = 131_072  # elements of an array from which on waking the other threads pays off ...
MANY_PRODUCTS = 4_000_000  # ... and multiply-adds of a matrix product
MOST_GROUPS = 16  # partial sums of a gradient: enough for 16 threads, few enough for the cache ...
MOST_GROUP_BYTES = 1 << 23  # ... and where a single sum is large, fewer


intrinsic: Any = numba.extending.intrinsic  # untyped, since its stub counts the typing context among the arguments


def _load_threads_that_sleep() -> None:
    """Load OpenMP's thread pool with settings that it reads once, and restore the environment."""
    if WAITING.keys() & os.environ.keys():
        return
    os.environ.update(WAITING)
    try:
        importlib.import_module("numba.np.ufunc.omppool")
    except ImportError:  # Numba then uses its own pool, whose threads sleep
        pass
    finally:
        for name in WAITING:
            del os.environ[name]


_load_threads_that_sleep()


def group_count(images: int, sum_bytes: int) -> int:
    """The number of groups of images, each summed by one thread, for the partial sums of a gradient.

    It depends only on the shapes, so that sums are taken in the same order for any number of threads. A power of two
    gives each of two, four or eight threads the same work.
    """
    fitting = max(2, MOST_GROUP_BYTES // max(1, sum_bytes))
    return min(images, MOST_GROUPS, 1 << (fitting.bit_length() - 1))


def serial(function: Function) -> Function:
    """Compile `function` for one thread, for use in other kernels.

    Called from Python, or by its address, it is compiled once more, with an entry point. (Each entry point takes longer
    to compile than a short function, and most functions need none.)
    """
    dispatcher = part_of_callers(function, inlined.Compiler)
    if COMPILES:
        dispatcher.__class__ = _WithoutEntryPoint
        for variant in ENTRY_POINTS:
            name = processes.name_of(_renamed(function, variant))
            processes.kernels[name] = functools.partial(dispatcher.with_entry_point, variant)
    return cast(Function, dispatcher)


def part_of_callers(function: Any, compiler: type[inlined.Compiler]) -> Any:
    """Compile `function` for use in other kernels only."""
    return numba.njit(nogil=True, pipeline_class=compiler, **OPTIONS | NONE)(function)


class _WithoutEntryPoint(CPUDispatcher):
    """A compiled function that only kernels can call, and that is compiled again for other callers."""

    def with_entry_point(self, variant: str) -> Any:
        """Return the function to be compiled with one of the entry points."""
        variants = self.__dict__.setdefault("_variants", {})
        if variant not in variants:
            variants[variant] = compile_kernel(_renamed(self.py_func, variant), parallel=False, **ENTRY_POINTS[variant])
        return variants[variant]

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Select the compiled version for a call; it does not depend on which arguments are constants."""
        constants = {name: types.unliteral(kind) for name, kind in kws.items()}
        return super().get_call_template(tuple(map(types.unliteral, args)), constants)

    def __call__(self, *arguments: Any) -> Any:
        return self.with_entry_point("from_python")(*arguments)


def arithmetic(function: Function) -> Function:
    """Compile `function` for use in other kernels, for one thread; Python calls it as it is.

    For functions of a few integers, of which a compiled one would be slower from Python.
    """
    dispatcher: Any = serial(function)
    if COMPILES:
        dispatcher.__class__ = _Interpreted
    return cast(Function, dispatcher)


class _Interpreted(_WithoutEntryPoint):
    """A compiled function that only kernels call."""

    def __call__(self, *arguments: Any) -> Any:
        return self.py_func(*arguments)


def _renamed(function: Any, suffix: str) -> Any:
    """A copy of a function with a name of its own in the cache."""
    copied = FunctionType(function.__code__, function.__globals__, function.__name__)
    copied.__qualname__ = f"{function.__qualname__}_{suffix}"
    return copied


def parallel(function: Function) -> Function:
    """Compile `function`; its `prange` loops are distributed over Numba's thread pool."""
    return compile_kernel(function, parallel=True)


def parallel_if_large(function: Function) -> Function:
    """Compile `function` twice, for all threads and for one; all are used for an array of at least `MANY` elements.

    Waking a thread takes 5 to 25 microseconds, in which one thread applies a ReLU to 100,000 elements, and a model has
    many small arrays. `for_product` chooses for a matrix product, whose work the sizes of its arrays do not show.
    """
    many, one = parallel(function), compile_kernel(_renamed(function, "alone"), parallel=False)

    @functools.wraps(function)
    def choose(*arguments: Any) -> Any:
        return one(*arguments) if are_small(arguments) else many(*arguments)

    choose.many, choose.one = many, one  # type: ignore[attr-defined]
    return cast(Function, choose)


def are_small(arguments: tuple[Any, ...]) -> bool:
    """Whether one thread computes these arguments as fast as all threads, since no array has `MANY` elements."""
    for argument in arguments:  # noqa: SIM110 - a generator would take a microsecond
        if type(argument) is np.ndarray and argument.size >= MANY:
            return False
    return True


def for_product(kernel: Any, multiply_adds: int) -> Any:
    """The version of a kernel, of all threads or of one, that is faster for so many multiply-adds."""
    return kernel.many if multiply_adds >= MANY_PRODUCTS else kernel.one


def address(kernel: Any, signature: Any) -> int:
    """Address of a serial kernel's machine code for one signature of numbers and pointers, for calls as those of C.

    A kernel called by another kernel is compiled into the caller again. One that is called by its address is not, which
    for a large one saves seconds in every caller. During a dry run, the address of what is not compiled yet is 0.
    """
    kinds, _ = sigutils.normalize_signature(signature)
    compiled = _compiled(kernel.with_entry_point("c_code"), kinds)
    if compiled is None:
        return 0
    return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name))


def _compiled(kernel: Any, kinds: tuple[Any, ...]) -> Any:
    """The compiled kernel for these types; None during a dry run, unless there is one."""
    if dry_run.is_recording():
        dry_run.record(kernel, kinds)
    else:
        kernel.compile(kinds)
    return kernel.overloads.get(kinds)


def cached(function: Function) -> Function:
    """functools.cache, for functions whose result contains an address: what a dry run returns is not remembered."""
    remembered: Any = functools.cache(function)

    @functools.wraps(function)
    def look_up(*arguments: Any) -> Any:
        return function(*arguments) if dry_run.is_recording() else remembered(*arguments)

    return cast(Function, look_up)


def compile_kernel(function: Any, parallel: bool, **entry_point: bool) -> Any:
    """Compile `function` with an entry point, by default that of Python; compiled code is kept in the cache."""
    dispatcher: Any = numba.njit(parallel=parallel, nogil=True, **OPTIONS | (entry_point or PYTHON))(function)
    if COMPILES:
        dispatcher.__class__ = dry_run.Kernel
        processes.kernels[processes.name_of(function)] = lambda: dispatcher
    try:
        dispatcher._cache = Cache(function)
    except (RuntimeError, OSError):  # no writable folder: every process compiles
        dispatcher._cache = NoCache()
    return dispatcher
