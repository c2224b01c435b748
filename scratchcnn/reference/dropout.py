"""Dropout: in training, every number is dropped by chance, and those that stay are made larger."""

from __future__ import annotations

import numpy as np

from scratchcnn.operands import Array, expect
from scratchcnn.reference.random import random_bits


def dropout(x: Array, rate: float, key: int) -> tuple[Array, Array]:
    """Set a share `rate` of the numbers to zero, and divide the others by 1 - rate.

        kept[i] = random[i] >= rate,   random uniform in [0, 1)
        y[i] = x[i] / (1 - rate) if kept[i], else 0

    So the expected value of y is x, and nothing needs to be done when the trained model is used ("inverted" dropout).

    Parameters
    ----------
    x : any shape, float32 or float64
    rate : float
        Share to drop, from 0 to below 1.
    key : int
        Names the random numbers, 0 to 2**64 - 1; the same key drops the same places.

    Returns
    -------
    y : the shape and dtype of x
    kept : the shape of x, bool

    Notes
    -----
    Cost: two 64-bit multiplications, a comparison and a scaling a number; reads x, writes y and the mask, a byte each.

    Raises
    ------
    TypeError
        x is not a float array.
    OverflowError
        key is not in its range.

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
    # The upper 53 of 64 bits, as an integer, against rate * 2**53: exact, and the same everywhere.
    kept = (random_bits(key, x.size) >> np.uint64(11) >= drop_below(rate)).reshape(x.shape)
    return dropout_gradient(x, kept, rate), kept


def dropout_gradient(dy: Array, kept: Array, rate: float) -> Array:
    """Gradient of the loss by the input: what was dropped sends nothing, the rest is scaled as the input was.

    Parameters
    ----------
    dy : gradient of the loss by the output
    kept : as `dropout` gave it
    rate : as in the forward pass

    Returns
    -------
    The shape and dtype of dy

    Notes
    -----
    Cost: one multiplication a number; reads dy and the mask, writes dx.

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes do not fit each other.

    Examples
    --------
    >>> dropout_gradient(np.array([1.0, 2.0]), np.array([True, False]), 0.5)
    array([2., 0.])

    References
    ----------
    Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting", section 5.1.
    """
    expect(dy=(dy, kept.shape))
    return np.where(kept, dy * dy.dtype.type(1 / (1 - rate)), dy.dtype.type(0))


def drop_below(rate: float) -> np.uint64:
    """Of 53 random bits, the values below this one are dropped."""
    return np.uint64(round(rate * 2**53))
