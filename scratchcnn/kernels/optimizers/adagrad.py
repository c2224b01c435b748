"""Adagrad in one pass over the parameters, limited by memory bandwidth.

Cost: 6 FLOPs and a square root per parameter; reads three arrays, writes two.
"""

from __future__ import annotations

import numpy as np

from scratchcnn.kernels.optimizers.sgd import flat
from scratchcnn.kernels.runtime.loops import parallel_elements
from scratchcnn.operands import Array, expect


def adagrad(parameter: Array, gradient: Array, accumulator: Array, learning_rate: float, epsilon: float) -> None:
    """Update a parameter and its accumulator in place; `reference.adagrad` has the formula."""
    shape = parameter.shape
    expect(parameter=(parameter, shape), gradient=(gradient, shape), accumulator=(accumulator, shape))
    real = parameter.dtype.type
    _adagrad(
        parameter.size, flat(parameter), np.ascontiguousarray(gradient).reshape(-1), flat(accumulator),
        real(learning_rate), real(epsilon),
    )  # fmt: skip


@parallel_elements
def _adagrad(first, last, parameter, gradient, accumulator, learning_rate, epsilon):
    for i in range(first, last):
        g = gradient[i]
        accumulator[i] += g * g
        parameter[i] -= learning_rate * g / np.sqrt(accumulator[i] + epsilon)
