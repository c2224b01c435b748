"""Sums over groups: gradients that were accumulated group by group, for any number of threads alike, are added up.

Cost: one addition per element; each is read once. Numerics: group after group in order, in the dtype of the groups.
"""

from __future__ import annotations

from scratchcnn.kernels.runtime.loops import parallel_elements
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.operands import Array


def sum_of_groups(groups: Array) -> Array:
    """Sum over the first axis of (groups, ...), C-contiguous; zeros if there are no groups."""
    total = empty(groups.shape[1:], groups.dtype)
    _sum_of_groups(total.size, groups.reshape(len(groups), total.size), total.reshape(-1))
    return total


@parallel_elements
def _sum_of_groups(first, last, groups, total):
    sums = total[first:last]
    for i in range(len(sums)):
        sums[i] = 0
    for group in range(len(groups)):
        part = groups[group, first:last]
        for i in range(len(sums)):  # slices, since LLVM does not vectorize `total[i] += groups[group, i]`
            sums[i] += part[i]
