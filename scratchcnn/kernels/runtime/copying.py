"""Copying, filling and allocating stretches of elements, in loops that LLVM vectorizes.

NumPy's `a[i:j] = b[k:l]` does the same, but for each such line Numba also compiles the error message for lengths that
differ, which adds a second to the first run. An index that is a sum, as in a[start + i], might be negative and then
counts from the end, which prevents vectorization; an index into a slice that was cut before cannot.
"""

from __future__ import annotations

import numpy as np

from scratchcnn.kernels.runtime.jit import serial

CACHE_LINE = 64  # bytes; as many as the widest vector register has


@serial
def empty_aligned(size, dtype):
    """An uninitialized one-dimensional array that begins at a cache line, so that no vector crosses two of them."""
    memory = np.empty(size + CACHE_LINE, dtype)
    skipped = (-memory.ctypes.data % CACHE_LINE) // memory.itemsize
    return memory[skipped : skipped + size]


@serial
def copy(source, source_start, target, target_start, count):
    """target[target_start + i] = source[source_start + i] for `count` elements; both arrays are one-dimensional."""
    there, here = target[target_start : target_start + count], source[source_start : source_start + count]
    for i in range(count):
        there[i] = here[i]


@serial
def fill(target, start, count, number):
    """target[start + i] = number for `count` elements of a one-dimensional array."""
    there = target[start : start + count]
    for i in range(count):
        there[i] = number
