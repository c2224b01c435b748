"""Copying and filling stretches of numbers, in loops that LLVM turns into vector instructions.

NumPy's `a[i:j] = b[k:l]` says the same, but Numba compiles with each such line the text of the error for lengths that
differ, which takes a second of the first run. An index that is a sum, as a[start + i], might be negative and so count
from the end, which keeps LLVM from making vectors; an index into a stretch cut out before cannot.
"""

from __future__ import annotations

from scratchcnn.kernels.runtime.jit import serial


@serial
def copy(source, source_start, target, target_start, count):
    """target[target_start + i] = source[source_start + i] for `count` numbers; both one-dimensional."""
    there, here = target[target_start : target_start + count], source[source_start : source_start + count]
    for i in range(count):
        there[i] = here[i]


@serial
def fill(target, start, count, number):
    """target[start + i] = number for `count` numbers; one-dimensional."""
    there = target[start : start + count]
    for i in range(count):
        there[i] = number
