"""Kernels that get their memory from their caller, and count no references to it."""

from typing import NamedTuple

import numba
import numpy as np
import pytest
from numba import types
from numba.core.runtime import _nrt_python, rtsys

from scratchcnn.kernels.runtime.jit import intrinsic, serial
from scratchcnn.kernels.runtime.lending import lend


class Memory(NamedTuple):
    values: np.ndarray
    pair: tuple[np.ndarray, int]


@serial
def sum_of_slices(memory, total):
    values, (weights, factor) = memory.values, memory.pair
    for i in range(len(values) - 1):
        part = values[i : i + 2]
        if part[0] < 0:
            raise ValueError("negative")
        total[0] += factor * weights[i] * (part[0] + part[1])


@numba.njit
def allocate_and_lend(count, sign, total):
    memory = Memory(np.arange(count) * sign, (np.arange(count) + 1.0, 3))
    lend(sum_of_slices, (memory, total))


def test_kernel_with_lent_memory_computes_the_same():
    total = np.zeros(1)
    allocate_and_lend(5, 1, total)
    assert total[0] == 3 * sum((i + 1) * (2 * i + 1) for i in range(4))


def test_lent_memory_is_freed_once_after_the_call():
    total = np.zeros(1)
    allocate_and_lend(5, 1, total)
    _nrt_python.memsys_enable_stats()
    try:
        before = rtsys.get_allocation_stats()
        for _ in range(10):
            allocate_and_lend(5, 1, total)
        after = rtsys.get_allocation_stats()
    finally:
        _nrt_python.memsys_disable_stats()
    assert after.alloc - before.alloc >= 20
    assert after.alloc - before.alloc == after.free - before.free


def test_error_in_a_kernel_with_lent_memory_reaches_the_caller():
    with pytest.raises(ValueError, match="negative"):
        allocate_and_lend(5, -1, np.zeros(1))


@intrinsic
def owner_of(typing_context, array):
    """The address of the owner of an array, 0 if there is none."""

    def emit(context, builder, signature, values):
        owner = context.make_array(array)(context, builder, values[0]).meminfo
        return builder.ptrtoint(owner, context.get_value_type(types.intp))

    return types.intp(array), emit


@serial
def owners(lent, seen):
    seen[0] = owner_of(lent)
    seen[1] = owner_of(lent[1:])


@numba.njit
def allocate_and_observe(seen):
    values = np.arange(3)
    lend(owners, (values, seen))
    seen[2] = owner_of(values)


def test_lent_array_and_its_slices_have_no_owner_whose_references_are_counted():
    seen = np.full(3, -1)
    allocate_and_observe(seen)
    assert list(seen[:2]) == [0, 0]
    assert seen[2] != 0
