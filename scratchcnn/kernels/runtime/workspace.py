"""Reuse of memory: a training step needs arrays of the same sizes as the step before it.

Fresh memory is slow: the system provides it page by page, each filled with zeros at the first access, which costs more
than the ReLU that writes there. Inside `with workspace.active():` the result of a kernel takes over the memory of an
array of the same size that is no longer referenced; of several, that of the one lent last, which may still be in the
cache. Outside, or if there is none, `empty` is `numpy.empty`. The memory of a referenced array is never touched, so
results do not change.
"""

from __future__ import annotations

import math
import threading
import weakref
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from scratchcnn.kernels.runtime.dry_run import is_recording
from scratchcnn.operands import Array, Shape

WORTH_IT = 64 * 1024  # bytes; smaller arrays are cheap to allocate
ALIGNMENT = 64  # bytes: a cache line, and a vector register of AVX-512

_active: ContextVar[Workspace | None] = ContextVar("workspace", default=None)


class Workspace:
    """Memory that belongs to one model in training, or to one prediction loop, and is freed with it."""

    def __init__(self) -> None:
        # bytes -> blocks, each with a weak reference to its last lease; if it is dead, the block is free.
        # Nothing runs when a lease dies: a `__del__` would swallow a Ctrl-C that arrives in it.
        self._blocks: defaultdict[int, list[tuple[weakref.ref[_Lease], _Block]]] = defaultdict(list)
        self._lock = threading.Lock()

    @contextmanager
    def active(self) -> Iterator[None]:
        """While it is active, kernels put their results into the memory of this workspace."""
        token = _active.set(self)
        try:
            yield
        finally:
            _active.reset(token)

    def release(self) -> None:
        """Return unreferenced memory to the system."""
        with self._lock:
            self._blocks.clear()  # a block in use is kept by its lease

    def empty(self, shape: Shape, dtype: np.dtype[Any]) -> Array:
        """An uninitialized array."""
        size = math.prod(shape) * dtype.itemsize
        with self._lock:
            blocks = self._blocks[size]
            free = next((place for place in reversed(range(len(blocks))) if blocks[place][0]() is None), None)
            block = _new_block(size) if free is None else blocks.pop(free)[1]
            lease = _Lease(shape, dtype, block)
            blocks.append((weakref.ref(lease), block))
        return lease.view(np.ndarray)


# The base of a NumPy view skips all arrays of the view's own type. Blocks and leases are types of their own, so a plain
# array references the lease, and every view of the array references the array.


class _Block(np.ndarray[Any, np.dtype[np.uint8]]):
    """Memory that is lent repeatedly."""


class _Lease(np.ndarray[Any, Any]):
    """Keeps a block while the array or a view of it exists."""


def _new_block(size: int) -> _Block:
    raw = np.empty(size + ALIGNMENT, np.uint8)
    address = raw.__array_interface__["data"][0]
    return raw[-address % ALIGNMENT :][:size].view(_Block)


def empty(shape: Shape, dtype: Any) -> Array:
    """An uninitialized array, from the active workspace if there is one and the array is not small.

    During a dry run it is zero, so that it may be checked.
    """
    if is_recording():
        return np.zeros(shape, dtype)
    workspace, dtype = _active.get(), np.dtype(dtype)
    if workspace is None or math.prod(shape) * dtype.itemsize < WORTH_IT:
        return np.empty(shape, dtype)
    return workspace.empty(shape, dtype)
