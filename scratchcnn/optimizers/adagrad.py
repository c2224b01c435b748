"""Adagrad, whose step sizes decrease with the sum of the squared gradients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scratchcnn.arguments import non_negative
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.optimizers.base import Optimizer, Slots, State
from scratchcnn.schedules import Schedule


class Adagrad(Optimizer):
    """Adagrad: steps along the gradient over the root of the sum of all its past squares; see `reference.adagrad`.

    Parameters
    ----------
    learning_rate : float or schedule, default 0.001
        A schedule is called with the number of steps taken so far and returns the learning rate of the step. The paper
        uses much larger ones, up to 1.
    initial_accumulator_value : float, default 0.1
        Of the sum before the first step, at least 0.
    epsilon : float, default 1e-7
        Added below the root, so that the denominator is never zero.
    weight_decay, clipnorm, clipvalue, global_clipnorm : float, optional
        As for every `Optimizer`.

    Raises
    ------
    ValueError
        An argument is out of range.

    References
    ----------
    Duchi, Hazan & Singer 2011, "Adaptive subgradient methods for online learning and stochastic optimization", JMLR 12.
    Defaults and the position of epsilon are Keras's.

    Examples
    --------
    >>> from scratchcnn import reference
    >>> optimizer, parameter = Adagrad(0.1, initial_accumulator_value=9.0, epsilon=0.0), np.zeros(1)
    >>> state = optimizer.step([parameter], [np.full(1, 4.0)], optimizer.start([parameter]), reference)
    >>> parameter  # -0.1 * 4 / sqrt(9 + 4**2)
    array([-0.08])
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm)
        self.initial_accumulator_value = non_negative("initial_accumulator_value", initial_accumulator_value)
        self.epsilon = non_negative("epsilon", epsilon)

    @property
    def slot_names(self) -> tuple[str, ...]:
        """The accumulator: the sum of the squared gradients."""
        return ("accumulator",)

    def start(self, parameters: Sequence[Array]) -> State:
        """Return zero steps, and for each parameter an accumulator of the initial value."""
        return State(0, [(np.full_like(parameter, self.initial_accumulator_value),) for parameter in parameters])

    def update(
        self, parameter: Array, gradient: Array, slots: Slots, step: int, learning_rate: float, ops: Operations
    ) -> None:
        """Update one parameter and the arrays of its state in place."""
        ops.adagrad(parameter, gradient, slots[0], learning_rate, self.epsilon)
