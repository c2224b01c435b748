"""The training loop: epochs of batches, each a training step, with validation, callbacks and Ctrl-C in between."""

from __future__ import annotations

from contextlib import closing

from scratchcnn.kernels.runtime.dry_run import compiled_together
from scratchcnn.training.data import Samples
from scratchcnn.training.diagnosis import NonFiniteLossError
from scratchcnn.training.dry_run import dry_run_of_step
from scratchcnn.training.history import History
from scratchcnn.training.inference import RunningMeans, Values, evaluate
from scratchcnn.training.interrupts import Interrupts
from scratchcnn.training.model import Callbacks, Model
from scratchcnn.training.position import Position
from scratchcnn.training.progress import Progress
from scratchcnn.training.sources import Source
from scratchcnn.training.step import train_step
from scratchcnn.training.warning import warn


class Training:
    """One call of `fit`, whose arguments are documented at `Sequential.fit`.

    However it ends, the model is in the state after its last complete step, its history contains the
    completed epochs, and its position records how far the current epoch has progressed.
    """

    def __init__(
        self, model: Model, data: Source, validation: Source | None, validation_freq: int | frozenset[int], verbose: int
    ) -> None:
        self.model, self.data, self.validation, self.verbose = model, data, validation, verbose
        self.validation_freq = validation_freq
        self.interrupts = Interrupts()

    def fit(self, initial_epoch: int, epochs: int, callbacks: Callbacks) -> History:
        """Train from epoch `initial_epoch` to before `epochs`."""
        model = self.model
        resumed = self._resumed(initial_epoch)
        history = model.history = _history_before(initial_epoch, model.history)
        model.stop_training, model.position = False, resumed
        callbacks.begin(model, {"verbose": self.verbose, "epochs": epochs, "steps": self.data.steps})
        callbacks.set_data(self.data, self.validation)
        values: Values = {}
        try:
            with self.interrupts:
                callbacks.call("on_train_begin", {})
                for epoch in range(initial_epoch, epochs):
                    if model.stop_training:
                        break
                    if self.verbose:
                        print(f"Epoch {epoch + 1}/{epochs}")
                    values = self._epoch(epoch, history, callbacks, resumed)
                    resumed = None
                with self.interrupts.held():
                    callbacks.call("on_train_end", values)
        finally:
            model.trainer.workspace.release()
        return history

    def _epoch(self, epoch: int, history: History, callbacks: Callbacks, resumed: Position | None) -> Values:
        with self.interrupts.held():
            optimizer = self.model.trainer.optimizer
            rate = optimizer.learning_rate
            callbacks.call("on_epoch_begin", epoch, {})
            if resumed:  # its learning rate was in the file already
                optimizer.learning_rate = rate
            position = resumed or self._position(epoch)
        means = RunningMeans(self.model.trainer, position)
        with closing(Progress(self.data.steps, self.verbose, position.steps)) as progress:
            failed = self._steps(position, means, callbacks, progress)
            if not means.count and not failed:
                return {}
            values = means.values | failed
            if self.validation is not None and self._is_validated(epoch):
                validated = evaluate(self.model.trainer, self.validation, Progress(1, verbose=0), callbacks)
                values |= {f"val_{name}": value for name, value in validated.items()}
            with self.interrupts.held():
                progress.end(values)
                with self.interrupts.held(firmly=True):
                    history.append(epoch, values)
                    self.model.position = None
                callbacks.on_epoch_end(epoch, values)
        return values

    def _is_validated(self, epoch: int) -> bool:
        """Whether the validation data are evaluated after this epoch, counted from 0."""
        frequency = self.validation_freq
        return (epoch + 1) % frequency == 0 if isinstance(frequency, int) else epoch + 1 in frequency

    def _steps(self, position: Position, means: RunningMeans, callbacks: Callbacks, progress: Progress) -> Values:
        """Perform the steps of an epoch; return the loss that ended it, if it was not finite and a callback handled it.

        Otherwise return nothing.
        """
        for batch in self.data.batches(self.model.trainer.shuffle_rng, position.steps):
            number = position.steps
            callbacks.call("on_train_batch_begin", number, {})
            try:
                values = self._step(batch, position, means)
            except NonFiniteLossError as error:
                if not callbacks.on_non_finite_loss(number, error.loss):
                    raise
                return {"loss": error.loss}
            progress.step(values)
            callbacks.call("on_train_batch_end", number, values)
            if self.model.stop_training:
                return {}
        if position.steps < (self.data.steps or 1):
            warn(
                f"Expected {self.data.steps or 'more'} batches in epoch {position.epoch + 1}, received "
                f"{position.steps}: the data ran out, and training stops; provide batches that can be iterated again "
                f"or are endless, or reduce steps_per_epoch."
            )
            self.model.stop_training = True
        return {}

    def _step(self, batch: Samples, position: Position, means: RunningMeans) -> Values:
        """Perform one step and record it in the position; Ctrl-C takes effect before or after both, never in between.

        The trainer is asked for in each step, since a callback may freeze or unfreeze layers.
        """
        trainer = self.model.trainer
        x, targets = trainer.encoded(batch)
        with self.interrupts.held(firmly=True), compiled_together(dry_run_of_step(trainer, x)):
            losses, predictions = train_step(trainer, x, targets, batch.weights)
            values = means.add(losses, targets, predictions)
            position.steps += 1
            position.count, position.loaded = means.count, False
        return values

    def _position(self, epoch: int) -> Position:
        """Return the start of an epoch; the model keeps it if the epoch can be resumed with the same data."""
        trainer = self.model.trainer
        order = trainer.shuffle_rng.bit_generator.state
        position = Position(epoch, 0, self.data.identity or {}, dict(order), 0, RunningMeans(trainer).sums)
        self.model.position = position if self.data.identity is not None else None
        return position

    def _resumed(self, initial_epoch: int) -> Position | None:
        """Return the position at which to resume: that of a model that was saved in the middle of this epoch."""
        position, trainer = self.model.position, self.model.trainer
        if position is None or not position.loaded or position.epoch != initial_epoch:
            return None
        if position.data != self.data.identity or position.sums.keys() != RunningMeans(trainer).sums.keys():
            warn(
                f"Expected the data that the model was saved with in the middle of epoch {initial_epoch + 1}, "
                f"{position.data}, received {self.data.identity}: the epoch starts over."
            )
            return None
        trainer.shuffle_rng.bit_generator.state = position.order  # so that the same order is drawn
        return position


def _history_before(initial_epoch: int, history: History | None) -> History:
    """Return a copy of the history that ends right before `initial_epoch`, to be continued; or an empty one."""
    if initial_epoch and history is not None and history.epoch and history.epoch[-1] == initial_epoch - 1:
        return history.continued()
    return History()
