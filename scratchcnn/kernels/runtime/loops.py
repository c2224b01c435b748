"""Parallel loops: a kernel is called for each index of a loop, and Numba's threads share the indices.

Numba's own parallel loops (`prange`) compile their body about three times, after an analysis that takes longer than all
other passes. Here the body is an ordinary kernel, which is compiled once, and around it are a few LLVM instructions.

Each job is one call of this kernel, and computes for itself what does not depend on the index; `prange` computes that
once for all jobs. Where a job is short, `prange` was measured to be 1.1 to 4 times as fast, and remains: in pooling,
padding, batch normalization, and the convolution written as loops (`conv2d.loops`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any

from scratchcnn.kernels.runtime import inlined
from scratchcnn.kernels.runtime.jit import are_small, compile_kernel, part_of_callers
from scratchcnn.kernels.runtime.loop_instructions import for_each_block, for_each_job


def parallel_jobs(function: Callable[..., Any]) -> Callable[..., None]:
    """Compile `function(job, *arguments)`; called with (jobs, *arguments), threads share the jobs of range(jobs)."""
    return _with_versions(function, always=True)


def parallel_jobs_if_large(function: Callable[..., Any]) -> Callable[..., None]:
    """As `parallel_jobs`, but one thread performs all jobs if the arrays are small, as for `parallel_if_large`."""
    return _with_versions(function, always=False)


def _with_versions(function: Callable[..., Any], always: bool) -> Callable[..., None]:
    loop = _loop_of(part_of_callers(function, inlined.Compiler), _all_jobs, function)

    def many(jobs: int, *arguments: Any) -> None:
        loop(jobs, False, arguments)

    def one(jobs: int, *arguments: Any) -> None:
        loop(jobs, True, arguments)

    @functools.wraps(function)
    def choose(jobs: int, *arguments: Any) -> None:
        loop(jobs, not always and are_small(arguments), arguments)

    choose.many, choose.one = many, one  # type: ignore[attr-defined]
    return choose


def parallel_elements(function: Callable[..., Any]) -> Callable[..., None]:
    """Compile `function(first, last, *arguments)`; called with (size, *arguments), threads share the elements.

    A call computes the elements from `first` to before `last`. The arrays must not overlap. As for `parallel_if_large`,
    one thread computes small arrays.
    """
    loop = _loop_of(part_of_callers(function, inlined.CompilerOfLoops), _all_elements, function)

    @functools.wraps(function)
    def run(size: int, *arguments: Any) -> None:
        loop(size, are_small(arguments), arguments)

    return run


def _all_jobs(jobs, alone, arguments):
    for_each_job(_kernel, jobs, alone, arguments)


def _all_elements(size, alone, arguments):
    for_each_block(_kernel, size, alone, arguments)


_kernel: Any = None  # in each compiled copy of these loops, this name stands for a kernel


def _loop_of(kernel: Any, template: Any, function: Any) -> Any:
    """Compile a copy of a template for a kernel, under the name and the place of its function."""
    place = {"co_filename": function.__code__.co_filename, "co_firstlineno": function.__code__.co_firstlineno}
    names = globals() | {"__name__": function.__module__, "_kernel": kernel}
    loop = FunctionType(template.__code__.replace(**place), names, function.__name__)
    loop.__qualname__ = f"{function.__qualname__}_loop"
    return compile_kernel(loop, parallel=False)
