"""The penalty of L1 and L2 regularization, and its gradient, each in one pass, limited by memory bandwidth.

Cost: 2 FLOPs per element for a sum, which reads one array; 5 for the gradient, which reads two and writes one.

Numerics: sums are accumulated in float64, over blocks of a fixed size, then over the blocks. They do not depend on the
number of threads.
"""

from __future__ import annotations

import numpy as np

from scratchcnn.kernels.runtime.loops import parallel_elements, parallel_jobs_if_large
from scratchcnn.operands import Array, expect

BLOCK = 4096  # elements: enough for vector instructions, few enough for many threads


def absolute_sum(x: Array) -> float:
    """Sum of the absolute values; `reference.absolute_sum` has the formula."""
    expect(x=(x, x.shape))
    sums = np.empty(-(-x.size // BLOCK))
    _absolute_sums(sums.size, np.ascontiguousarray(x).reshape(-1), sums)
    return float(sums.sum())


@parallel_jobs_if_large
def _absolute_sums(block, x, sums):
    total = 0.0
    for i in range(block * BLOCK, min(x.size, (block + 1) * BLOCK)):
        total += np.float64(abs(x[i]))
    sums[block] = total


def squared_sum(x: Array) -> float:
    """Sum of the squares; `reference.squared_sum` has the formula."""
    expect(x=(x, x.shape))
    sums = np.empty(-(-x.size // BLOCK))
    _squared_sums(sums.size, np.ascontiguousarray(x).reshape(-1), sums)
    return float(sums.sum())


@parallel_jobs_if_large
def _squared_sums(block, x, sums):
    total = 0.0
    for i in range(block * BLOCK, min(x.size, (block + 1) * BLOCK)):
        value = np.float64(x[i])
        total += value * value
    sums[block] = total


def add_penalty_gradient(gradient: Array, x: Array, l1: float, l2: float) -> Array:
    """Add the gradient of the penalty to a gradient; `reference.add_penalty_gradient` has the formula."""
    expect(gradient=(gradient, x.shape), x=(x, x.shape))
    result, real = np.empty(x.shape, x.dtype), x.dtype.type
    _add_penalty_gradient(
        x.size, np.ascontiguousarray(gradient).reshape(-1), np.ascontiguousarray(x).reshape(-1), real(l1), real(2 * l2),
        result.reshape(-1),
    )  # fmt: skip
    return result


@parallel_elements
def _add_penalty_gradient(first, last, gradient, x, l1, twice_l2, result):
    zero = x.dtype.type(0)
    for i in range(first, last):
        value = x[i]
        signed = l1 if value > zero else -l1 if value < zero else l1 * value  # 0 at 0; NaN stays NaN
        result[i] = gradient[i] + (signed + twice_l2 * value)
