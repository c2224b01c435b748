"""The number of threads: how many of Numba's pool execute the loops of the kernels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numba

WORTH_WAKING = 16_000_000  # multiply-adds, about 0.2 ms


def set_threads(count: int) -> None:
    """Set the number of threads that the kernels use. The results are the same bits for any number.

    Parameters
    ----------
    count : int
        From 1 to the number of processors (or NUMBA_NUM_THREADS, if that is set).

    Raises
    ------
    ValueError
        Not an integer in that range.
    """
    most = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    if count not in range(1, most + 1) or isinstance(count, (bool, float)):
        raise ValueError(
            f"Expected threads from 1 to {most}, as many as Numba's pool has, received {count!r}; set the environment "
            f"variable NUMBA_NUM_THREADS for a larger pool."
        )
    numba.set_num_threads(count)


def get_threads() -> int:
    """Return the number of threads that the kernels use."""
    return int(numba.get_num_threads())


@contextmanager
def threads_for(multiply_adds: int) -> Iterator[None]:
    """Use one thread for the kernels of a pass over a network with so little work that waking the others costs more.

    Between two kernels the other threads fall asleep, so each kernel of the pass would wake them.
    """
    threads = numba.get_num_threads()
    if threads == 1 or multiply_adds >= WORTH_WAKING:
        yield
        return
    numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(threads)
