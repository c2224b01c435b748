"""Gradient clipping in one pass over the gradient, limited by memory bandwidth.

Cost: 1 or 2 FLOPs per element; reads one array, writes one.
"""

from __future__ import annotations

import numpy as np

from scratchcnn.kernels.runtime.loops import parallel_elements
from scratchcnn.operands import Array, expect


def clip_by_norm(gradient: Array, norm: float, limit: float) -> Array:
    """Scale a gradient to a norm of at most `limit`; `reference.clip_by_norm` has the formula."""
    expect(gradient=(gradient, gradient.shape))
    if norm <= limit:
        return gradient
    clipped = np.empty(gradient.shape, gradient.dtype)
    _scale(
        gradient.size,
        np.ascontiguousarray(gradient).reshape(-1),
        gradient.dtype.type(limit / norm),
        clipped.reshape(-1),
    )
    return clipped


@parallel_elements
def _scale(first, last, values, factor, scaled):
    for i in range(first, last):
        scaled[i] = values[i] * factor


def clip_by_value(gradient: Array, limit: float) -> Array:
    """Limit every element of a gradient to [-limit, limit]; `reference.clip_by_value` has the formula."""
    expect(gradient=(gradient, gradient.shape))
    clipped = np.empty(gradient.shape, gradient.dtype)
    _limit(gradient.size, np.ascontiguousarray(gradient).reshape(-1), gradient.dtype.type(limit), clipped.reshape(-1))
    return clipped


@parallel_elements
def _limit(first, last, values, limit, limited):
    for i in range(first, last):
        value = values[i]
        limited[i] = limit if value > limit else -limit if value < -limit else value
