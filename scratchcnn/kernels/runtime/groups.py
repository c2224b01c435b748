"""Sums over groups: gradients that were accumulated group by group, for any number of threads alike, are added up.

Cost: one addition per element; each is read once. Numerics: group after group in order, in the dtype of the groups.
"""

from __future__ import annotations

from numba import prange

from scratchcnn.kernels.runtime.jit import parallel_if_large
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.operands import Array

BLOCK = 2048  # elements whose sums stay in the first-level cache for all groups


def sum_of_groups(groups: Array) -> Array:
    """Sum over the first axis of (groups, ...), C-contiguous; zeros if there are no groups."""
    total = empty(groups.shape[1:], groups.dtype)
    _sum_of_groups(groups.reshape(len(groups), total.size), total.reshape(-1))
    return total


@parallel_if_large
def _sum_of_groups(groups, total):
    for block in prange((total.size + BLOCK - 1) // BLOCK):
        first, last = block * BLOCK, min((block + 1) * BLOCK, total.size)
        sums = total[first:last]
        for i in range(len(sums)):
            sums[i] = 0
        for group in range(len(groups)):
            part = groups[group, first:last]
            for i in range(len(sums)):  # slices, since LLVM does not vectorize `total[i] += groups[group, i]`
                sums[i] += part[i]
