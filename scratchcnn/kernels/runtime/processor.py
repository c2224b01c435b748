"""Features of the processor: the width of a vector register, and how many registers the micro-kernel may fill.

They come from LLVM, which compiles the kernels, so that both refer to the same processor: if Numba compiles for another
one (NUMBA_CPU_NAME, NUMBA_CPU_FEATURES), the micro-kernel adapts.
"""

from __future__ import annotations

from typing import NamedTuple

from llvmlite import binding
from numba import config


class Vectors(NamedTuple):
    """Vector registers: `bits` in one, and `tile_columns`, the vectors side by side in the micro-kernel's tile."""

    bits: int
    tile_columns: int


def features() -> dict[str, bool]:
    """Feature flags of the processor that Numba compiles for, by LLVM's names."""
    given: str | None = getattr(config, "CPU_FEATURES", None)
    if given is not None:
        return {flag[1:]: flag[0] == "+" for flag in given.split(",") if flag}
    if getattr(config, "CPU_NAME", None) not in (None, "", "host"):
        return {}
    return dict(binding.get_host_cpu_features())


def vectors() -> Vectors:
    """Vector registers of the processor that Numba compiles for.

    A tile of 6 rows by `tile_columns` vectors keeps 6 * tile_columns sums in registers, besides one row of B and one
    broadcast element: 24 + 4 + 1 of the 32 registers of AVX-512 and NEON, 12 + 2 + 1 of the 16 of AVX and SSE.
    """
    flags = features()
    if flags.get("avx512f"):
        return Vectors(512, 4)
    if flags.get("avx2") or flags.get("avx"):
        return Vectors(256, 2)
    return Vectors(128, 4) if flags.get("neon") else Vectors(128, 2)
