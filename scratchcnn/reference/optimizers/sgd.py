"""SGD: stochastic gradient descent, optionally with momentum or Nesterov momentum."""

from __future__ import annotations

from scratchcnn.operands import Array, expect


def sgd(
    parameter: Array, gradient: Array, velocity: Array, learning_rate: float, momentum: float, nesterov: bool
) -> None:
    """Update a parameter and its velocity with one step of gradient descent, in place.

        velocity = momentum * velocity - learning_rate * gradient
        update = momentum * velocity - learning_rate * gradient if nesterov else velocity
        parameter = parameter + update

    With momentum 0 and nesterov False, the update is -learning_rate * gradient: plain gradient descent.

    Parameters
    ----------
    parameter, gradient, velocity : one shape and dtype
        The velocity is zeros before the first step.
    learning_rate, momentum : float
    nesterov : bool

    Notes
    -----
    Cost: 4 FLOPs per parameter, 7 with Nesterov momentum; reads three arrays, writes two.

    Raises
    ------
    ValueError, TypeError
        The shapes or dtypes differ.

    Examples
    --------
    >>> parameter, velocity = np.zeros(1), np.zeros(1)
    >>> for _ in range(2):
    ...     sgd(parameter, np.ones(1), velocity, 0.1, 0.9, False)
    >>> parameter  # -0.1, then -0.9 * 0.1 - 0.1
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
    update = real(momentum) * velocity - real(learning_rate) * gradient if nesterov else velocity
    parameter += update
