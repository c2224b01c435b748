"""RMSprop, whose step sizes follow from the recent magnitude of the gradients."""

from __future__ import annotations

from scratchcnn.arguments import boolean, non_negative, share
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.optimizers.base import Optimizer, Slots
from scratchcnn.schedules import Schedule


class RMSprop(Optimizer):
    """RMSprop: steps along the gradient over the root of the mean of its past squares; see `reference.rmsprop`.

    Parameters
    ----------
    learning_rate : float or schedule, default 0.001
        A schedule is called with the number of steps taken so far and returns the learning rate of the step.
    rho : float, default 0.9
        Exponential decay rate of the moving averages, in [0, 1).
    momentum : float, default 0
        Fraction of the previous step that is added, in [0, 1).
    epsilon : float, default 1e-7
        Added below the root, so that the denominator is never zero.
    centered : bool, default False
        Divide by the standard deviation of the past gradients instead: subtract the square of their mean.
    weight_decay, clipnorm, clipvalue, global_clipnorm : float, optional
        As for every `Optimizer`.

    Raises
    ------
    ValueError
        An argument is out of range.

    References
    ----------
    Hinton, Srivastava & Swersky 2012, "Neural networks for machine learning", lecture 6e; Graves 2013, arXiv 1308.0850.
    Defaults and the position of epsilon are Keras's.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn import reference
    >>> optimizer, parameter = RMSprop(0.1, rho=0.75, epsilon=0.0), np.zeros(1)
    >>> state = optimizer.step([parameter], [np.full(1, 8.0)], optimizer.start([parameter]), reference)
    >>> parameter  # -0.1 * 8 / sqrt(0.25 * 8**2)
    array([-0.2])
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm)
        self.rho, self.momentum = share("rho", rho), share("momentum", momentum)
        self.epsilon = non_negative("epsilon", epsilon)
        self.centered = boolean("centered", centered)

    @property
    def slot_names(self) -> tuple[str, ...]:
        """The velocity (the mean of the squared gradients); with momentum, the increment; if centered, the average."""
        return ("velocity", *["increment"] * (self.momentum > 0), *["average"] * self.centered)

    def update(
        self, parameter: Array, gradient: Array, slots: Slots, step: int, learning_rate: float, ops: Operations
    ) -> None:
        """Update one parameter and the arrays of its state in place."""
        arrays = dict(zip(self.slot_names, slots, strict=True))
        ops.rmsprop(
            parameter, gradient, arrays["velocity"], arrays.get("increment"), arrays.get("average"),
            learning_rate, self.rho, self.momentum, self.epsilon,
        )  # fmt: skip
