"""Arrays whose memory is used again: a step of training asks for the same sizes as the step before it.

Fresh memory is slow memory: the system hands it out page by page, each filled with zeros at the first touch, which
costs more than the ReLU that writes there. Inside `with workspace.active():` a kernel's result takes over the memory
of an array of the same size that nobody holds any more; outside, or if there is none, `empty` is `numpy.empty`. An
array that somebody still holds is never touched, so what is computed does not change.
"""

from __future__ import annotations

import threading
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
        self._free: defaultdict[int, list[Array]] = defaultdict(list)  # bytes -> blocks nobody holds
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
            self._free.clear()

    def empty(self, shape: Shape, dtype: np.dtype[Any]) -> Array:
        """An array with arbitrary numbers in it."""
        size = int(np.prod(shape)) * dtype.itemsize
        with self._lock:
            block = self._free[size].pop() if self._free[size] else None
        if block is None:
            raw = np.empty(size + ALIGNMENT, np.uint8)
            block = raw[-raw.ctypes.data % ALIGNMENT :][:size]
        return np.asarray(_Lease(self, block, shape, dtype))

    def take_back(self, block: Array) -> None:
        """Keep a block for the next array of its size."""
        with self._lock:
            self._free[block.nbytes].append(block)


class _Lease:
    """The owner of an array's memory while the array or a view of it lives; then the block goes back."""

    def __init__(self, workspace: Workspace, block: Array, shape: Shape, dtype: np.dtype[Any]) -> None:
        self._workspace, self._block = workspace, block
        self.__array_interface__ = {**block.__array_interface__, "shape": shape, "typestr": dtype.str}

    def __del__(self) -> None:
        self._workspace.take_back(self._block)


def empty(shape: Shape, dtype: Any) -> Array:
    """An array with arbitrary numbers in it, from the active workspace if there is one and it is worth it."""
    workspace, dtype = _active.get(), np.dtype(dtype)
    if workspace is None or int(np.prod(shape)) * dtype.itemsize < WORTH_IT:
        return np.empty(shape, dtype)
    return workspace.empty(shape, dtype)
