"""The base class of all optimizers: learning rate, gradient clipping and weight decay; and the optimizer state."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scratchcnn.arguments import non_negative, positive
from scratchcnn.configs import Configured
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.schedules import Schedule, rate_at, rate_or_schedule

Slots = tuple[Array, ...]  # the state of one parameter: its moment estimates, or its velocity


class State(NamedTuple):
    """Optimizer state: the number of steps taken, and for each parameter its arrays (moment estimates, velocity)."""

    iterations: int
    slots: list[Slots]


class Optimizer(Configured):
    """Base class of all optimizers.

    A step computes, for each parameter:

        gradient = clipped gradient                                           clipnorm, clipvalue, global_clipnorm
        parameter = parameter - learning_rate * weight_decay * parameter      weight_decay
        parameter, state = update(parameter, gradient, state)

    To write your own, override `update`, and `slot_names` if it keeps arrays for each parameter. Or override `step`,
    which then does all of the above.

    Parameters
    ----------
    learning_rate : float or schedule, default 0.01
        A schedule is called with the number of steps taken so far and returns the learning rate of the step.
    weight_decay : float, optional
        Decoupled weight decay: in every step, each trainable parameter is multiplied by
        1 - learning_rate * weight_decay.
    clipnorm : float, optional
        Limit of the norm of the gradient of each parameter.
    clipvalue : float, optional
        Limit of the magnitude of each element of the gradients.
    global_clipnorm : float, optional
        Limit of the norm of the gradients of all parameters together.

    Raises
    ------
    ValueError
        The learning rate is negative or not finite, a limit is not positive, or more than one limit is given.

    References
    ----------
    Loshchilov & Hutter 2019, "Decoupled weight decay regularization", arXiv 1711.05101; Pascanu, Mikolov & Bengio
    2013, "On the difficulty of training recurrent neural networks" (clipping).

    Examples
    --------
    >>> class SignSGD(Optimizer):
    ...     def update(self, parameter, gradient, slots, step, learning_rate, ops):
    ...         parameter -= parameter.dtype.type(learning_rate) * np.sign(gradient)
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
    ) -> None:
        self.learning_rate = rate_or_schedule("learning_rate", learning_rate)
        self.weight_decay = None if weight_decay is None else non_negative("weight_decay", weight_decay)
        limits = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        given = {name: positive(name, limit) for name, limit in limits.items() if limit is not None}
        if len(given) > 1:
            listed = " and ".join(f"{name}={limit}" for name, limit in given.items())
            raise ValueError(
                f"Expected at most one of clipnorm, clipvalue and global_clipnorm, received {listed}; omit all but one."
            )
        self.clipnorm, self.clipvalue = given.get("clipnorm"), given.get("clipvalue")
        self.global_clipnorm = given.get("global_clipnorm")

    @property
    def slot_names(self) -> tuple[str, ...]:
        """Names of the arrays that the state contains for each parameter, in order; here, there are none."""
        return ()

    def start(self, parameters: Sequence[Array]) -> State:
        """Return the state before the first step: for each parameter one array of zeros for each of `slot_names`."""
        return State(0, [tuple(np.zeros_like(parameter) for _ in self.slot_names) for parameter in parameters])

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array], state: State, ops: Operations) -> State:
        """Update the parameters and the arrays of the state in place; return the state after the step.

        Raises
        ------
        ValueError
            The schedule did not return a learning rate, or a setting has changed that determines `slot_names`. Nothing
            has changed.
        """
        if state.slots and len(state.slots[0]) != len(self.slot_names):
            raise ValueError(
                f"Expected a state of {type(self).__name__} with {' and '.join(self.slot_names) or 'no arrays'} for "
                f"each parameter, received {len(state.slots[0])} of them; call compile after a change of this setting."
            )
        step, learning_rate = state.iterations + 1, rate_at(self.learning_rate, state.iterations)
        gradients = self.clipped(gradients, ops)
        for parameter, gradient, slots in zip(parameters, gradients, state.slots, strict=True):
            if self.weight_decay is not None:
                ops.decay(parameter, learning_rate * self.weight_decay)
            self.update(parameter, gradient, slots, step, learning_rate, ops)
        return State(step, state.slots)

    def update(
        self, parameter: Array, gradient: Array, slots: Slots, step: int, learning_rate: float, ops: Operations
    ) -> None:
        """Update one parameter and the arrays of its state in place.

        Parameters
        ----------
        parameter : array
        gradient : array
            Clipped, if that was asked for.
        slots : tuple of arrays
            The state of this parameter, in the order of `slot_names`.
        step : int
            Number of this step, starting at 1.
        learning_rate : float
            Of this step.
        ops : Operations
            The primitive operations: those of the package `kernels`, or of `reference`.
        """
        raise NotImplementedError

    def clipped(self, gradients: Sequence[Array], ops: Operations) -> Sequence[Array]:
        """Return the gradients, limited by clipnorm, global_clipnorm or clipvalue."""
        if self.clipnorm is not None:
            limit, norms = self.clipnorm, [math.sqrt(ops.squared_sum(gradient)) for gradient in gradients]
        elif self.global_clipnorm is not None:
            norm = math.sqrt(sum(ops.squared_sum(gradient) for gradient in gradients))
            limit, norms = self.global_clipnorm, [norm] * len(gradients)
        elif self.clipvalue is not None:
            return [ops.clip_by_value(gradient, self.clipvalue) for gradient in gradients]
        else:
            return gradients
        return [ops.clip_by_norm(gradient, norm, limit) for gradient, norm in zip(gradients, norms, strict=True)]
