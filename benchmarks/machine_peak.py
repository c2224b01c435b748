"""Measure the limits of the machine: the peak rate of float32 multiply-adds and the memory bandwidth.

    peak        fused multiply-adds on operands in vector registers, with as many independent accumulators as the
                micro-kernel has, which is enough to hide the latency of the instruction
    bandwidth   the STREAM triad a = b + s * c on arrays far larger than the caches, counting two arrays read and one
                written (McCalpin 1995, "Memory bandwidth and machine balance")

Each limit is the best of several runs, since other activity on the machine can only lower the rate.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np
from llvmlite import ir
from numba import prange, types

from scratchcnn.kernels.gemm.micro_kernel import COLUMNS, ROWS
from scratchcnn.kernels.runtime.jit import OPTIONS, intrinsic
from scratchcnn.kernels.simd.vectors import VECTOR_BYTES, Vectorized

ACCUMULATORS = ROWS * COLUMNS
LANES = VECTOR_BYTES // 4
STEPS = 2_000_000  # a few milliseconds: long for the clock, yet short enough for undisturbed runs
TRIAD_BYTES = 128 << 20  # of each of the three arrays

_index = ir.IntType(64)


class Limits(NamedTuple):
    """Peak FLOP/s (float32, all threads in use) and memory bandwidth in bytes per second."""

    flops: float
    bandwidth: float

    def roof(self, intensity: float) -> float:
        """Return the attainable FLOP/s at an arithmetic intensity (Williams, Waterman & Patterson 2009, "Roofline")."""
        return min(self.flops, self.bandwidth * intensity)


def measure_limits(threads: int, steps: int = STEPS, triad_bytes: int = TRIAD_BYTES, runs: int = 12) -> Limits:
    """Measure both limits with the number of threads that Numba uses."""
    numbers = np.full((threads, ACCUMULATORS * LANES), 0.5, np.float32)
    flops = 2 * ACCUMULATORS * LANES * steps * threads
    a, b, c = (np.ones(triad_bytes // 4, np.float32) for _ in range(3))
    return Limits(
        flops / _shortest(lambda: _multiply_add_on_all_threads(numbers, steps), runs),
        3 * a.nbytes / _shortest(lambda: _triad(a, b, c, np.float32(0.5)), runs),
    )


def _shortest(run: Callable[[], object], runs: int) -> float:
    run()  # compiles
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


@intrinsic
def _multiply_add(typing_context: Any, numbers: Any, steps: Any) -> Any:
    """Replace every element x of ACCUMULATORS vectors by x * x0 + x0, `steps` times; x0 is the first element."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        words = Vectorized(context, builder, {"numbers": signature.args[0]}, {"numbers": values[0]})
        start = words.number_at("numbers")
        factor = words.broadcast(builder.load(start))
        sums = [words.load_vector(start, v) for v in range(ACCUMULATORS)]
        before, loop, after = builder.block, builder.append_basic_block("step"), builder.append_basic_block("end")
        builder.branch(loop)
        builder.position_at_end(loop)
        step, phis = builder.phi(_index), [builder.phi(words.vector) for _ in sums]
        following = [builder.add(step, _index(1)), *(words.multiply_add(phi, factor, factor) for phi in phis)]
        for phi, first, new in zip([step, *phis], [_index(0), *sums], following, strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(new, loop)
        builder.cbranch(builder.icmp_signed("<", following[0], values[1]), loop, after)
        builder.position_at_end(after)
        for v, value in enumerate(following[1:]):
            builder.store(value, words.vector_at(start, v), align=words.itemsize)
        return context.get_dummy_value()

    return types.void(numbers, types.int64), emit


# Compiled in every run: the cache of compiled kernels covers only files of the package.
@numba.njit(parallel=True, **OPTIONS)
def _multiply_add_on_all_threads(numbers: Any, steps: Any) -> None:
    for thread in prange(len(numbers)):
        _multiply_add(numbers[thread], steps)


@numba.njit(parallel=True, **OPTIONS)
def _triad(a: Any, b: Any, c: Any, factor: Any) -> None:
    for i in prange(a.size):
        a[i] = b[i] + factor * c[i]
