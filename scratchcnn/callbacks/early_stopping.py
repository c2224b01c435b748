"""EarlyStopping: ends training when a number has stopped getting better."""

from __future__ import annotations

import warnings

from scratchcnn.arguments import finite, whole_number
from scratchcnn.callbacks.base import Logs
from scratchcnn.callbacks.monitor import Monitor
from scratchcnn.operands import Array


class EarlyStopping(Monitor):
    """Ends training after `patience` epochs in which a number did not get better.

    Parameters
    ----------
    monitor : str, default 'val_loss'
    min_delta : float, default 0
        By how much it must be better, to be better.
    patience : int, default 0
    verbose : {0, 1}
        1: say so when it acts.
    mode : {'auto', 'min', 'max'}
        Which way is better; 'auto': a loss shall fall, a metric rise.
    baseline : float, optional
        An epoch that is not better than this counts as one that did not get better.
    restore_best_weights : bool, default False
        At the end of training, go back to the weights of the best epoch, be it better than the baseline or not.
    start_from_epoch : int, default 0
        Epochs before this one do not count.

    Attributes
    ----------
    best : float or None
    best_epoch, stopped_epoch, wait : int

    Notes
    -----
    Where training goes on from a file, the epochs before it count, as the history tells. Their weights are in no
    history: if one of them is the best in the end, a warning says so, and the weights stay those of the last epoch.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = whole_number("patience", patience)
        self.verbose = verbose
        self.baseline = None if baseline is None else finite("baseline", baseline)
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = whole_number("start_from_epoch", start_from_epoch)
        self._reset()

    def _reset(self) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best: float | None = None
        self.best_weights: list[Array] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget the last training; count the epochs of this one that were done before."""
        self._reset()
        self.find_direction()
        for epoch, value, _ in self.values_before():
            self._look(epoch, value)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """See whether the number is better, and stop if it was not for too long."""
        value = self.value_in(logs)
        if value is not None and self._look(epoch, value) and self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def _look(self, epoch: int, value: float) -> bool:
        """Count an epoch; return whether it is the best so far."""
        if epoch < self.start_from_epoch:
            return False
        self.wait += 1
        if self.is_better(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.baseline is None or self.is_better(value, self.baseline):
                self.wait = 0
            return True
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True
        return False

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Say that training was stopped, and go back to the best weights."""
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if not self.restore_best_weights or self.best is None:
            return
        history = self.model.history
        if self.best_weights is not None:
            if self.verbose:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)
        elif history is not None and history.epoch[-1] != self.best_epoch:
            warnings.warn(
                f"Expected the weights of epoch {self.best_epoch + 1}, the best, but training went on from a file "
                f"after it: the weights are those of the last epoch. ModelCheckpoint(save_best_only=True) keeps the "
                f"best ones.",
                UserWarning,
                stacklevel=2,
            )
