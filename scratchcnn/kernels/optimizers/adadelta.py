"""Adadelta in one pass over the parameters, limited by memory bandwidth.

Cost: 14 FLOPs and two square roots per parameter; reads four arrays, writes three.
"""

from __future__ import annotations

import numpy as np

from scratchcnn.kernels.optimizers.sgd import flat
from scratchcnn.kernels.runtime.loops import parallel_elements
from scratchcnn.operands import Array, expect


def adadelta(
    parameter: Array,
    gradient: Array,
    squared_gradients: Array,
    squared_updates: Array,
    learning_rate: float,
    rho: float,
    epsilon: float,
) -> None:
    """Update a parameter and the optimizer state in place; `reference.adadelta` has the formula."""
    shape = parameter.shape
    expect(
        parameter=(parameter, shape), gradient=(gradient, shape), squared_gradients=(squared_gradients, shape),
        squared_updates=(squared_updates, shape),
    )  # fmt: skip
    real = parameter.dtype.type
    _adadelta(
        parameter.size, flat(parameter), np.ascontiguousarray(gradient).reshape(-1),
        flat(squared_gradients), flat(squared_updates),
        real(learning_rate), real(rho), real(1 - rho), real(epsilon),
    )  # fmt: skip


@parallel_elements
def _adadelta(
    first, last, parameter, gradient, squared_gradients, squared_updates, learning_rate, rho, one_minus_rho, epsilon
):
    for i in range(first, last):
        g = gradient[i]
        squared_gradients[i] = rho * squared_gradients[i] + one_minus_rho * (g * g)
        update = -g * (np.sqrt(squared_updates[i] + epsilon) / np.sqrt(squared_gradients[i] + epsilon))
        squared_updates[i] = rho * squared_updates[i] + one_minus_rho * (update * update)
        parameter[i] += learning_rate * update
