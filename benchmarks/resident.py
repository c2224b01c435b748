"""How much more memory a process has resident, at the most, while a function runs. Linux only.

Linux keeps the peak ("VmHWM") and lets a process begin it anew. Memory that was freed before but not given back
to the system would be used again unseen, so it is given back first. What is counted are pages: of NumPy's arrays and
of those that compiled code allocates alike, but only once something is written there. Good to about 0.5 MB.
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
    """Bytes resident at the peak of `run` beyond those before it and the arrays that it returns; None if unknown."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)  # glibc: free memory goes back to the system
        (PROCESS / "clear_refs").write_text("5")  # the peak becomes what is resident now
        before = _status("VmRSS")
    except (OSError, AttributeError, KeyError, TypeError):
        return None
    results = run()
    return max(0, _status("VmHWM") - before - sum(result.nbytes for result in results))


def _status(name: str) -> int:
    lines = dict(line.split(":", 1) for line in (PROCESS / "status").read_text().splitlines())
    return int(lines[name].split()[0]) * 1024
