"""Dropout in one pass: random bits, comparison and scaling of each activation, without intermediate arrays.

Cost: two 64-bit multiplications per element; reads x, writes y and the mask, one byte per element. The mask is the same
for any number of threads.
"""

from __future__ import annotations

import numpy as np

from scratchcnn.kernels.random import bits_at
from scratchcnn.kernels.runtime.loops import parallel_elements
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.operands import Array, expect


def dropout(x: Array, rate: float, key: int) -> tuple[Array, Array]:
    """Zero random activations and scale the rest; `reference.dropout` has the formula."""
    expect(x=(x, x.shape))
    y, kept = empty(x.shape, x.dtype), empty(x.shape, np.bool_)
    scale = x.dtype.type(1 / (1 - rate))
    drop_below = np.uint64(round(rate * 2**53))
    flat = np.ascontiguousarray(x).reshape(-1)
    _dropout(x.size, flat, np.uint64(key), drop_below, scale, y.reshape(-1), kept.reshape(-1))
    return y, kept


@parallel_elements
def _dropout(first, last, x, key, drop_below, scale, y, kept):
    zero = x.dtype.type(0)
    for i in range(first, last):
        keep = bits_at(key, i) >> np.uint64(11) >= drop_below
        kept[i] = keep
        y[i] = x[i] * scale if keep else zero


def dropout_gradient(dy: Array, kept: Array, rate: float) -> Array:
    """Gradient of the loss w.r.t. the input, scaled or zero; `reference.dropout_gradient` has the formula."""
    expect(dy=(dy, kept.shape))
    dx = empty(dy.shape, dy.dtype)
    scale = dy.dtype.type(1 / (1 - rate))
    dy, kept = np.ascontiguousarray(dy), np.ascontiguousarray(kept)
    _dropout_gradient(dy.size, dy.reshape(-1), kept.reshape(-1), scale, dx.reshape(-1))
    return dx


@parallel_elements
def _dropout_gradient(first, last, dy, kept, scale, dx):
    zero = dy.dtype.type(0)
    for i in range(first, last):
        dx[i] = dy[i] * scale if kept[i] else zero
