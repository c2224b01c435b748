"""Adam: steps along the mean of past gradients, divided by the root of the mean of their squares."""

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
    """One step; parameter, m, v and v_max are changed in place.

        m = m + (gradient - m) * (1 - beta_1)              mean of past gradients
        v = v + (gradient**2 - v) * (1 - beta_2)           mean of their squares
        v_max = max(v_max, v)                              AMSGrad; without it v_max is v itself
        np.maximum(v_max, v, out=v_max)
    alpha = learning_rate * sqrt(1 - beta_2**step) / (1 - beta_1**step)      both began at zero: corrects for it
        parameter = parameter - alpha * m / (sqrt(v_max) + epsilon)

    Epsilon stands where Keras has it, beside the uncorrected sqrt(v) (the paper's "epsilon hat", end of section 2).

    Parameters
    ----------
    parameter, gradient, m, v, v_max : one shape and dtype
        m, v and v_max are zeros before the first step; give v twice for Adam without AMSGrad.
    step : int
        1 for the first step.
    learning_rate, beta_1, beta_2, epsilon : float

    Notes
    -----
    Cost: about 12 FLOPs and a square root for each parameter; reads four arrays, writes three.

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes do not fit each other.

    Examples
    --------
    >>> parameter, m, v = np.zeros(2), np.zeros(2), np.zeros(2)
    >>> adam(parameter, np.array([5.0, -0.1]), m, v, v, 1, 0.001, 0.9, 0.999, 1e-7)
    >>> parameter.round(6)  # the first step is learning_rate long, whatever the gradient
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
