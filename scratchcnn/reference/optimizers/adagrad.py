"""Adagrad: gradient descent with step sizes that decrease with the sum of all past squared gradients."""

from __future__ import annotations

import numpy as np

from scratchcnn.operands import Array, expect


def adagrad(parameter: Array, gradient: Array, accumulator: Array, learning_rate: float, epsilon: float) -> None:
    """Update a parameter and its accumulator with one step of Adagrad, in place.

        accumulator = accumulator + gradient**2
        parameter = parameter - learning_rate * gradient / sqrt(accumulator + epsilon)

    Parameters
    ----------
    parameter, gradient, accumulator : one shape and dtype
        The accumulator is a constant before the first step, in Keras 0.1: it limits the first steps.
    learning_rate, epsilon : float

    Notes
    -----
    Cost: 6 FLOPs and a square root per parameter; reads three arrays, writes two.

    Raises
    ------
    ValueError, TypeError
        The shapes or dtypes differ.

    Examples
    --------
    >>> parameter, accumulator = np.zeros(1), np.zeros(1)
    >>> for _ in range(2):
    ...     adagrad(parameter, np.full(1, 3.0), accumulator, 0.1, 0.0)
    >>> parameter.round(6)  # -0.1, then -0.1 / sqrt(2)
    array([-0.170711])

    References
    ----------
    Duchi, Hazan & Singer 2011, "Adaptive subgradient methods for online learning and stochastic optimization", JMLR 12,
    with diagonal matrices. The position of epsilon is Keras's.
    """
    shape = parameter.shape
    expect(parameter=(parameter, shape), gradient=(gradient, shape), accumulator=(accumulator, shape))
    real = parameter.dtype.type
    accumulator += gradient * gradient
    parameter -= real(learning_rate) * gradient / np.sqrt(accumulator + real(epsilon))
