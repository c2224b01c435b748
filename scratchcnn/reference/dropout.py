"""Dropout: zeroes random activations during training and scales up the others; and its gradient."""

from __future__ import annotations

import numpy as np

from scratchcnn.operands import Array, expect
from scratchcnn.reference.random import random_bits


def dropout(x: Array, rate: float, key: int) -> tuple[Array, Array]:
    """Zero each element with probability `rate` and divide the others by 1 - rate.

        u[i] = random_bits(key)[i] >> 11                   uniform in 0, 1, ..., 2**53 - 1
        kept[i] = u[i] >= round(rate * 2**53)              true with probability 1 - rate
        y[i] = x[i] / (1 - rate) if kept[i], else 0

    where i counts the elements of x in C order. The expected value of y is x, so that nothing has to be scaled when the
    trained model is used ("inverted" dropout).

    Parameters
    ----------
    x : any shape, float32 or float64
    rate : float
        Probability of zeroing an element, 0 <= rate < 1.
    key : int
        Key of the random stream, 0 to 2**64 - 1; the same key zeroes the same elements.

    Returns
    -------
    y : the shape and dtype of x
    kept : the shape of x, bool

    Notes
    -----
    Cost: two 64-bit multiplications, a comparison and a scaling per element; reads x, writes y and the mask (one byte
    per element).

    Numerics: elements are multiplied by 1 / (1 - rate), rounded to the dtype of x.

    Raises
    ------
    TypeError
        x is not a float array.
    OverflowError
        key is out of range.

    Examples
    --------
    >>> y, kept = dropout(np.ones(8), 0.5, key=3)
    >>> y[kept], y[~kept].sum()
    (array([2., 2., 2., 2.]), np.float64(0.0))

    References
    ----------
    Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting", section 10.
    """
    expect(x=(x, x.shape))
    u = random_bits(key, x.size) >> np.uint64(11)
    kept = (u >= np.uint64(round(rate * 2**53))).reshape(x.shape)  # integers: no rounding, the same on every machine
    y = np.where(kept, x * x.dtype.type(1 / (1 - rate)), x.dtype.type(0))
    return y, kept


def dropout_gradient(dy: Array, kept: Array, rate: float) -> Array:
    """Compute the gradient of the loss with respect to the input.

        dx[i] = dy[i] / (1 - rate) if kept[i], else 0

    Parameters
    ----------
    dy : any shape, float32 or float64
        Gradient of the loss with respect to the output.
    kept : the shape of dy, bool
        As returned by `dropout`.
    rate : float
        As in the forward pass.

    Returns
    -------
    The shape and dtype of dy

    Notes
    -----
    Cost: one multiplication per element; reads dy and the mask, writes dx.

    Raises
    ------
    ValueError, TypeError
        The shapes differ, or dy is not a float array.

    Examples
    --------
    >>> dropout_gradient(np.array([1.0, 2.0]), np.array([True, False]), 0.5)
    array([2., 0.])

    References
    ----------
    Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting", section 5.1.
    """
    expect(dy=(dy, kept.shape))
    dx: Array = np.where(kept, dy * dy.dtype.type(1 / (1 - rate)), dy.dtype.type(0))
    return dx
