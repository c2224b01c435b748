"""Stochastic gradient descent with momentum."""

from __future__ import annotations

from scratchcnn.arguments import boolean, share
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.optimizers.base import Optimizer, Slots
from scratchcnn.schedules import Schedule


class SGD(Optimizer):
    """Stochastic gradient descent with momentum; see `reference.sgd`.

    Parameters
    ----------
    learning_rate : float or schedule, default 0.01
        A schedule is called with the number of steps taken so far and returns the learning rate of the step.
    momentum : float, default 0
        Fraction of the previous step that is added, in [0, 1).
    nesterov : bool, default False
        Use Nesterov momentum: evaluate the step one momentum step ahead.
    weight_decay, clipnorm, clipvalue, global_clipnorm : float, optional
        As for every `Optimizer`.

    Raises
    ------
    ValueError
        An argument is out of range.

    References
    ----------
    Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning". Defaults are Keras's.
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm)
        self.momentum = share("momentum", momentum)
        self.nesterov = boolean("nesterov", nesterov)

    @property
    def slot_names(self) -> tuple[str, ...]:
        """The velocity."""
        return ("velocity",)

    def update(
        self, parameter: Array, gradient: Array, slots: Slots, step: int, learning_rate: float, ops: Operations
    ) -> None:
        """Update one parameter and the arrays of its state in place."""
        ops.sgd(parameter, gradient, slots[0], learning_rate, self.momentum, self.nesterov)
