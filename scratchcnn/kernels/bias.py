"""The gradient of a bias: one pass over the gradient, at the speed of memory.

Cost: one addition for each number of dy; reads dy once. Numerics: summed in float64, in groups of rows whose number
depends on the shape alone, so the result is the same for any number of threads.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from scratchcnn.kernels.runtime.copying import copy
from scratchcnn.kernels.runtime.jit import MOST_GROUPS, parallel_if_large
from scratchcnn.operands import Array, expect


def bias_gradient(dy: Array) -> Array:
    """Sum over all axes but the last; `reference.bias_gradient` has the formula."""
    expect(dy=(dy, dy.shape))
    rows = np.ascontiguousarray(dy).reshape(-1, dy.shape[-1])
    groups = np.zeros((min(len(rows), MOST_GROUPS), rows.shape[1]), np.float64)
    _sum_rows(rows, groups)
    return groups.sum(axis=0).astype(dy.dtype)


@parallel_if_large
def _sum_rows(rows, groups):
    count = len(groups)
    for group in prange(count):
        sums = np.zeros(rows.shape[1], np.float64)
        for row in range(len(rows) * group // count, len(rows) * (group + 1) // count):
            for column in range(rows.shape[1]):
                sums[column] += rows[row, column]
        copy(sums, 0, groups[group], 0, sums.size)
