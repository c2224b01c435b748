"""The penalty of L1 and L2 regularization, and its gradient."""

from __future__ import annotations

import numpy as np

from scratchcnn.operands import Array, expect


def absolute_sum(x: Array) -> float:
    """Compute the sum of the absolute values of all elements: the L1 norm.

        total = sum over i of |x[i]|

    Parameters
    ----------
    x : any shape, float32 or float64

    Returns
    -------
    float

    Notes
    -----
    Cost: 2 FLOPs per element; reads one array.

    Numerics: accumulated in float64.

    Raises
    ------
    TypeError
        x is neither float32 nor float64.

    Examples
    --------
    >>> absolute_sum(np.array([3.0, -4.0]))
    7.0

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", sections 2.5 and 7.1.2.
    """
    expect(x=(x, x.shape))
    total: float = float(np.abs(x).sum(dtype=np.float64))
    return total


def squared_sum(x: Array) -> float:
    """Compute the sum of the squares of all elements: the square of the Euclidean norm.

        total = sum over i of x[i]**2

    Parameters
    ----------
    x : any shape, float32 or float64

    Returns
    -------
    float

    Notes
    -----
    Cost: 2 FLOPs per element; reads one array.

    Numerics: accumulated in float64, so that the squares neither overflow nor vanish for any float32 number.

    Raises
    ------
    TypeError
        x is neither float32 nor float64.

    Examples
    --------
    >>> squared_sum(np.array([3.0, -4.0]))
    25.0

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", sections 2.5 and 7.1.1.
    """
    expect(x=(x, x.shape))
    total: float = float(np.square(x, dtype=np.float64).sum())
    return total


def add_penalty_gradient(gradient: Array, x: Array, l1: float, l2: float) -> Array:
    """Add the gradient of the penalty l1 * absolute_sum(x) + l2 * squared_sum(x) to a gradient.

        result[i] = gradient[i] + l1 * sign(x[i]) + 2 * l2 * x[i]

    The sign of 0 is 0: at its kink, the subgradient of |x| is 0, as in Keras on TensorFlow and PyTorch. On JAX it is
    1, which moves a weight away from zero.

    Parameters
    ----------
    gradient, x : one shape and dtype
    l1, l2 : float

    Returns
    -------
    A new array like gradient

    Notes
    -----
    Cost: 5 FLOPs per element; reads two arrays, writes one.

    Raises
    ------
    ValueError, TypeError
        The shapes or dtypes differ.

    Examples
    --------
    >>> add_penalty_gradient(np.array([1.0, 1.0]), np.array([-3.0, 0.0]), 0.5, 0.1)
    array([-0.1,  1. ])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 7.1.
    """
    expect(gradient=(gradient, x.shape), x=(x, x.shape))
    real = x.dtype.type
    result: Array = gradient + (real(l1) * np.sign(x) + real(2 * l2) * x)
    return result
