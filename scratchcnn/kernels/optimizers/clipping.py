"""Gradient clipping in one pass over the gradient, limited by memory bandwidth.

Cost: 1 or 2 FLOPs per element; reads one array, writes one.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from scratchcnn.kernels.runtime.jit import parallel_if_large
from scratchcnn.operands import Array, expect


def clip_by_norm(gradient: Array, norm: float, limit: float) -> Array:
    """Scale a gradient to a norm of at most `limit`; `reference.clip_by_norm` has the formula."""
    expect(gradient=(gradient, gradient.shape))
    if norm <= limit:
        return gradient
    clipped = np.empty(gradient.shape, gradient.dtype)
    _scale(np.ascontiguousarray(gradient).reshape(-1), gradient.dtype.type(limit / norm), clipped.reshape(-1))
    return clipped


@parallel_if_large
def _scale(values, factor, scaled):
    for i in prange(values.size):
        scaled[i] = values[i] * factor


def clip_by_value(gradient: Array, limit: float) -> Array:
    """Limit every element of a gradient to [-limit, limit]; `reference.clip_by_value` has the formula."""
    expect(gradient=(gradient, gradient.shape))
    clipped = np.empty(gradient.shape, gradient.dtype)
    _limit(np.ascontiguousarray(gradient).reshape(-1), gradient.dtype.type(limit), clipped.reshape(-1))
    return clipped


@parallel_if_large
def _limit(values, limit, limited):
    for i in prange(values.size):
        value = values[i]
        limited[i] = limit if value > limit else -limit if value < -limit else value
