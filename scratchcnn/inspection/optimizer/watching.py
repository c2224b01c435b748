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


class Observed(NamedTuple):
    """The arguments of an optimizer's step: the model's own arrays, without frozen parameters, in layer order."""

    optimizer: Optimizer
    parameters: Sequence[Array]
    gradients: Sequence[Array]
    state: State


class Watcher(Callback):
    """Base class of callbacks that observe the steps of `fit`; override `before_step` and `after_step`.

    With `every`, only the steps 1, 1 + every, ... are observed.
    """

    def __init__(self, every: int = 1) -> None:
        super().__init__()
        self.every = positive_integer("every", every)
        self._steps = 0

    def before_step(self, observed: Observed) -> None:
        """Called right before a step; arrays must not be changed, and must be copied to be kept."""

    def after_step(self, observed: Observed) -> None:
        """Called right after it, with the new parameters and state, and the same gradients."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Restore the optimizer, which an earlier `fit` may have left replaced if it was interrupted."""
        _restore(self.model.trainer)
        self._steps = 0

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Replace the optimizer for one step."""
        if self._steps % self.every == 0:
            _observe_next_step(self.model.trainer, self)
        self._steps += 1

    def on_non_finite_loss(self, batch: int, loss: float) -> bool:
        """Restore the optimizer, as there is no step."""
        _restore(self.model.trainer)
        return False


def _observe_next_step(trainer: Trainer, watcher: Watcher) -> None:
    optimizer = trainer.optimizer
    substitute: Any = copy.copy(optimizer)  # of the same class, which other code may check

    def step(parameters: Sequence[Array], gradients: Sequence[Array], state: State, ops: Operations) -> State:
        trainer.optimizer = optimizer
        watcher.before_step(Observed(_real(optimizer), parameters, gradients, state))
        after = optimizer.step(parameters, gradients, state, ops)
        watcher.after_step(Observed(_real(optimizer), parameters, gradients, after))
        return after

    substitute.step, substitute._replaced = step, optimizer
    trainer.optimizer = substitute


def _restore(trainer: Trainer) -> None:
    trainer.optimizer = _real(trainer.optimizer)


def _real(optimizer: Optimizer) -> Optimizer:
    """Return the optimizer that any number of watchers have replaced."""
    while "_replaced" in vars(optimizer):
        optimizer = vars(optimizer)["_replaced"]
    return optimizer
