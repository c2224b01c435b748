"""Measure the peak growth of resident memory while a function runs. Linux only.

Linux records the peak resident memory of a process ("VmHWM") and allows the process to reset it. Memory that was freed
but not returned to the system would be reused without being counted, so it is returned first. The measurement counts
pages that have been written to, whether NumPy or compiled code allocated them, and is accurate to about 0.5 MB.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

PROCESS = Path("/proc/self")


def peak_growth(run: Callable[[], Sequence[np.ndarray[Any, Any]]]) -> int | None:
    """Return the peak resident bytes during `run` in addition to those before it and its results; None if unknown."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)  # glibc: return free memory to the system
        (PROCESS / "clear_refs").write_text("5")  # reset the peak to the current resident memory
        before = _status("VmRSS")
    except (OSError, AttributeError, KeyError, TypeError):
        return None
    results = run()
    return max(0, _status("VmHWM") - before - sum(result.nbytes for result in results))


def _status(name: str) -> int:
    lines = dict(line.split(":", 1) for line in (PROCESS / "status").read_text().splitlines())
    return int(lines[name].split()[0]) * 1024
