"""Adadelta: gradient descent whose step sizes follow from the past gradients and the past updates."""

from __future__ import annotations

import numpy as np

from scratchcnn.operands import Array, expect


def adadelta(
    parameter: Array,
    gradient: Array,
    squared_gradients: Array,
    squared_updates: Array,
    learning_rate: float,
    rho: float,
    epsilon: float,
) -> None:
    """Update a parameter and the optimizer state with one step of Adadelta, in place.

        squared_gradients = rho * squared_gradients + (1 - rho) * gradient**2
        update = -gradient * sqrt(squared_updates + epsilon) / sqrt(squared_gradients + epsilon)
        squared_updates = rho * squared_updates + (1 - rho) * update**2
        parameter = parameter + learning_rate * update

    The two moving averages give the update the unit of the parameter, so that no learning rate would be needed; the
    paper has none, which is learning_rate = 1.

    Parameters
    ----------
    parameter, gradient, squared_gradients, squared_updates : one shape and dtype
        The moving averages are zeros before the first step.
    learning_rate, rho, epsilon : float

    Notes
    -----
    Cost: 14 FLOPs and two square roots per parameter; reads four arrays, writes three.

    Raises
    ------
    ValueError, TypeError
        The shapes or dtypes differ.

    Examples
    --------
    >>> parameter, gradients, updates = np.zeros(1), np.zeros(1), np.zeros(1)
    >>> adadelta(parameter, np.full(1, 2.0), gradients, updates, 1.0, 0.75, 1.0)
    >>> parameter.round(6)  # -2 / sqrt(0.25 * 4 + 1)
    array([-1.414214])

    References
    ----------
    Zeiler 2012, "Adadelta: an adaptive learning rate method", arXiv 1212.5701, algorithm 1.
    """
    shape = parameter.shape
    expect(
        parameter=(parameter, shape), gradient=(gradient, shape), squared_gradients=(squared_gradients, shape),
        squared_updates=(squared_updates, shape),
    )  # fmt: skip
    real = parameter.dtype.type
    squared_gradients *= real(rho)
    squared_gradients += real(1 - rho) * (gradient * gradient)
    update = -gradient * (np.sqrt(squared_updates + real(epsilon)) / np.sqrt(squared_gradients + real(epsilon)))
    squared_updates *= real(rho)
    squared_updates += real(1 - rho) * (update * update)
    parameter += real(learning_rate) * update
