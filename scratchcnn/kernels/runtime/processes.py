"""Compiling kernels in several processes, which fill the cache.

Numba compiles on one core, since Python does. So this process starts others, each of which compiles one kernel after
the other, as this process does too, and stores them in the cache. They are new processes of Python (a fork would copy
the locks that other threads hold), and they import this package only, not the user's program.

What fails here costs nothing but time: a kernel that is missing afterwards is compiled when it is called.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numba

MOST = 8  # processes; a training step has a few dozen kernels
WORTH_A_CHILD = 4  # kernels; as long as compiling so many takes, starting a process does
CHILD = "import sys; sys.path[:] = {path!r}; from scratchcnn.kernels.runtime.processes import serve; serve()"

Types = tuple[Any, ...]  # Numba's types of the arguments
Needed = dict[str, list[Types]]  # name of a kernel -> the types to compile it for

kernels: dict[str, Callable[[], Any]] = {}  # name -> returns the kernel


class Display(Protocol):
    """Displays the progress of a compilation."""

    def step(self, values: dict[str, float]) -> None:
        """Count one more kernel; there are no values to display."""

    def close(self) -> None:
        """End the display."""


def name_of(function: Any) -> str:
    """Name by which every process finds a kernel in `kernels`."""
    return f"{function.__module__}:{function.__qualname__}"


def count() -> int:
    """The number of processes that compile: one for each thread of the kernels, if Python can be started again."""
    if getattr(sys, "frozen", False) or "python" not in Path(sys.executable or "").stem.lower():
        return 1
    return min(numba.config.NUMBA_NUM_THREADS, MOST)  # type: ignore[attr-defined]


@functools.cache
def announce() -> None:
    """Print once, if a terminal is attached, why the call takes so long."""
    if sys.stderr.isatty():
        print("scratchcnn: compiling kernels for this processor; later runs load them from the cache", file=sys.stderr)


def compile_all(needed: Needed, display: Callable[[int], Display]) -> None:
    """Compile kernels in this process and in others, the largest first."""
    jobs = deque(sorted(needed.items(), key=lambda job: _size(kernels[job[0]]()), reverse=True))
    children: list[subprocess.Popen[bytes]] = []
    if jobs:
        announce()
    shown = display(len(jobs))
    try:
        with contextlib.suppress(OSError):  # no memory or no permission for more processes
            while len(children) < min(count() - 1, len(needed) // WORTH_A_CHILD):
                children.append(_start())
        lock = threading.Lock()
        threads = [threading.Thread(target=_delegate, args=(child, jobs, shown, lock)) for child in children]
        for thread in threads:
            thread.start()
        while (job := _next(jobs)) is not None:
            _compile(*job)
            with lock:
                shown.step({})
        for thread in threads:
            thread.join()
    finally:  # after Ctrl-C, too
        jobs.clear()
        for child in children:
            child.kill()
            child.communicate()
        shown.close()


def serve() -> None:
    """Compile the kernels that arrive at the standard input: what a child process does until it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; the parent decides
    with contextlib.suppress(EOFError):
        while True:
            _compile(*pickle.load(sys.stdin.buffer))
            os.write(1, b"\n")


def _compile(name: str, kinds: list[Types]) -> None:
    with contextlib.suppress(Exception):  # a call of the kernel will raise it
        importlib.import_module(name.partition(":")[0])
        for each in kinds:
            kernels[name]().compile(each)


def _next(jobs: deque[tuple[str, list[Types]]]) -> tuple[str, list[Types]] | None:
    with contextlib.suppress(IndexError):
        return jobs.popleft()
    return None


def _start() -> subprocess.Popen[bytes]:
    environment = os.environ | {"NUMBA_NUM_THREADS": "1"}
    if folder := getattr(numba.config, "CACHE_DIR", ""):
        environment["NUMBA_CACHE_DIR"] = str(folder)
    return subprocess.Popen(
        [sys.executable, "-c", CHILD.format(path=sys.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )


def _delegate(child: subprocess.Popen[bytes], jobs: deque[Any], shown: Display, lock: threading.Lock) -> None:
    """Give one job after the other to a child, as long as it lives."""
    assert child.stdin is not None
    assert child.stdout is not None
    with contextlib.suppress(OSError, pickle.PicklingError):
        while (job := _next(jobs)) is not None:
            pickle.dump(job, child.stdin)
            child.stdin.flush()
            if not child.stdout.readline():
                return
            with lock:
                shown.step({})


def _size(kernel: Any) -> int:
    """Length of the code of a kernel and of all that it calls: a measure of the time that compiling it takes."""
    found, new = set(), {kernel.py_func}
    while new:
        found |= new
        named = [function.__globals__.get(name) for function in new for name in function.__code__.co_names]
        new = {each.py_func for each in named if hasattr(each, "py_func")} - found
    return sum(len(function.__code__.co_code) for function in found)
