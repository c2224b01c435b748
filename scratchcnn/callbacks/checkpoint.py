"""ModelCheckpoint: saves the model while it trains."""

from __future__ import annotations

import errno
import os
from typing import Literal

from scratchcnn.arguments import finite, positive_integer
from scratchcnn.callbacks.base import Logs
from scratchcnn.callbacks.monitor import Monitor

MODELS, WEIGHTS = (".npz", ".keras"), (".npz", ".weights.h5")


class ModelCheckpoint(Monitor):
    """Saves the model after each epoch, or after every so many batches.

    It acts after all other callbacks, wherever it stands among them, so that the file holds what they did. Training
    that goes on from an .npz file of it ends bit for bit as if it had never stopped:

        model = load_model('model.npz')
        model.fit(x, y, epochs=10, initial_epoch=len(model.history.epoch), callbacks=[ModelCheckpoint('model.npz')])

    with the other arguments as before. A model saved in the middle of an epoch goes on in the middle of it.

    Parameters
    ----------
    filepath : path
        Ends in .npz or .keras; with save_weights_only in .npz or .weights.h5. '{epoch:02d}-{val_loss:.2f}.npz' is
        filled in with the epoch, from 1, and the values of the logs; and '{batch}', from 1, if it saves after batches.
    monitor : str, default 'val_loss'
        For save_best_only.
    verbose : {0, 1}
        1: say so when it saves.
    save_best_only : bool, default False
        Save only when `monitor` is better than ever before.
    save_weights_only : bool, default False
    mode : {'auto', 'min', 'max'}
        Which way is better; 'auto': a loss shall fall, a metric rise.
    save_freq : 'epoch' or int
        After each epoch, or after so many batches, counted over the epochs from the beginning of `fit`.
    initial_value_threshold : float, optional
        Save only what is better than this, for save_best_only.

    Raises
    ------
    ValueError
        An argument is out of range, or the name of the file has another ending.
    OSError
        Before training: there is no such folder, or it may not be written to. Later: the file cannot be written, the
        disk is full; what was saved before is unchanged, and the model and its history are those of the last step.
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
        endings = WEIGHTS if save_weights_only else MODELS
        if not self.filepath.endswith(endings):
            raise ValueError(f"Expected a file name that ends in {' or '.join(endings)}, received {self.filepath!r}.")
        self.verbose, self.save_best_only, self.save_weights_only = verbose, save_best_only, save_weights_only
        self.save_freq = save_freq if save_freq == "epoch" else positive_integer("save_freq (or 'epoch')", save_freq)
        threshold = initial_value_threshold
        self.initial_value_threshold = None if threshold is None else finite("initial_value_threshold", threshold)
        self.best = self.initial_value_threshold
        self._epoch = self._batches_since = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """See that there is a folder to write to, and what was best in the epochs that were done before."""
        self._batches_since = 0
        folder = os.path.dirname(os.path.abspath(self.filepath))
        if "{" not in folder:
            _expect_writable(folder)
        if self.save_best_only:
            self.find_direction()
            for _, value, _ in self.values_before():
                if self.is_better(value, self.best):
                    self.best = value

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Note the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Save, if it is time."""
        self._batches_since += 1
        if self.save_freq != "epoch" and self._batches_since >= self.save_freq:
            self._batches_since = 0
            self._save({"epoch": self._epoch + 1, "batch": batch + 1}, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save, unless it is done after batches."""
        if self.save_freq == "epoch":
            self._save({"epoch": epoch + 1}, logs or {})

    def _save(self, numbers: dict[str, int], logs: Logs) -> None:
        path = self._path(numbers, logs)
        value = self.value_in(logs) if self.save_best_only else None
        if value is not None and not self.is_better(value, self.best):
            if self.verbose:
                print(f"\nEpoch {numbers['epoch']}: {self.monitor} did not improve from {self.best:.5f}")
            return
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)
        if value is not None:
            self.best = value
        if self.verbose:
            print(f"\nEpoch {numbers['epoch']}: saved model to {path}")

    def _path(self, numbers: dict[str, int], logs: Logs) -> str:
        known = {**logs, **numbers}
        try:
            return self.filepath.format(**known)
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(
                f"Expected a path made of {', '.join(map(repr, known))}, received {self.filepath!r} "
                f"({type(error).__name__}: {error})."
            ) from None


def _expect_writable(folder: str) -> None:
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, "Expected a folder for the checkpoints: make it first", folder)
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, "Expected a folder that may be written to, for the checkpoints", folder)
