"""How Numba compiles the kernels: flags, threads and the cache on disk. All of it is decided here.

Flags. `contract` allows a * b + c to become one fused instruction, `reassoc` allows a sum to be split over the lanes of
a vector register. Both only change rounding errors. The flags that assume NaN and infinity away (`nnan`, `ninf`, and
therefore `fastmath=True`) are never used.

Threads. Numba has one thread pool, by default that of OpenMP. Between two parallel loops OpenMP lets its threads spin.
On a machine with other work, a spinning thread occupies the core that a working one waits for, and a training step
becomes ten times slower. If the threads slept at once, every loop would begin by waking them, which costs a millisecond
per step. So the pool is loaded such that its threads spin for some ten microseconds, about as long as Python needs from
one kernel to the next, and then sleep, unless the user's environment sets something else.

Cache. Compiled kernels are kept in the user's cache folder, so that only the first run compiles. Numba keys its own
cache by the file that contains the function. A kernel here also contains code from other files (such as the
micro-kernel), so the key is a hash over all of `kernels/`. Without a writable folder there is no cache.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar, cast

import numba
import numba.extending
import numpy as np
import platformdirs
from numba import types
from numba.core import caching, cgutils, sigutils
from numba.core.ccallback import CFunc
from numba.core.registry import CPUDispatcher

from scratchcnn.kernels.runtime import pool

Function = TypeVar("Function", bound=Callable[..., Any])

COMPILES = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]
OPTIONS: dict[str, Any] = {"fastmath": {"contract", "reassoc"}, "error_model": "numpy"}
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
    """Compile `function` for one thread.

    For use in other kernels; called from Python, it is compiled once more, with an entry point for Python. (Each entry
    point takes longer to compile than a short function, and most functions need none.)
    """
    dispatcher = _compile(function, parallel=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
    if COMPILES:
        dispatcher.__class__ = _WithoutEntryPoint
    return cast(Function, dispatcher)


class _WithoutEntryPoint(CPUDispatcher):
    """A compiled function that only kernels can call, and that compiles a callable one when Python calls it."""

    @functools.cached_property
    def _callable(self) -> Any:
        return _compile(_renamed(self.py_func, "from_python"), parallel=False)

    def __call__(self, *arguments: Any) -> Any:
        return self._callable(*arguments)


def _renamed(function: Any, suffix: str) -> Any:
    """A copy of a function with a name of its own in the cache."""
    copied = FunctionType(function.__code__, function.__globals__, function.__name__)
    copied.__qualname__ = f"{function.__qualname__}_{suffix}"
    return copied


def parallel(function: Function) -> Function:
    """Compile `function`; its `prange` loops are distributed over Numba's thread pool."""
    return _compile(function, parallel=True)


def parallel_if_large(function: Function) -> Function:
    """Compile `function` twice, for all threads and for one; all are used for an array of at least `MANY` elements.

    Waking a thread takes 5 to 25 microseconds, in which one thread applies a ReLU to 100,000 elements, and a model has
    many small arrays. `for_product` chooses for a matrix product, whose work the sizes of its arrays do not show.
    """
    many, one = parallel(function), _compile(_renamed(function, "alone"), parallel=False)

    @functools.wraps(function)
    def choose(*arguments: Any) -> Any:
        for argument in arguments:
            if type(argument) is np.ndarray and argument.size >= MANY:
                return many(*arguments)
        return one(*arguments)

    choose.many, choose.one = many, one  # type: ignore[attr-defined]
    return cast(Function, choose)


def for_product(kernel: Any, multiply_adds: int) -> Any:
    """The version of a kernel compiled by `parallel_if_large` that is faster for so many multiply-adds."""
    return kernel.many if multiply_adds >= MANY_PRODUCTS else kernel.one


def address(function: Callable[..., Any], signature: Any) -> int:
    """Compile `function` for one signature of numbers and pointers; return the address of its machine code.

    A kernel called by another kernel is compiled into the caller again. One that is called by its address is not, which
    for a large one saves seconds in every caller.
    """
    compiled: Any = CFunc(function, sigutils.normalize_signature(signature), {}, OPTIONS | {"nopython": True})
    with contextlib.suppress(RuntimeError, OSError):
        compiled._cache = _Cache(function)
    compiled.compile()
    _kept.append(compiled)
    return int(compiled.address)


def code_of(kernel: Any, dtype: np.dtype[Any], *arguments: Any) -> int:
    """Address of the machine code of a serial kernel, for `call`; compiled, or read from the cache, at the first call.

    The body of a parallel loop is compiled three times, with all that it calls. A body that is called by its address is
    compiled once, which for a large one saves seconds in the first run.

    Parameters
    ----------
    kernel
        Returns nothing.
    dtype
        Determines the types of the arguments: C-contiguous arrays of it (writable or not), integers, and tuples of
        these.
    *arguments
        Of these types; their values have no effect.
    """
    if (kernel, dtype) not in _codes:
        kinds = tuple(map(numba.typeof, arguments))
        kernel.compile(kinds)
        compiled = kernel.overloads[kinds]
        _codes[kernel, dtype] = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    return _codes[kernel, dtype]


_codes: dict[tuple[Any, np.dtype[Any]], int] = {}


@intrinsic  # type: ignore[untyped-decorator]
def call(typing_context: Any, code: Any, arguments: Any) -> Any:
    """Call the kernel at the address `code_of` returned with a tuple of arguments, from another kernel."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        convention, kinds = context.call_conv, tuple(arguments)
        kind = convention.get_function_type(types.none, kinds)
        function = builder.inttoptr(values[0], kind.as_pointer())
        parts = [builder.extract_value(values[1], i) for i in range(len(kinds))]
        status, _ = convention.call_function(builder, function, types.none, kinds, parts)
        with cgutils.if_unlikely(builder, status.is_error):
            convention.return_status_propagate(builder, status)
        return context.get_dummy_value()

    return types.void(code, arguments), emit


_kept: list[Any] = []  # machine code exists as long as the object that compiled it


def _compile(function: Any, parallel: bool, **options: Any) -> Any:
    dispatcher: Any = numba.njit(parallel=parallel, nogil=True, **OPTIONS | options)(function)
    try:
        dispatcher._cache = _Cache(function)
    except (RuntimeError, OSError):  # no writable folder: every process compiles
        dispatcher._cache = _NoCache()
    return dispatcher


@functools.cache
def _hash_of_kernels() -> bytes:
    """Hash of the source of every kernel: a change in one file may change the machine code of all."""
    sources = sorted(Path(__file__).parent.parent.rglob("*.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).digest()


@functools.cache
def _announce_compiling() -> None:
    """Print once, if a terminal is attached, why the call takes so long."""
    if sys.stderr.isatty():
        print("scratchcnn: compiling kernels for this processor; later runs load them from the cache", file=sys.stderr)


class _Folder(caching.UserWideCacheLocator):
    """The folder of the compiled kernels: below NUMBA_CACHE_DIR if that is set, else in the user's cache folder."""

    def __init__(self, function: Any, file: str) -> None:
        super().__init__(function, file)
        root = Path(getattr(numba.config, "CACHE_DIR", "") or platformdirs.user_cache_dir("scratchcnn"))
        self._cache_path = str(root / self.get_suitable_cache_subpath(file))

    def get_source_stamp(self) -> bytes:
        return _hash_of_kernels()


class _Files(caching.CompileResultCacheImpl):
    _locator_classes = [_Folder]  # noqa: RUF012 - as in the base class


class _Cache(caching.FunctionCache):
    """Numba's cache, except that a damaged file or a full disk causes a compilation instead of an error."""

    _impl_class = _Files

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Load the compiled kernel for these types; None if there is none."""
        pool.start()  # before a kernel is loaded or compiled, since its code refers to the pool
        try:
            found = super().load_overload(sig, target_context)
        except Exception:  # unpickling a damaged file may raise anything
            with contextlib.suppress(OSError):
                self.flush()
            found = None
        if found is None:
            _announce_compiling()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save a compiled kernel, if there is space."""
        try:
            super().save_overload(sig, data)
        except OSError:
            self.disable()


class _NoCache(caching.NullCache):
    """Every process compiles."""

    def load_overload(self, sig: Any, target_context: Any) -> None:
        """Return None: there is no compiled kernel."""
        pool.start()
