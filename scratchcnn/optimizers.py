"""Optimizers: Adam, and SGD with momentum. An optimizer holds its settings; what it remembers is a state of its own.

So one optimizer may train two models, and neither disturbs the other. A learning rate is a number, or one of
`schedules`, as optimizers.schedules.CosineDecay(0.001, decay_steps=1000).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from scratchcnn import schedules
from scratchcnn.arguments import non_negative, share
from scratchcnn.configs import Config, Configured
from scratchcnn.names import look_up
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.schedules import Schedule, rate_at, rate_or_schedule

__all__ = ["SGD", "Adam", "Optimizer", "State", "get", "schedules"]


class State(NamedTuple):
    """What an optimizer remembers: the number of steps taken, and for each parameter its arrays ('slots')."""

    iterations: int
    slots: list[tuple[Array, ...]]


class Optimizer(Protocol):
    """What the training loop asks of an optimizer."""

    learning_rate: float | Schedule

    def start(self, parameters: Sequence[Array]) -> State:
        """The state before the first step."""

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array], state: State, ops: Operations) -> State:
        """Change the parameters and the slots in place; return the state after the step."""


class Adam(Configured):
    """Steps along the mean of past gradients, divided by the root of the mean of their squares; see `reference.adam`.

    Parameters
    ----------
    learning_rate : float or schedule, default 0.001
        A schedule is called with the number of steps taken so far, and returns the rate of the step; see `schedules`.
    beta_1, beta_2 : float, defaults 0.9 and 0.999
        How much of the means stays at each step; from 0 to below 1.
    epsilon : float, default 1e-7
        Added to the root, so that it is never zero.
    amsgrad : bool, default False
        Divide by the largest mean so far.

    Raises
    ------
    ValueError
        An argument is out of range.

    References
    ----------
    Kingma & Ba 2015, arXiv 1412.6980. Defaults and the place of epsilon are Keras's.
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
    ) -> None:
        self.learning_rate = rate_or_schedule("learning_rate", learning_rate)
        self.beta_1, self.beta_2 = share("beta_1", beta_1), share("beta_2", beta_2)
        self.epsilon = non_negative("epsilon", epsilon)
        self.amsgrad = bool(amsgrad)

    def get_config(self) -> Config:
        """The arguments of the constructor, by name."""
        return {
            "learning_rate": self.learning_rate,
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "amsgrad": self.amsgrad,
        }

    def start(self, parameters: Sequence[Array]) -> State:
        """No steps; for each parameter m, v and, with AMSGrad, v_max, all zeros."""
        slots = 3 if self.amsgrad else 2
        return State(0, [tuple(np.zeros_like(parameter) for _ in range(slots)) for parameter in parameters])

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array], state: State, ops: Operations) -> State:
        """Change the parameters and the slots in place; return the state after the step.

        Raises
        ------
        ValueError
            The schedule returned no learning rate. Nothing has changed.
        """
        step, learning_rate = state.iterations + 1, rate_at(self.learning_rate, state.iterations)
        for parameter, gradient, slots in zip(parameters, gradients, state.slots, strict=True):
            m, v, v_max = slots[0], slots[1], slots[-1]
            ops.adam(parameter, gradient, m, v, v_max, step, learning_rate, self.beta_1, self.beta_2, self.epsilon)
        return State(step, state.slots)


class SGD(Configured):
    """Steps along the gradient, with momentum; see `reference.sgd`.

    Parameters
    ----------
    learning_rate : float or schedule, default 0.01
        A schedule is called with the number of steps taken so far, and returns the rate of the step; see `schedules`.
    momentum : float, default 0
        How much of the last step goes on; from 0 to below 1.
    nesterov : bool, default False
        Look ahead by one step of momentum.

    Raises
    ------
    ValueError
        An argument is out of range.

    References
    ----------
    Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning". Defaults are Keras's.
    """

    def __init__(self, learning_rate: float | Schedule = 0.01, momentum: float = 0.0, nesterov: bool = False) -> None:
        self.learning_rate = rate_or_schedule("learning_rate", learning_rate)
        self.momentum = share("momentum", momentum)
        self.nesterov = bool(nesterov)

    def get_config(self) -> Config:
        """The arguments of the constructor, by name."""
        return {"learning_rate": self.learning_rate, "momentum": self.momentum, "nesterov": self.nesterov}

    def start(self, parameters: Sequence[Array]) -> State:
        """No steps; for each parameter its velocity, zeros."""
        return State(0, [(np.zeros_like(parameter),) for parameter in parameters])

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array], state: State, ops: Operations) -> State:
        """Change the parameters and the slots in place; return the state after the step.

        Raises
        ------
        ValueError
            The schedule returned no learning rate. Nothing has changed.
        """
        learning_rate = rate_at(self.learning_rate, state.iterations)
        for parameter, gradient, (velocity,) in zip(parameters, gradients, state.slots, strict=True):
            ops.sgd(parameter, gradient, velocity, learning_rate, self.momentum, self.nesterov)
        return State(state.iterations + 1, state.slots)


def get(identifier: str | Optimizer) -> Optimizer:
    """The optimizer of that name with Keras's defaults, or `identifier` itself if it is one.

    Raises
    ------
    ValueError
        There is no optimizer of that name.
    """
    if not isinstance(identifier, str) and hasattr(identifier, "step"):
        return identifier
    known: dict[str, type[Adam] | type[SGD]] = {"adam": Adam, "sgd": SGD}
    return look_up("optimizer", identifier.lower() if isinstance(identifier, str) else identifier, known)()
