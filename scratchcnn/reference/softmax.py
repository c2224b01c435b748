"""Softmax: turns any numbers into probabilities."""

from __future__ import annotations

import numpy as np

from scratchcnn.operands import Array, expect


def softmax(x: Array) -> Array:
    """Probabilities along the last axis.

        y[n, j] = exp(x[n, j]) / sum over i of exp(x[n, i])

    The largest x of a row is taken off first: the quotient stays the same, and exp cannot overflow.

    Parameters
    ----------
    x : (N, J), float32 or float64

    Returns
    -------
    (N, J), the dtype of x; every row sums to 1

    Notes
    -----
    Cost: an exponential, a comparison, a subtraction, an addition and a division a number; reads x, writes y.

    Raises
    ------
    ValueError, TypeError
        x is not of rank 2 or not a float array.

    Examples
    --------
    >>> softmax(np.array([[1000.0, 1000.0]]))
    array([[0.5, 0.5]])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", sections 4.1 and 6.2.2.3.
    """
    expect(x=(x, (None, None)))
    exponentials = np.exp(x - x.max(axis=1, keepdims=True))
    y: Array = exponentials / exponentials.sum(axis=1, keepdims=True)
    return y


def softmax_gradient(dy: Array, y: Array) -> Array:
    """Gradient of the loss by the numbers that went in.

        dx[n, j] = y[n, j] * (dy[n, j] - sum over i of dy[n, i] * y[n, i])

    Parameters
    ----------
    dy : (N, J), gradient of the loss by the probabilities
    y : (N, J), the probabilities

    Returns
    -------
    (N, J), the dtype of dy

    Notes
    -----
    Cost: 4 FLOPs a number; reads both arrays, writes one.

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes do not fit each other.

    Examples
    --------
    >>> softmax_gradient(np.array([[1.0, 0.0]]), np.array([[0.25, 0.75]]))
    array([[ 0.1875, -0.1875]])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 6.2.2.3.
    """
    expect(dy=(dy, y.shape), y=(y, (None, None)))
    dx: Array = y * (dy - (dy * y).sum(axis=1, keepdims=True))
    return dx
