"""Callbacks that observe the gradients and parameters of each training step.

Gradients exist only between the backward pass and the optimizer, where a callback is not called. Therefore a watcher
replaces the optimizer for one step by a copy that shows its arguments to the watcher and calls the real optimizer. The
computation does not change, to the bit, and between two steps the model has its own optimizer, so that it can be saved.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from scratchcnn.callbacks import Callback
from scratchcnn.callbacks.base import Logs
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.optimizers import State

Step = Callable[[], State]
Arrays = Sequence[Array]


class Watcher(Callback):
    """Base class of callbacks that observe the steps of `fit`; override `observe`."""

    def observe(self, step: Step, parameters: Arrays, gradients: Arrays, state: State) -> State:
        """Call `step`, which updates the parameters in place, and return the new state that it returns.

        The arrays are the model's own, in layer order and without frozen parameters. They must be copied to be kept.
        """
        return step()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Restore the optimizer, which an earlier `fit` may have left replaced if it was interrupted."""
        self.model.trainer.optimizer = self.model.optimizer

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Replace the optimizer for one step."""
        trainer = self.model.trainer
        replaced = trainer.optimizer  # that of the model, or the copy of another watcher
        substitute: Any = copy.copy(replaced)  # of the same class, which other code may check

        def step(parameters: Arrays, gradients: Arrays, state: State, ops: Operations) -> State:
            trainer.optimizer = self.model.optimizer
            real_step = partial(replaced.step, parameters, gradients, state, ops)
            return self.observe(real_step, parameters, gradients, state)

        substitute.step = step
        trainer.optimizer = substitute

    def on_non_finite_loss(self, batch: int, loss: float) -> bool:
        """Restore the optimizer, as there is no step."""
        self.model.trainer.optimizer = self.model.optimizer
        return False
