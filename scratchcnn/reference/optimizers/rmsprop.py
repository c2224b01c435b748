"""RMSprop: gradient descent with a step size adapted to the recent magnitude of each gradient."""

from __future__ import annotations

import numpy as np

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
    """Update a parameter and the optimizer state with one step of RMSprop, in place.

        velocity = rho * velocity + (1 - rho) * gradient**2         moving average of the squared gradients
        average = rho * average + (1 - rho) * gradient              moving average of the gradients (centered)
        variance = velocity - average**2 if centered else velocity
        step = learning_rate * gradient / sqrt(max(variance, 0) + epsilon)
        increment = momentum * increment + step                     (with momentum)
        parameter = parameter - increment if momentum else parameter - step

    Parameters
    ----------
    parameter, gradient, velocity : one shape and dtype
        The velocity is zeros before the first step. (This is Keras's name of the average of the squares.)
    increment : array of this shape and dtype, or None
        Zeros before the first step; None without momentum.
    average : array of this shape and dtype, or None
        Zeros before the first step; None if the gradients are not centered.
    learning_rate, rho, momentum, epsilon : float

    Notes
    -----
    Cost: 7 FLOPs and a square root per parameter, 5 more if centered, 2 more with momentum; reads three to five arrays
    and writes two to four.

    Numerics: the variance of a constant gradient is zero, and may be rounded to a negative number, of which Keras takes
    the square root; here it is replaced by zero.

    Raises
    ------
    ValueError, TypeError
        The shapes or dtypes differ.

    Examples
    --------
    >>> parameter, velocity = np.zeros(2), np.zeros(2)
    >>> rmsprop(parameter, np.array([5.0, -0.1]), velocity, None, None, 0.001, 0.9, 0.0, 0.0)
    >>> parameter.round(6)  # 0.001 / sqrt(0.1), for large and small gradients
    array([-0.003162,  0.003162])

    References
    ----------
    Hinton, Srivastava & Swersky 2012, "Neural networks for machine learning", lecture 6e; Graves 2013, "Generating
    sequences with recurrent neural networks", arXiv 1308.0850, equations 38 to 45 (centered, with momentum). The
    position of epsilon is Keras's.
    """
    expect_state(parameter, gradient, velocity=velocity, increment=increment, average=average)
    real = parameter.dtype.type
    velocity *= real(rho)
    velocity += real(1 - rho) * (gradient * gradient)
    variance = velocity
    if average is not None:
        average *= real(rho)
        average += real(1 - rho) * gradient
        variance = np.maximum(velocity - average * average, real(0))
    step = real(learning_rate) * gradient / np.sqrt(variance + real(epsilon))
    if increment is not None:
        increment *= real(momentum)
        increment += step
        step = increment
    parameter -= step


def expect_state(parameter: Array, gradient: Array, **arrays: Array | None) -> None:
    """Check that the gradient and the arrays of the state have the shape and dtype of the parameter."""
    given = {name: (array, parameter.shape) for name, array in arrays.items() if array is not None}
    expect(parameter=(parameter, parameter.shape), gradient=(gradient, parameter.shape), **given)
