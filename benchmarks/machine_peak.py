"""Measures what the machine can do at most: float32 multiply-adds, and bytes to and from memory.

    peak        multiply-adds on numbers that stay in the vector registers: as many sums side by side as the register
                tile has, which is enough to hide how long one takes
    bandwidth   STREAM's triad a = b + s * c over arrays far larger than the caches, with its count: two arrays read,
                one written (McCalpin 1995, "Memory bandwidth and machine balance")

Both are the best of several runs, since a limit is what is reached when nothing disturbs.
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

SUMS = ROWS * COLUMNS
LANES = VECTOR_BYTES // 4
STEPS = 2_000_000  # milliseconds: long enough for the clock, short enough that some run is not disturbed
TRIAD_BYTES = 128 << 20  # of each of the three arrays

_index = ir.IntType(64)


class Limits(NamedTuple):
    """FLOP/s of float32 on the threads in use, and bytes per second of the memory."""

    flops: float
    bandwidth: float

    def roof(self, intensity: float) -> float:
        """The most FLOP/s at so many FLOPs for each byte (Williams, Waterman & Patterson 2009, "Roofline")."""
        return min(self.flops, self.bandwidth * intensity)


def measure_limits(threads: int, steps: int = STEPS, triad_bytes: int = TRIAD_BYTES, runs: int = 12) -> Limits:
    """Measure both limits with the threads that Numba is set to."""
    numbers = np.full((threads, SUMS * LANES), 0.5, np.float32)
    flops = 2 * SUMS * LANES * steps * threads
    a, b, c = (np.ones(triad_bytes // 4, np.float32) for _ in range(3))
    return Limits(
        flops / _shortest(lambda: _multiply_add_on_all_threads(numbers, steps), runs),
        3 * a.nbytes / _shortest(lambda: _triad(a, b, c, np.float32(0.5)), runs),
    )


def _shortest(run: Callable[[], object], runs: int) -> float:
    run()  # compiles
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return min(times)


@intrinsic
def _multiply_add(typing_context: Any, numbers: Any, steps: Any) -> Any:
    """Every number of `numbers`, SUMS vectors of them, becomes number * number[0] + number[0], `steps` times over."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        words = Vectorized(context, builder, {"numbers": signature.args[0]}, {"numbers": values[0]})
        start = words.number_at("numbers")
        factor = words.broadcast(builder.load(start))
        sums = [words.load_vector(start, v) for v in range(SUMS)]
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


# Compiled anew in every run: the kernels' cache on disk knows nothing of files outside the package.
@numba.njit(parallel=True, **OPTIONS)
def _multiply_add_on_all_threads(numbers: Any, steps: Any) -> None:
    for thread in prange(len(numbers)):
        _multiply_add(numbers[thread], steps)


@numba.njit(parallel=True, **OPTIONS)
def _triad(a: Any, b: Any, c: Any, factor: Any) -> None:
    for i in prange(a.size):
        a[i] = b[i] + factor * c[i]
