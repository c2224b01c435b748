"""Arrays whose memory is used again: a step of training asks for the same sizes as the step before it.

Fresh memory is slow memory: the system hands it out page by page, each filled with zeros at the first touch, which
costs more than the ReLU that writes there. Inside `with workspace.active():` a kernel's result takes over the memory
of an array of the same size that nobody holds any more; of several, that of the one lent last, which the cache may
still hold. Outside, or if there is none, `empty` is `numpy.empty`. An array that somebody still holds is never touched,
so what is computed does not change.
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

from scratchcnn.operands import Array, Shape

WORTH_IT = 64 * 1024  # bytes; smaller arrays are cheap to make
ALIGNMENT = 64  # bytes: a cache line, and a vector register of AVX-512

_active: ContextVar[Workspace | None] = ContextVar("workspace", default=None)


class Workspace:
    """Memory that belongs to one model in training, or to one loop of prediction, and goes with it."""

    def __init__(self) -> None:
        # bytes -> blocks, each with a weak reference to its last lease: a dead one says that nobody holds the block.
        # Nothing is done when a lease dies: a `__del__` would swallow a Ctrl-C that arrives in it.
        self._blocks: defaultdict[int, list[tuple[weakref.ref[_Lease], _Block]]] = defaultdict(list)
        self._lock = threading.Lock()

    @contextmanager
    def active(self) -> Iterator[None]:
        """While inside, kernels put their results into this workspace's memory."""
        token = _active.set(self)
        try:
            yield
        finally:
            _active.reset(token)

    def release(self) -> None:
        """Give the memory that nobody holds back to the system."""
        with self._lock:
            self._blocks.clear()  # a block in use lives on in its lease

    def empty(self, shape: Shape, dtype: np.dtype[Any]) -> Array:
        """An array with arbitrary numbers in it."""
        size = math.prod(shape) * dtype.itemsize
        with self._lock:
            blocks = self._blocks[size]
            free = next((place for place in reversed(range(len(blocks))) if blocks[place][0]() is None), None)
            block = _new_block(size) if free is None else blocks.pop(free)[1]
            lease = _Lease(shape, dtype, block)
            blocks.append((weakref.ref(lease), block))
        return lease.view(np.ndarray)


# NumPy makes the base of a view what its array is a view of, through all arrays of the view's own type. Blocks and
# leases are types of their own, so a plain array holds the lease, and every view of the array holds the array.


class _Block(np.ndarray[Any, np.dtype[np.uint8]]):
    """Memory that is lent out again and again."""


class _Lease(np.ndarray[Any, Any]):
    """What holds a block while the array or a view of it lives."""


def _new_block(size: int) -> _Block:
    raw = np.empty(size + ALIGNMENT, np.uint8)
    return raw[-raw.ctypes.data % ALIGNMENT :][:size].view(_Block)


def empty(shape: Shape, dtype: Any) -> Array:
    """An array with arbitrary numbers in it, from the active workspace if there is one and it is worth it."""
    workspace, dtype = _active.get(), np.dtype(dtype)
    if workspace is None or math.prod(shape) * dtype.itemsize < WORTH_IT:
        return np.empty(shape, dtype)
    return workspace.empty(shape, dtype)
