"""EarlyStopping: ends training when a monitored value has stopped improving."""

from __future__ import annotations

import warnings

from scratchcnn.arguments import boolean, finite, whole_number
from scratchcnn.callbacks.base import Logs
from scratchcnn.callbacks.monitor import Monitor
from scratchcnn.operands import Array


class EarlyStopping(Monitor):
    """Ends training when a monitored value has not improved for `patience` epochs.

    Parameters
    ----------
    monitor : str, default 'val_loss'
    min_delta : float, default 0
        Smallest change that counts as an improvement.
    patience : int, default 0
    verbose : {0, 1}
        1: print a message when training is stopped and when weights are restored.
    mode : {'auto', 'min', 'max'}
        Whether the value is minimized or maximized; 'auto': see `Monitor`.
    baseline : float, optional
        An epoch whose value is not better than the baseline counts as one without improvement.
    restore_best_weights : bool, default False
        At the end of training, restore the weights of the best epoch, whether or not it improved on the baseline.
    start_from_epoch : int, default 0
        Epochs before this one are ignored.

    Attributes
    ----------
    best : float or None
        The best value so far.
    best_epoch, stopped_epoch : int
    wait : int
        Number of epochs since the last improvement.

    Notes
    -----
    When training is resumed, the previous epochs are taken from the history, which does not contain their weights: if
    one of them is the best at the end, a warning is issued, and the weights of the last epoch are kept.
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
        self.restore_best_weights = boolean("restore_best_weights", restore_best_weights)
        self.start_from_epoch = whole_number("start_from_epoch", start_from_epoch)
        self._reset()

    def _reset(self) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best: float | None = None
        self.best_weights: list[Array] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Reset the state; if training is resumed, process the previous epochs."""
        self._reset()
        self.resolve_mode()
        for epoch, value, _ in self.previous_epochs():
            self._update(epoch, value)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Stop training if the value has not improved for `patience` epochs; keep the best weights."""
        value = self.monitored_value(logs)
        if value is not None and self._update(epoch, value) and self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def _update(self, epoch: int, value: float) -> bool:
        """Process the value of one epoch; return whether it is the best so far."""
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
        """Report that training was stopped, and restore the best weights."""
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
                f"Expected to restore the weights of the best epoch, {self.best_epoch + 1}, but training was resumed "
                f"after it: the weights of the last epoch are kept. Use ModelCheckpoint(save_best_only=True) to save "
                f"the best weights.",
                UserWarning,
                stacklevel=2,
            )
