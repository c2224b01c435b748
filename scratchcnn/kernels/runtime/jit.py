"""How Numba compiles the kernels: flags, threads and the cache on disk, decided here and nowhere else.

Flags. `contract` lets a * b + c become one fused instruction, `reassoc` lets a sum be split over the lanes of a vector
register. Both only move rounding errors. The flags that assume NaN and infinity away (`nnan`, `ninf`, and so
`fastmath=True`) are never used.

Threads. Numba has one pool of threads, by default OpenMP's. Between two parallel loops OpenMP lets its threads spin,
and on a machine where anything else runs, a spinning thread takes the core that a working one waits for: a training
step becomes ten times slower. If they slept at once, every loop would begin with waking them, which costs a millisecond
a step. So the pool is loaded such that its threads spin for some ten microseconds, about as long as Python needs from
one kernel to the next, and then sleep; unless the user's environment says otherwise.

Cache. Compiled kernels are kept in the user's cache folder, so that only the first run pays for compiling. Numba
keys its own cache by the file that a function stands in; a kernel here also contains code from the files below it
(the register tile), so the key is a hash over all of `kernels/`. Where no folder can be written, there is no cache.
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
import platformdirs
from numba.core import caching, sigutils
from numba.core.ccallback import CFunc

Function = TypeVar("Function", bound=Callable[..., Any])

OPTIONS: dict[str, Any] = {"fastmath": {"contract", "reassoc"}, "error_model": "numpy"}
WAITING = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "2000"}
MANY = 32_768  # numbers in an array for which it pays to wake the other threads
MOST_GROUPS = 16  # partial sums of a gradient: enough for 16 threads, few enough to stay in the cache ...
MOST_GROUP_BYTES = 1 << 23  # ... and where a single sum is large, fewer


intrinsic: Any = numba.extending.intrinsic  # untyped, since its stub counts the typing context among the arguments


def _load_threads_that_sleep() -> None:
    """Load OpenMP's pool with settings that it reads once, and leave the environment as it was."""
    if WAITING.keys() & os.environ.keys():
        return
    os.environ.update(WAITING)
    try:
        importlib.import_module("numba.np.ufunc.omppool")
    except ImportError:  # Numba then has a pool of its own, whose threads sleep
        pass
    finally:
        for name in WAITING:
            del os.environ[name]


_load_threads_that_sleep()


def group_count(images: int, sum_bytes: int) -> int:
    """In how many groups of images, each taken by one thread, the partial sums of a gradient are kept.

    It depends on nothing but the shapes, so that sums are taken in the same order for any number of threads.
    """
    return min(images, MOST_GROUPS, max(2, MOST_GROUP_BYTES // max(1, sum_bytes)))


def serial(function: Function) -> Function:
    """Compile `function` for one thread."""
    return _compile(function, parallel=False)


def parallel(function: Function) -> Function:
    """Compile `function`; its `prange` loops are shared out over Numba's one pool of threads."""
    return _compile(function, parallel=True)


def parallel_if_large(function: Function) -> Function:
    """Compile `function` twice, for all threads and for one; an array of `MANY` numbers or more calls for all.

    Waking a thread takes longer than a few thousand simple operations, and a model has many small arrays.
    """
    twin = FunctionType(function.__code__, function.__globals__, function.__name__)
    twin.__qualname__ = f"{function.__qualname__}_alone"  # its own name in the cache
    many, one = parallel(function), serial(twin)

    @functools.wraps(function)
    def choose(*arguments: Any) -> Any:
        for argument in arguments:
            if getattr(argument, "size", 0) >= MANY:
                return many(*arguments)
        return one(*arguments)

    choose.many, choose.one = many, one  # type: ignore[attr-defined]
    return cast(Function, choose)


def address(function: Callable[..., Any], signature: Any) -> int:
    """Compile `function` for one signature of plain numbers and pointers; return where its machine code begins.

    A kernel that another kernel calls is compiled anew into the caller. One that is called by its address is not, which
    for a large one saves seconds in every caller.
    """
    compiled: Any = CFunc(function, sigutils.normalize_signature(signature), {}, OPTIONS | {"nopython": True})
    with contextlib.suppress(RuntimeError, OSError):
        compiled._cache = _Cache(function)
    compiled.compile()
    _kept.append(compiled)
    return int(compiled.address)


_kept: list[Any] = []  # machine code lives as long as the object that made it


def _compile(function: Any, parallel: bool) -> Any:
    dispatcher: Any = numba.njit(parallel=parallel, nogil=True, **OPTIONS)(function)
    with contextlib.suppress(RuntimeError, OSError):  # no folder that can be written: compile anew in every process
        dispatcher._cache = _Cache(function)
    return dispatcher


@functools.cache
def _hash_of_kernels() -> bytes:
    """Hash of the source of every kernel: a change in one file may change the machine code of all."""
    sources = sorted(Path(__file__).parent.parent.rglob("*.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).digest()


@functools.cache
def _announce_compiling() -> None:
    """Tell a person at a terminal, once, what the wait is for."""
    if sys.stderr.isatty():
        print("scratchcnn: compiling kernels for this processor, once; they are kept for later runs", file=sys.stderr)


class _Folder(caching.UserWideCacheLocator):
    """The folder of the compiled kernels: below NUMBA_CACHE_DIR if that is set, else in the user's cache folder."""

    def __init__(self, function: Any, file: str) -> None:
        super().__init__(function, file)
        root = Path(getattr(numba.config, "CACHE_DIR", "") or platformdirs.user_cache_dir("scratchcnn"))
        self._cache_path = str(root / self.get_suitable_cache_subpath(file))

    def get_source_stamp(self) -> bytes:
        return _hash_of_kernels()


class _Files(caching.CompileResultCacheImpl):
    _locator_classes = [_Folder]  # noqa: RUF012 - the base class has it so


class _Cache(caching.FunctionCache):
    """Numba's cache, except that a damaged file or a full disk costs a compilation and never an error."""

    _impl_class = _Files

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled kernel for these types, or None."""
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
        """Keep a compiled kernel, if there is room."""
        try:
            super().save_overload(sig, data)
        except OSError:
            self.disable()
