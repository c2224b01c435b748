"""Adam in one pass over the parameters, limited by memory bandwidth.

Written as operations on whole arrays, a step reads and writes memory a dozen times; here each element is loaded,
updated and stored once.

Cost: about 12 FLOPs and one square root per parameter; reads five arrays and writes four (four and three without
AMSGrad).
"""

from __future__ import annotations

import numpy as np

from scratchcnn.kernels.optimizers.sgd import flat
from scratchcnn.kernels.runtime.loops import parallel_elements
from scratchcnn.operands import Array, expect


def adam(
    parameter: Array,
    gradient: Array,
    m: Array,
    v: Array,
    v_max: Array,
    step: int,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """Update a parameter and its moment estimates in place; `reference.adam` has the formula."""
    expect(parameter=(parameter, gradient.shape), gradient=(gradient, m.shape), m=(m, v.shape), v=(v, v_max.shape))
    real = parameter.dtype.type
    alpha = learning_rate * (1 - beta_2**step) ** 0.5 / (1 - beta_1**step)
    arrays = flat(parameter), np.ascontiguousarray(gradient).reshape(-1), flat(m), flat(v)
    numbers = real(alpha), real(1 - beta_1), real(1 - beta_2), real(epsilon)
    if v_max is v:
        _adam(parameter.size, *arrays, numbers)
    else:
        _amsgrad(parameter.size, *arrays, flat(v_max), numbers)


# Two kernels, since LLVM vectorizes a loop only over arrays that do not overlap, and without AMSGrad v_max is v.


@parallel_elements
def _adam(first, last, parameter, gradient, m, v, numbers):
    alpha, one_minus_beta_1, one_minus_beta_2, epsilon = numbers
    for i in range(first, last):
        g = gradient[i]
        m[i] += (g - m[i]) * one_minus_beta_1
        v[i] += (g * g - v[i]) * one_minus_beta_2
        parameter[i] -= alpha * m[i] / (np.sqrt(v[i]) + epsilon)


@parallel_elements
def _amsgrad(first, last, parameter, gradient, m, v, v_max, numbers):
    alpha, one_minus_beta_1, one_minus_beta_2, epsilon = numbers
    for i in range(first, last):
        g = gradient[i]
        m[i] += (g - m[i]) * one_minus_beta_1
        v[i] += (g * g - v[i]) * one_minus_beta_2
        v_max[i] = v[i] if v[i] > v_max[i] or v[i] != v[i] else v_max[i]
        parameter[i] -= alpha * m[i] / (np.sqrt(v_max[i]) + epsilon)
