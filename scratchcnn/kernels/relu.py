"""The rectified linear unit in one pass, limited by memory bandwidth.

Cost: one comparison per element; reads and writes each element once.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from scratchcnn.kernels.runtime.jit import parallel_if_large
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.operands import Array, expect


def relu(x: Array) -> Array:
    """max(x, 0), where NaN stays NaN; `reference.relu` has the formula."""
    expect(x=(x, x.shape))
    y = empty(x.shape, x.dtype)
    _relu(np.ascontiguousarray(x).reshape(-1), y.reshape(-1))
    return y


@parallel_if_large
def _relu(x, y):
    zero = x.dtype.type(0)
    for i in prange(x.size):
        y[i] = zero if x[i] < zero else x[i]  # false for NaN, which is kept


def relu_gradient(dy: Array, y: Array) -> Array:
    """Gradient of the loss w.r.t. the input: dy where y > 0, else 0; `reference.relu_gradient` has the formula."""
    expect(dy=(dy, y.shape), y=(y, y.shape))
    dx = empty(dy.shape, dy.dtype)
    _relu_gradient(np.ascontiguousarray(dy).reshape(-1), np.ascontiguousarray(y).reshape(-1), dx.reshape(-1))
    return dx


@parallel_if_large
def _relu_gradient(dy, y, dx):
    zero = dy.dtype.type(0)
    for i in prange(y.size):
        dx[i] = dy[i] if y[i] > zero else zero
