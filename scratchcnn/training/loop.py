"""The training loop: epochs of batches, each a step of learning, with validation, callbacks and Ctrl-C in between."""

from __future__ import annotations

import warnings
from contextlib import closing
from typing import TYPE_CHECKING

from scratchcnn.callbacks.listing import CallbackList
from scratchcnn.training.data import Samples, as_input
from scratchcnn.training.diagnosis import NonFiniteLossError
from scratchcnn.training.history import History
from scratchcnn.training.inference import RunningMeans, Values, evaluate
from scratchcnn.training.interrupts import Interrupts
from scratchcnn.training.position import Position
from scratchcnn.training.progress import Progress
from scratchcnn.training.sources import Source
from scratchcnn.training.step import Trainer, train_step

if TYPE_CHECKING:
    from scratchcnn.sequential import Sequential


class Training:
    """One call of `fit`, whose arguments `Sequential.fit` explains.

    However it ends, the model is what it was after its last whole step, its history holds the epochs that are done,
    and its position tells how far the one begun has come.
    """

    def __init__(
        self, model: Sequential, trainer: Trainer, data: Source, validation: Source | None, verbose: int
    ) -> None:
        self.model, self.trainer, self.data, self.validation, self.verbose = model, trainer, data, validation, verbose
        self.interrupts = Interrupts()

    def fit(self, initial_epoch: int, epochs: int, callbacks: CallbackList) -> History:
        """Train from one epoch to another."""
        model = self.model
        resumed = self._resumed(initial_epoch)
        history = model.history = _history_before(initial_epoch, model.history)
        model.stop_training, model._position = False, resumed
        callbacks.begin(model, {"verbose": self.verbose, "epochs": epochs, "steps": self.data.steps})
        values: Values = {}
        try:
            with self.interrupts:
                callbacks.on_train_begin()
                for epoch in range(initial_epoch, epochs):
                    if model.stop_training:
                        break
                    if self.verbose:
                        print(f"Epoch {epoch + 1}/{epochs}")
                    values = self._epoch(epoch, history, callbacks, resumed)
                    resumed = None
                with self.interrupts.held():
                    callbacks.on_train_end(values)
        finally:
            self.trainer.workspace.release()
        return history

    def _epoch(self, epoch: int, history: History, callbacks: CallbackList, resumed: Position | None) -> Values:
        with self.interrupts.held():
            rate = self.trainer.optimizer.learning_rate
            callbacks.on_epoch_begin(epoch)
            if resumed:  # its rate was in the file already
                self.trainer.optimizer.learning_rate = rate
            position = resumed or self._position(epoch)
        means = RunningMeans(self.trainer, position)
        with closing(Progress(self.data.steps, self.verbose, position.steps)) as progress:
            bad = self._steps(position, means, callbacks, progress)
            if not means.count and not bad:
                return {}
            values = means.values | bad
            if self.validation is not None:
                batches = self.validation.batches(self.trainer.shuffle_rng)
                looked_at = evaluate(self.trainer, batches, Progress(1, verbose=0))
                values |= {f"val_{name}": value for name, value in looked_at.items()}
            with self.interrupts.held():
                progress.end(values)
                with self.interrupts.held(firmly=True):
                    history.append(epoch, values)
                    self.model._position = None
                callbacks.on_epoch_end(epoch, values)
        return values

    def _steps(self, position: Position, means: RunningMeans, callbacks: CallbackList, progress: Progress) -> Values:
        """The steps of an epoch; returns the loss that ended it, if one was not finite and a callback takes that."""
        for batch in self.data.batches(self.trainer.shuffle_rng, position.steps):
            number = position.steps
            callbacks.on_train_batch_begin(number)
            try:
                values = self._step(batch, position, means)
            except NonFiniteLossError as error:
                if not callbacks.on_non_finite_loss(number, error.loss):
                    raise
                return {"loss": error.loss}
            progress.step(values)
            callbacks.on_train_batch_end(number, values)
            if self.model.stop_training:
                return {}
        if position.steps < (self.data.steps or 1):
            warnings.warn(
                f"Expected {self.data.steps or 'more'} batches in epoch {position.epoch + 1}, received "
                f"{position.steps}: the data came to an end, and so does training; give batches that begin anew or "
                f"never end, or fewer steps_per_epoch.",
                UserWarning,
                stacklevel=5,
            )
            self.model.stop_training = True
        return {}

    def _step(self, batch: Samples, position: Position, means: RunningMeans) -> Values:
        """One step, and the note of it; a Ctrl-C finds both or neither."""
        trainer = self.trainer
        targets = trainer.loss.encode(batch.y, trainer.classes, trainer.dtype)
        images = as_input(batch.x, trainer.dtype)
        with self.interrupts.held(firmly=True):
            losses, probabilities = train_step(trainer, images, targets, batch.weights)
            values = means.add(losses, targets, probabilities)
            position.steps += 1
            position.count, position.loaded = means.count, False
        return values

    def _position(self, epoch: int) -> Position:
        """The beginning of an epoch; the model keeps it if its data could be found again."""
        order = self.trainer.shuffle_rng.bit_generator.state
        position = Position(epoch, 0, self.data.identity or {}, dict(order), 0, RunningMeans(self.trainer).sums)
        self.model._position = position if self.data.identity is not None else None
        return position

    def _resumed(self, initial_epoch: int) -> Position | None:
        """Where the epoch stopped that is to go on: that of a model that was saved in the middle of it."""
        position = self.model._position
        if position is None or not position.loaded or position.epoch != initial_epoch:
            return None
        if position.data != self.data.identity or position.sums.keys() != RunningMeans(self.trainer).sums.keys():
            warnings.warn(
                f"Expected the data that the model was saved with in the middle of epoch {initial_epoch + 1}, "
                f"{position.data}, received {self.data.identity}: the epoch begins anew.",
                UserWarning,
                stacklevel=4,
            )
            return None
        self.trainer.shuffle_rng.bit_generator.state = position.order  # the same order is drawn again
        return position


def _history_before(initial_epoch: int, history: History | None) -> History:
    """The history that ends right before `initial_epoch`, to go on with; or an empty one."""
    if initial_epoch and history is not None and history.epoch and history.epoch[-1] == initial_epoch - 1:
        return history.continued()
    return History()
