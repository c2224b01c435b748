"""Adam: gradient descent with a momentum term and a step size adapted to each parameter."""

from __future__ import annotations

import numpy as np

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
    """Update a parameter and its moment estimates with one step of Adam, in place.

        m = m + (gradient - m) * (1 - beta_1)                                   moving average of the gradients
        v = v + (gradient**2 - v) * (1 - beta_2)                                moving average of their squares
        v_max = max(v_max, v)                                                   AMSGrad
        alpha = learning_rate * sqrt(1 - beta_2**step) / (1 - beta_1**step)     bias correction of m and v
        parameter = parameter - alpha * m / (sqrt(v_max) + epsilon)

    The averages start at zero and are therefore too small in the first steps; the factors in `alpha` correct this bias.
    Epsilon is added to the uncorrected sqrt(v_max), as in Keras (the "epsilon hat" of the paper, end of section 2).

    Parameters
    ----------
    parameter, gradient, m, v, v_max : one shape and dtype
        The moment estimates m, v and v_max are zeros before the first step. For Adam without AMSGrad, pass the array v
        as v_max, too.
    step : int
        Number of this step, starting at 1.
    learning_rate, beta_1, beta_2, epsilon : float

    Notes
    -----
    Cost: about 12 FLOPs and a square root per parameter; reads four arrays and writes three (with AMSGrad, one more of
    each).

    Numerics: `alpha` is computed in float64 and then rounded to the dtype of the parameter.

    Raises
    ------
    ValueError, TypeError
        The shapes or dtypes differ.

    Examples
    --------
    >>> parameter, m, v = np.zeros(2), np.zeros(2), np.zeros(2)
    >>> adam(parameter, np.array([5.0, -0.1]), m, v, v, 1, 0.001, 0.9, 0.999, 1e-7)
    >>> parameter.round(6)  # the length of the first step is the learning rate, for large and small gradients
    array([-0.001,  0.001])

    References
    ----------
    Kingma & Ba 2015, "Adam: a method for stochastic optimization", arXiv 1412.6980, algorithm 1 and section 2;
    Reddi, Kale & Kumar 2018, "On the convergence of Adam and beyond", arXiv 1904.09237, algorithm 2 (AMSGrad).
    """
    expect(parameter=(parameter, gradient.shape), gradient=(gradient, m.shape), m=(m, v.shape), v=(v, v_max.shape))
    real = parameter.dtype.type
    m += (gradient - m) * real(1 - beta_1)
    v += (gradient * gradient - v) * real(1 - beta_2)
    np.maximum(v_max, v, out=v_max)
    alpha = learning_rate * (1 - beta_2**step) ** 0.5 / (1 - beta_1**step)
    parameter -= real(alpha) * m / (np.sqrt(v_max) + real(epsilon))
