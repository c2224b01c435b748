"""Adadelta, whose step sizes follow from past gradients and past updates."""

from __future__ import annotations

from scratchcnn.arguments import non_negative, share
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.optimizers.base import Optimizer, Slots
from scratchcnn.schedules import Schedule


class Adadelta(Optimizer):
    """Adadelta: step sizes that follow from past gradients and past updates; see `reference.adadelta`.

    Parameters
    ----------
    learning_rate : float or schedule, default 0.001
        A schedule is called with the number of steps taken so far and returns the learning rate of the step. The paper
        has none, which is 1.0; with Keras's default, training is very slow.
    rho : float, default 0.95
        Exponential decay rate of the moving averages, in [0, 1).
    epsilon : float, default 1e-7
        Added below both roots; it determines the size of the first steps.
    weight_decay, clipnorm, clipvalue, global_clipnorm : float, optional
        As for every `Optimizer`.

    Raises
    ------
    ValueError
        An argument is out of range.

    References
    ----------
    Zeiler 2012, "Adadelta: an adaptive learning rate method", arXiv 1212.5701. Defaults are Keras's.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn import reference
    >>> optimizer, parameter = Adadelta(1.0, rho=0.5, epsilon=0.5), np.zeros(1)
    >>> state = optimizer.step([parameter], [np.full(1, 7.0)], optimizer.start([parameter]), reference)
    >>> parameter  # -7 * sqrt(0.5) / sqrt(0.5 * 7**2 + 0.5)
    array([-0.98994949])
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm)
        self.rho, self.epsilon = share("rho", rho), non_negative("epsilon", epsilon)

    @property
    def slot_names(self) -> tuple[str, ...]:
        """The moving averages of the squared gradients and of the squared updates."""
        return ("squared_gradients", "squared_updates")

    def update(
        self, parameter: Array, gradient: Array, slots: Slots, step: int, learning_rate: float, ops: Operations
    ) -> None:
        """Update one parameter and the arrays of its state in place."""
        ops.adadelta(parameter, gradient, slots[0], slots[1], learning_rate, self.rho, self.epsilon)
