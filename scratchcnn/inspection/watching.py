"""Callbacks that observe the gradients and parameters of each training step.

Gradients exist only between the backward pass and the optimizer, where a callback is not called. Therefore a watcher
replaces the optimizer for one step by a copy that records its arguments and calls the real optimizer. The computation
does not change, to the bit, and between two steps the model has its own optimizer, so that it can be saved.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

from scratchcnn.arguments import positive_integer
from scratchcnn.callbacks import Callback
from scratchcnn.callbacks.base import Logs
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.optimizers import Optimizer, State
from scratchcnn.training.trainer import Trainer


class Handed(NamedTuple):
    """The arguments of an optimizer's step; the arrays are the model's own, in layer order, without frozen parameters.

    Attributes
    ----------
    optimizer : Optimizer
    parameters, gradients : list of arrays
    state : State
        The optimizer state: steps taken so far, and moment estimates.
    """

    optimizer: Optimizer
    parameters: Sequence[Array]
    gradients: Sequence[Array]
    state: State


class Watcher(Callback):
    """Base class of callbacks that observe the steps of `fit`; override `before_step` and `after_step`.

    Parameters
    ----------
    every : int, default 1
        Observe every so many steps only: 1, 1 + every, ...
    """

    def __init__(self, every: int = 1) -> None:
        super().__init__()
        self.every = positive_integer("every", every)
        self._steps = 0

    def before_step(self, handed: Handed) -> None:
        """Called right before a step; arrays must not be changed, and must be copied to be kept."""

    def after_step(self, handed: Handed) -> None:
        """Called right after it, with the new parameters and state, and the same gradients."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Remove what an earlier `fit` that was interrupted may have left."""
        take_away(self.model.trainer)
        self._steps = 0

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Observe one step."""
        if self._steps % self.every == 0:
            watch_next_step(self.model.trainer, self)
        self._steps += 1

    def on_non_finite_loss(self, batch: int, loss: float) -> bool:
        """Remove the watcher, as there is no step."""
        take_away(self.model.trainer)
        return False


def watch_next_step(trainer: Trainer, watcher: Watcher) -> None:
    """Let a watcher observe the next step of a trainer, and no other."""
    optimizer = trainer.optimizer
    substitute: Any = copy.copy(optimizer)  # of the same class, as code may check it

    def step(parameters: Sequence[Array], gradients: Sequence[Array], state: State, ops: Operations) -> State:
        trainer.optimizer = optimizer
        watcher.before_step(Handed(_real(optimizer), parameters, gradients, state))
        after = optimizer.step(parameters, gradients, state, ops)
        watcher.after_step(Handed(_real(optimizer), parameters, gradients, after))
        return after

    substitute.step, substitute._watched = step, optimizer
    trainer.optimizer = substitute


def take_away(trainer: Trainer) -> None:
    """Restore the real optimizer if a watcher has replaced it."""
    trainer.optimizer = _real(trainer.optimizer)


def _real(optimizer: Optimizer) -> Optimizer:
    """Return the optimizer behind any number of watchers."""
    while "_watched" in vars(optimizer):
        optimizer = vars(optimizer)["_watched"]
    return optimizer
