"""Stochastic gradient descent in one pass over the parameters, limited by memory bandwidth.

Cost: about 4 FLOPs per parameter; reads three arrays, writes two.
"""

from __future__ import annotations

import numpy as np

from scratchcnn.kernels.runtime.loops import parallel_elements
from scratchcnn.operands import Array, expect


def sgd(
    parameter: Array, gradient: Array, velocity: Array, learning_rate: float, momentum: float, nesterov: bool
) -> None:
    """Update a parameter and its velocity in place; `reference.sgd` has the formula."""
    expect(
        parameter=(parameter, gradient.shape), gradient=(gradient, velocity.shape), velocity=(velocity, velocity.shape)
    )
    real = parameter.dtype.type
    _sgd(
        parameter.size, flat(parameter), np.ascontiguousarray(gradient).reshape(-1), flat(velocity),
        real(learning_rate), real(momentum), nesterov,
    )  # fmt: skip


@parallel_elements
def _sgd(first, last, parameter, gradient, velocity, learning_rate, momentum, nesterov):
    for i in range(first, last):
        step = learning_rate * gradient[i]
        velocity[i] = momentum * velocity[i] - step
        parameter[i] += momentum * velocity[i] - step if nesterov else velocity[i]


def flat(array: Array) -> Array:
    """A one-dimensional view of an array, through which it can be changed in place."""
    if not array.flags.c_contiguous:
        raise ValueError("Expected a C-contiguous array to change in place, received a strided view; use .copy().")
    return array.reshape(-1)
