"""ModelCheckpoint: saves the model during training."""

from __future__ import annotations

import os
from typing import Literal

from scratchcnn.arguments import boolean, finite, positive_integer
from scratchcnn.callbacks.base import Logs
from scratchcnn.callbacks.folders import expect_writable
from scratchcnn.callbacks.monitor import Monitor

MODEL_SUFFIXES, WEIGHT_SUFFIXES = (".npz", ".keras", ".h5", ".hdf5"), (".npz", ".weights.h5", ".h5", ".hdf5")


class ModelCheckpoint(Monitor):
    """Saves the model after each epoch, or after a given number of batches.

    It is called after all other callbacks, regardless of their order, so the file contains their effects. Training that
    is resumed from one of its .npz files ends bit for bit as if it had not been interrupted:

        model = load_model('model.npz')
        model.fit(x, y, epochs=10, initial_epoch=len(model.history.epoch), callbacks=[ModelCheckpoint('model.npz')])

    with all other arguments unchanged. A model saved in the middle of an epoch resumes there.

    Parameters
    ----------
    filepath : path
        Ends in .npz, .keras, .h5 or .hdf5; with save_weights_only in .npz, .weights.h5, .h5 or .hdf5. A path like
        '{epoch:02d}-{val_loss:.2f}.npz' is formatted with the epoch, counted from 1, and the values of the logs; also
        with '{batch}', counted from 1, if save_freq is a number.
    monitor : str, default 'val_loss'
        The value that save_best_only compares.
    verbose : {0, 1}
        1: print a message when the model is saved.
    save_best_only : bool, default False
        Save only if the monitored value is better than in all previous saves.
    save_weights_only : bool, default False
    mode : {'auto', 'min', 'max'}
        Whether the value is minimized or maximized; 'auto': see `Monitor`.
    save_freq : 'epoch' or int
        After each epoch, or after this number of batches, counted across epochs from the start of `fit`.
    initial_value_threshold : float, optional
        With save_best_only, save only if the value is better than this.

    Raises
    ------
    ValueError
        An argument is out of range, or the file name has another suffix.
    OSError
        Before training: the folder does not exist or is not writable. Later: the file cannot be written, for example
        because the disk is full. A previous file is unchanged, and the model is in the state after its last step.
    """

    acts_last = True

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: int | Literal["epoch"] = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode)
        self.filepath = os.fspath(filepath)
        self.save_best_only = boolean("save_best_only", save_best_only)
        self.save_weights_only = boolean("save_weights_only", save_weights_only)
        suffixes = WEIGHT_SUFFIXES if save_weights_only else MODEL_SUFFIXES
        if not self.filepath.endswith(suffixes):
            raise ValueError(f"Expected a file name that ends in {' or '.join(suffixes)}, received {self.filepath!r}.")
        if self.filepath.endswith(".weights.h5") and not save_weights_only:
            raise ValueError(
                f"Expected a file name for complete models, received {self.filepath!r}; set save_weights_only=True, or "
                f"use a name that ends in .h5 only."
            )
        self.verbose = verbose
        self.save_freq = save_freq if save_freq == "epoch" else positive_integer("save_freq (or 'epoch')", save_freq)
        threshold = initial_value_threshold
        self.initial_value_threshold = None if threshold is None else finite("initial_value_threshold", threshold)
        self.best = self.initial_value_threshold
        self._epoch = self._batches_since_save = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Check that the folder is writable; if training is resumed, find the best of the previous epochs."""
        self._batches_since_save = 0
        folder = os.path.dirname(os.path.abspath(self.filepath))
        if "{" not in folder:
            expect_writable(folder, "the checkpoints")
        if self.save_best_only:
            self.resolve_mode()
            for _, value, _ in self.previous_epochs():
                if self.is_better(value, self.best):
                    self.best = value

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Record the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Save if `save_freq` batches were processed since the last save."""
        self._batches_since_save += 1
        if self.save_freq != "epoch" and self._batches_since_save >= self.save_freq:
            self._batches_since_save = 0
            self._save({"epoch": self._epoch + 1, "batch": batch + 1}, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save, unless `save_freq` is a number of batches."""
        if self.save_freq == "epoch":
            self._save({"epoch": epoch + 1}, logs or {})

    def _save(self, numbers: dict[str, int], logs: Logs) -> None:
        path = self._formatted_path(numbers, logs)
        value = self.monitored_value(logs) if self.save_best_only else None
        improved = ""
        if value is not None:
            best = "None" if self.best is None else f"{self.best:.5f}"
            if not self.is_better(value, self.best):
                self._report(numbers, f"{self.monitor} did not improve from {best}")
                return
            improved = f"{self.monitor} improved from {best} to {value:.5f}, "
        self._report(numbers, f"{improved}saving model to {path}")
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)
        if value is not None:
            self.best = value

    def _report(self, numbers: dict[str, int], message: str) -> None:
        if self.verbose:
            print(f"\nEpoch {numbers['epoch']}: {message}")

    def _formatted_path(self, numbers: dict[str, int], logs: Logs) -> str:
        known = {**logs, **numbers}
        try:
            return self.filepath.format(**known)
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(
                f"Expected filepath to be formatted with {', '.join(map(repr, known))}, received {self.filepath!r} "
                f"({type(error).__name__}: {error})."
            ) from None
