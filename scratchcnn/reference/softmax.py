"""Softmax: turns logits into probabilities; and its gradient."""

from __future__ import annotations

import numpy as np

from scratchcnn.operands import Array, expect


def softmax(x: Array) -> Array:
    """Turn each row of logits into probabilities.

        y[n, j] = exp(x[n, j]) / sum over i of exp(x[n, i])

    Parameters
    ----------
    x : (N, J), float32 or float64
        Logits.

    Returns
    -------
    (N, J), the dtype of x; each row sums to 1

    Notes
    -----
    Cost: an exponential, a comparison, a subtraction, an addition and a division per element; reads x, writes y.

    Numerics: the maximum of each row is subtracted first. This does not change the quotient, and exp cannot overflow.

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
    exponentials = np.exp(x - x.max(axis=1, keepdims=True))  # (N, J)
    y: Array = exponentials / exponentials.sum(axis=1, keepdims=True)
    return y


def softmax_gradient(dy: Array, y: Array) -> Array:
    """Compute the gradient of the loss with respect to the logits.

        dx[n, j] = y[n, j] * (dy[n, j] - sum over i of dy[n, i] * y[n, i])

    Parameters
    ----------
    dy : (N, J), float32 or float64
        Gradient of the loss with respect to the probabilities.
    y : (N, J), the dtype of dy
        Output of the forward pass: the probabilities.

    Returns
    -------
    (N, J), the dtype of dy

    Notes
    -----
    Cost: 4 FLOPs per element; reads dy and y, writes dx.

    Raises
    ------
    ValueError, TypeError
        The shapes or dtypes differ.

    Examples
    --------
    >>> softmax_gradient(np.array([[1.0, 0.0]]), np.array([[0.25, 0.75]]))
    array([[ 0.1875, -0.1875]])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 6.2.2.3.
    """
    expect(dy=(dy, y.shape), y=(y, (None, None)))
    dx: Array = y * (dy - (dy * y).sum(axis=1, keepdims=True))  # (N, J)
    return dx
