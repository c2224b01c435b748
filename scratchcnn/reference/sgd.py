"""Stochastic gradient descent, with momentum: steps along the gradient, and keeps rolling."""

from __future__ import annotations

from scratchcnn.operands import Array, expect


def sgd(
    parameter: Array, gradient: Array, velocity: Array, learning_rate: float, momentum: float, nesterov: bool
) -> None:
    """One step; parameter and velocity are changed in place.

        velocity = momentum * velocity - learning_rate * gradient
        parameter = parameter + velocity                                             plain
        parameter = parameter + momentum * velocity - learning_rate * gradient       Nesterov

    Parameters
    ----------
    parameter, gradient, velocity : one shape and dtype
        velocity is zeros before the first step.
    learning_rate, momentum : float
    nesterov : bool

    Notes
    -----
    Cost: 4 FLOPs for each parameter, 7 with Nesterov's; reads three arrays, writes two.

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes do not fit each other.

    Examples
    --------
    >>> parameter, velocity = np.zeros(1), np.zeros(1)
    >>> for _ in range(2):
    ...     sgd(parameter, np.ones(1), velocity, 0.1, 0.9, False)
    >>> parameter
    array([-0.29])

    References
    ----------
    Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning", section 2.
    """
    expect(
        parameter=(parameter, gradient.shape), gradient=(gradient, velocity.shape), velocity=(velocity, velocity.shape)
    )
    real = parameter.dtype.type
    velocity *= real(momentum)
    velocity -= real(learning_rate) * gradient
    if nesterov:
        parameter += real(momentum) * velocity - real(learning_rate) * gradient
    else:
        parameter += velocity
