"""RMSprop in one pass over the parameters, limited by memory bandwidth.

Cost: 7 to 14 FLOPs and a square root per parameter; reads three to five arrays and writes two to four.
"""

from __future__ import annotations

import numpy as np

from scratchcnn.kernels.optimizers.sgd import flat
from scratchcnn.kernels.runtime.loops import parallel_elements
from scratchcnn.operands import Array, expect


def rmsprop(
    parameter: Array,
    gradient: Array,
    velocity: Array,
    increment: Array | None,
    average: Array | None,
    learning_rate: float,
    rho: float,
    momentum: float,
    epsilon: float,
) -> None:
    """Update a parameter and the optimizer state in place; `reference.rmsprop` has the formula."""
    state = {"velocity": velocity, "increment": increment, "average": average}
    given = {name: (array, parameter.shape) for name, array in state.items() if array is not None}
    expect(parameter=(parameter, parameter.shape), gradient=(gradient, parameter.shape), **given)
    real = parameter.dtype.type
    _rmsprop(
        parameter.size, flat(parameter), np.ascontiguousarray(gradient).reshape(-1), flat(velocity),
        None if increment is None else flat(increment), None if average is None else flat(average),
        (real(learning_rate), real(rho), real(1 - rho), real(momentum), real(epsilon)),
    )  # fmt: skip


@parallel_elements
def _rmsprop(first, last, parameter, gradient, velocity, increment, average, numbers):
    # Compiled for each combination of arrays that are None, without the code for them.
    learning_rate, rho, one_minus_rho, momentum, epsilon = numbers
    zero = parameter.dtype.type(0)
    for i in range(first, last):
        g = gradient[i]
        velocity[i] = rho * velocity[i] + one_minus_rho * (g * g)
        variance = velocity[i]
        if average is not None:
            average[i] = rho * average[i] + one_minus_rho * g
            variance -= average[i] * average[i]
            variance = zero if variance < zero else variance
        step = learning_rate * g / np.sqrt(variance + epsilon)
        if increment is not None:
            increment[i] = momentum * increment[i] + step
            step = increment[i]
        parameter[i] -= step
