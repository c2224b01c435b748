"""The rectified linear unit in one pass, limited by memory bandwidth.

Cost: one comparison per element; reads and writes each element once.
"""

from __future__ import annotations

import numpy as np

from scratchcnn.kernels.runtime.loops import parallel_elements
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.operands import Array, expect


def relu(x: Array) -> Array:
    """max(x, 0), where NaN stays NaN; `reference.relu` has the formula."""
    expect(x=(x, x.shape))
    y = empty(x.shape, x.dtype)
    _relu(x.size, np.ascontiguousarray(x).reshape(-1), y.reshape(-1))
    return y


@parallel_elements
def _relu(first, last, x, y):
    zero = x.dtype.type(0)
    for i in range(first, last):
        y[i] = zero if x[i] < zero else x[i]  # false for NaN, which is kept


def relu_gradient(dy: Array, y: Array) -> Array:
    """Gradient of the loss w.r.t. the input: dy where y > 0, else 0; `reference.relu_gradient` has the formula."""
    expect(dy=(dy, y.shape), y=(y, y.shape))
    dx = empty(dy.shape, dy.dtype)
    _relu_gradient(y.size, np.ascontiguousarray(dy).reshape(-1), np.ascontiguousarray(y).reshape(-1), dx.reshape(-1))
    return dx


@parallel_elements
def _relu_gradient(first, last, dy, y, dx):
    zero = dy.dtype.type(0)
    for i in range(first, last):
        dx[i] = dy[i] if y[i] > zero else zero
