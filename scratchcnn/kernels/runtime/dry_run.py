"""Dry runs: a computation is performed without computing, to learn which kernels it needs before any is compiled.

A computation, such as a training step, compiles each kernel when it is called first: one after the other, on one core.
So where the cache lacks a kernel, the computation is first performed as a dry run, in which kernels do not run, and
only the types that they are called with are recorded. Then several processes compile what was recorded (`processes`).
No list of kernels has to be maintained: a dry run calls what the computation calls. A kernel that it misses is
compiled when it is called.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np
from numba.core.registry import CPUDispatcher

from scratchcnn.kernels.runtime import processes
from scratchcnn.kernels.runtime.processes import Display, Needed, Types


class DryRun(NamedTuple):
    """A computation whose kernels are to be compiled together.

    perform
        Performs the computation, and keeps nothing of it: arrays that kernels should have filled contain anything.
    display
        Makes the display for so many kernels.
    """

    perform: Callable[[], None]
    display: Callable[[int], Display]


_current: ContextVar[DryRun | None] = ContextVar("dry_run", default=None)
_recorded: dict[int, Needed] = {}  # by thread, since other threads compute meanwhile
_lock = threading.Lock()


class Kernel(CPUDispatcher):
    """A compiled function that Python calls.

    While there is a dry run, its attribute `__call__` is `_call_or_record`. Otherwise it has none, since a method in
    Python would make every call a microsecond slower.
    """


def _call_or_record(kernel: Any, *arguments: Any) -> Any:
    if is_recording():
        return record(kernel, tuple(map(kernel.typeof_pyval, arguments)))
    return CPUDispatcher.__call__(kernel, *arguments)


@contextlib.contextmanager
def compiled_together(dry_run: DryRun) -> Iterator[None]:
    """Where the cache lacks a kernel of the computation inside, compile all that the dry run calls."""
    token = _current.set(dry_run)
    try:
        yield
    finally:
        _current.reset(token)


def compile_missing() -> None:
    """Compile in several processes all kernels that the current computation lacks, unless that was done before."""
    dry_run = _current.get()
    if dry_run is None or processes.count() == 1:
        return
    _current.set(None)
    needed = recorded(dry_run.perform)
    if len(needed) > 1:
        processes.compile_all(needed, dry_run.display)


def recorded(perform: Callable[[], None]) -> Needed:
    """Return the kernels that a dry run calls and that are neither loaded nor in the cache."""
    needed: Needed = {}
    # An error will be raised by the computation itself; arrays that contain anything may contain infinity.
    with _recording(needed), contextlib.suppress(Exception), np.errstate(all="ignore"):
        perform()
    return needed


@contextlib.contextmanager
def _recording(needed: Needed) -> Iterator[None]:
    """Let kernels record the calls of this thread instead of running."""
    with _lock:
        _recorded[threading.get_ident()] = needed
        Kernel.__call__ = _call_or_record  # type: ignore[assignment]
    try:
        yield
    finally:
        with _lock:
            del _recorded[threading.get_ident()]
            if not _recorded:
                del Kernel.__call__


def is_recording() -> bool:
    """Whether this thread performs a dry run, in which no kernel runs."""
    return bool(_recorded) and threading.get_ident() in _recorded


def record(kernel: Any, kinds: Types) -> None:
    """Note that the dry run calls a kernel with arguments of these types."""
    if kinds not in kernel.overloads and not kernel._cache.contains(kinds, kernel.targetctx):
        needed = _recorded[threading.get_ident()].setdefault(processes.name_of(kernel.py_func), [])
        if kinds not in needed:
            needed.append(kinds)
