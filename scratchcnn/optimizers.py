"""Optimizers: Adam, SGD with momentum, and the base class of all optimizers.

An optimizer holds its settings only; its state (step count and moment estimates) is a separate value, so that one
optimizer can train several models. A learning rate is a number or one of `schedules`, for example
optimizers.schedules.CosineDecay(0.001, decay_steps=1000).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scratchcnn import schedules
from scratchcnn.arguments import non_negative, share
from scratchcnn.configs import Config, Configured
from scratchcnn.names import look_up, names_of_module
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.schedules import Schedule, rate_at, rate_or_schedule

__all__ = ["SGD", "Adam", "Optimizer", "State", "get", "schedules"]


class State(NamedTuple):
    """Optimizer state: the number of steps taken, and for each parameter its arrays (moment estimates, velocity)."""

    iterations: int
    slots: list[tuple[Array, ...]]


class Optimizer(Configured):
    """Base class of all optimizers.

    To write your own, override `step`; `start` if it keeps arrays for each parameter; and `get_config` if the
    constructor takes further arguments.

    Parameters
    ----------
    learning_rate : float or schedule, default 0.01
        A schedule is called with the number of steps taken so far and returns the learning rate of the step.

    Raises
    ------
    ValueError
        The learning rate is negative or not finite.

    Examples
    --------
    >>> class SignSGD(Optimizer):
    ...     def step(self, parameters, gradients, state, ops):
    ...         rate = rate_at(self.learning_rate, state.iterations)
    ...         for parameter, gradient in zip(parameters, gradients):
    ...             parameter -= parameter.dtype.type(rate) * np.sign(gradient)
    ...         return State(state.iterations + 1, state.slots)
    """

    def __init__(self, learning_rate: float | Schedule = 0.01) -> None:
        self.learning_rate = rate_or_schedule("learning_rate", learning_rate)

    def get_config(self) -> Config:
        """Return the constructor's arguments by name."""
        return {"learning_rate": self.learning_rate}

    def start(self, parameters: Sequence[Array]) -> State:
        """Return the state before the first step; here, one without arrays."""
        return State(0, [() for _ in parameters])

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array], state: State, ops: Operations) -> State:
        """Update the parameters and the arrays of the state in place; return the state after the step."""
        raise NotImplementedError


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
    ) -> None:
        super().__init__(learning_rate)
        self.beta_1, self.beta_2 = share("beta_1", beta_1), share("beta_2", beta_2)
        self.epsilon = non_negative("epsilon", epsilon)
        self.amsgrad = bool(amsgrad)

    def get_config(self) -> Config:
        """Return the constructor's arguments by name."""
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "amsgrad": self.amsgrad,
        }

    def start(self, parameters: Sequence[Array]) -> State:
        """Return zero steps; for each parameter m, v and, with AMSGrad, v_max, all zeros."""
        slots = 3 if self.amsgrad else 2
        return State(0, [tuple(np.zeros_like(parameter) for _ in range(slots)) for parameter in parameters])

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array], state: State, ops: Operations) -> State:
        """Update the parameters and the state's arrays in place; return the state after the step.

        Raises
        ------
        ValueError
            The schedule did not return a learning rate. Nothing has changed.
        """
        step, learning_rate = state.iterations + 1, rate_at(self.learning_rate, state.iterations)
        for parameter, gradient, slots in zip(parameters, gradients, state.slots, strict=True):
            m, v, v_max = slots[0], slots[1], slots[-1]
            ops.adam(parameter, gradient, m, v, v_max, step, learning_rate, self.beta_1, self.beta_2, self.epsilon)
        return State(step, state.slots)


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

    Raises
    ------
    ValueError
        An argument is out of range.

    References
    ----------
    Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning". Defaults are Keras's.
    """

    def __init__(self, learning_rate: float | Schedule = 0.01, momentum: float = 0.0, nesterov: bool = False) -> None:
        super().__init__(learning_rate)
        self.momentum = share("momentum", momentum)
        self.nesterov = bool(nesterov)

    def get_config(self) -> Config:
        """Return the constructor's arguments by name."""
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}

    def start(self, parameters: Sequence[Array]) -> State:
        """Return zero steps; for each parameter its velocity, zero."""
        return State(0, [(np.zeros_like(parameter),) for parameter in parameters])

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array], state: State, ops: Operations) -> State:
        """Update the parameters and the state's arrays in place; return the state after the step.

        Raises
        ------
        ValueError
            The schedule did not return a learning rate. Nothing has changed.
        """
        learning_rate = rate_at(self.learning_rate, state.iterations)
        for parameter, gradient, (velocity,) in zip(parameters, gradients, state.slots, strict=True):
            ops.sgd(parameter, gradient, velocity, learning_rate, self.momentum, self.nesterov)
        return State(state.iterations + 1, state.slots)


def get(identifier: str | Optimizer) -> Optimizer:
    """Return the optimizer of that name with Keras's defaults, or `identifier` itself if it is one.

    Raises
    ------
    ValueError
        There is no optimizer of that name.
    """
    if not isinstance(identifier, str) and hasattr(identifier, "step") and not isinstance(identifier, type):
        return identifier
    known: dict[str, type[Optimizer]] = {"adam": Adam, "sgd": SGD}
    return look_up("optimizer", identifier.lower() if isinstance(identifier, str) else identifier, known)()


if not TYPE_CHECKING:  # a type checker would take every name for defined
    __getattr__ = names_of_module(__name__)
