"""Watching `fit`: a callback that sees what the optimizer is handed at each step, and what it makes of it.

A callback sees no gradients. They exist for a moment only, on their way from the backward pass to the optimizer; so
that is where a watcher stands. For one step at a time, it puts a copy of the optimizer in the place of the optimizer,
which looks, and hands on to the real one. What is computed does not change, to the bit, and between two steps the model
is what it always is: others may save it.
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
from scratchcnn.training.step import Trainer


class Handed(NamedTuple):
    """What an optimizer has in its hands; the arrays are the model's own, in the order of `get_weights`.

    Attributes
    ----------
    optimizer : Optimizer
    parameters, gradients : list of arrays
    state : State
        Steps taken so far, and what it remembers of each parameter.
    """

    optimizer: Optimizer
    parameters: Sequence[Array]
    gradients: Sequence[Array]
    state: State


class Watcher(Callback):
    """Base of the callbacks that look at each step of `fit`; override `before_step` and `after_step`.

    Parameters
    ----------
    every : int, default 1
        Look at every so many steps only: 1, 1 + every, ...
    """

    def __init__(self, every: int = 1) -> None:
        super().__init__()
        self.every = positive_integer("every", every)
        self._steps = 0

    def before_step(self, handed: Handed) -> None:
        """Called right before a step; nothing may be changed, and what is kept must be copied."""

    def after_step(self, handed: Handed) -> None:
        """Called right after it: the parameters and the state are new, the gradients are the same."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Take away what an earlier `fit`, that was broken off, may have left."""
        take_away(self.model._ready_trainer())
        self._steps = 0

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Stand beside the optimizer for one step."""
        if self._steps % self.every == 0:
            watch_next_step(self.model._ready_trainer(), self)
        self._steps += 1

    def on_non_finite_loss(self, batch: int, loss: float) -> bool:
        """There is no step to look at."""
        take_away(self.model._ready_trainer())
        return False


def watch_next_step(trainer: Trainer, watcher: Watcher) -> None:
    """Let a watcher see the next step of a trainer, and no other."""
    optimizer = trainer.optimizer
    eye: Any = copy.copy(optimizer)  # of the same type, so that nobody takes it for something else

    def step(parameters: Sequence[Array], gradients: Sequence[Array], state: State, ops: Operations) -> State:
        trainer.optimizer = optimizer
        watcher.before_step(Handed(_real(optimizer), parameters, gradients, state))
        after = optimizer.step(parameters, gradients, state, ops)
        watcher.after_step(Handed(_real(optimizer), parameters, gradients, after))
        return after

    eye.step, eye.watched = step, optimizer
    trainer.optimizer = eye


def take_away(trainer: Trainer) -> None:
    """Put the real optimizer back in its place, if a watcher still stands there."""
    trainer.optimizer = _real(trainer.optimizer)


def _real(optimizer: Optimizer) -> Optimizer:
    """The optimizer behind any number of watchers."""
    while "watched" in vars(optimizer):
        optimizer = vars(optimizer)["watched"]
    return optimizer
