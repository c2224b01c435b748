"""Adam, and AdamW: Adam with decoupled weight decay."""

from __future__ import annotations

from scratchcnn.arguments import boolean, non_negative, share
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.optimizers.base import Optimizer, Slots
from scratchcnn.schedules import Schedule


class Adam(Optimizer):
    """Adam: steps along the mean of past gradients over the root of their mean square; see `reference.adam`.

    Parameters
    ----------
    learning_rate : float or schedule, default 0.001
        A schedule is called with the number of steps taken so far and returns the learning rate of the step.
    beta_1, beta_2 : float, defaults 0.9 and 0.999
        Exponential decay rates of the two moment estimates, in [0, 1).
    epsilon : float, default 1e-7
        Added to the root, so that the denominator is never zero.
    amsgrad : bool, default False
        Use the maximum of all past second moment estimates.
    weight_decay, clipnorm, clipvalue, global_clipnorm : float, optional
        As for every `Optimizer`.

    Raises
    ------
    ValueError
        An argument is out of range.

    References
    ----------
    Kingma & Ba 2015, arXiv 1412.6980. Defaults and the position of epsilon are Keras's.
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm)
        self.beta_1, self.beta_2 = share("beta_1", beta_1), share("beta_2", beta_2)
        self.epsilon = non_negative("epsilon", epsilon)
        self.amsgrad = boolean("amsgrad", amsgrad)

    @property
    def slot_names(self) -> tuple[str, ...]:
        """The moment estimates m and v and, with AMSGrad, v_max."""
        return ("m", "v", "v_max") if self.amsgrad else ("m", "v")

    def update(
        self, parameter: Array, gradient: Array, slots: Slots, step: int, learning_rate: float, ops: Operations
    ) -> None:
        """Update one parameter and the arrays of its state in place."""
        ops.adam(
            parameter, gradient, slots[0], slots[1], slots[-1],
            step, learning_rate, self.beta_1, self.beta_2, self.epsilon,
        )  # fmt: skip


class AdamW(Adam):
    """AdamW: Adam with decoupled weight decay, which does not pass through the moment estimates.

        parameter = parameter - learning_rate * weight_decay * parameter, then a step of Adam

    Parameters
    ----------
    learning_rate : float or schedule, default 0.001
    weight_decay : float, default 0.004
    beta_1, beta_2, epsilon, amsgrad
        As for `Adam`.
    clipnorm, clipvalue, global_clipnorm : float, optional
        As for every `Optimizer`.

    Raises
    ------
    ValueError
        An argument is out of range.

    References
    ----------
    Loshchilov & Hutter 2019, "Decoupled weight decay regularization", arXiv 1711.05101, algorithm 2. Defaults are
    Keras's.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn import reference
    >>> optimizer, parameter = AdamW(0.1, weight_decay=0.5), np.ones(1)
    >>> state = optimizer.step([parameter], [np.zeros(1)], optimizer.start([parameter]), reference)
    >>> parameter  # 1 - 0.1 * 0.5
    array([0.95])
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
    ) -> None:
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, non_negative("weight_decay", weight_decay),
            clipnorm, clipvalue, global_clipnorm,
        )  # fmt: skip
