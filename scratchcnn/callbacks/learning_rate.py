"""Learning rates that change from epoch to epoch: as a function says, or when a number stops getting better."""

from __future__ import annotations

from collections.abc import Callable

from scratchcnn.arguments import non_negative, share, whole_number
from scratchcnn.callbacks.base import Callback, Logs
from scratchcnn.callbacks.monitor import Monitor


def rate_of(callback: Callback) -> float:
    """The learning rate of the callback's model.

    Raises
    ------
    TypeError
        It is a schedule, which decides the rate of every step by itself.
    """
    rate = callback.model.optimizer.learning_rate
    if callable(rate):
        name = type(callback).__name__
        raise TypeError(
            f"Expected a learning rate that is a number, for {name} to set, received the schedule {rate!r}; take "
            f"either the schedule or {name}."
        )
    return rate


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch; the history has it as 'learning_rate'.

    Parameters
    ----------
    schedule : callable
        (epoch, learning rate so far) -> learning rate.
    verbose : {0, 1}
        1: say so.

    Raises
    ------
    TypeError
        Before training: the optimizer has a schedule of its own.
    ValueError
        The function returned no finite number of at least 0.

    Examples
    --------
    >>> halving = LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate)
    """

    def __init__(self, schedule: Callable[[int, float], float], verbose: int = 0) -> None:
        super().__init__()
        if not callable(schedule):
            raise TypeError(f"Expected schedule as a function of epoch and learning rate, received {schedule!r}.")
        self.schedule, self.verbose = schedule, verbose

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """See that the rate may be set."""
        rate_of(self)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Set the rate."""
        rate = non_negative("what schedule returns", self.schedule(epoch, rate_of(self)))
        self.model.optimizer.learning_rate = rate
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Note the rate."""
        if logs is not None:
            logs["learning_rate"] = rate_of(self)


class ReduceLROnPlateau(Monitor):
    """Lowers the learning rate when a number has not got better for `patience` epochs.

    The history has the rate of each epoch as 'learning_rate'.

    Parameters
    ----------
    monitor : str, default 'val_loss'
    factor : float, default 0.1
        What the rate is multiplied by; from 0 to below 1.
    patience : int, default 10
    verbose : {0, 1}
        1: say so when it acts.
    mode : {'auto', 'min', 'max'}
        Which way is better; 'auto': a loss shall fall, a metric rise.
    min_delta : float, default 0.0001
        By how much it must be better, to be better.
    cooldown : int, default 0
        Epochs after a change that do not count.
    min_lr : float, default 0
        The rate is never set lower.

    Raises
    ------
    TypeError
        Before training: the optimizer has a schedule of its own.

    Notes
    -----
    Where training goes on from a file, the epochs before it count, as the history tells; the rate is in the file.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.factor = share("factor", factor)
        self.patience = whole_number("patience", patience)
        self.verbose = verbose
        self.cooldown = whole_number("cooldown", cooldown)
        self.min_lr = non_negative("min_lr", min_lr)
        self._reset()

    def _reset(self) -> None:
        self.best: float | None = None
        self.wait = self.cooldown_counter = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget the last training; count the epochs of this one that were done before."""
        self._reset()
        self.find_direction()
        rate = rate_of(self)
        for _, value, before in self.values_before():
            self._is_time(value, before.get("learning_rate", rate))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Note the rate; see whether the number is better, and lower the rate if it was not for too long."""
        rate = rate_of(self)
        if logs is not None:
            logs["learning_rate"] = rate
        value = self.value_in(logs)
        if value is not None and self._is_time(value, rate):
            lower = max(rate * self.factor, self.min_lr)
            self.model.optimizer.learning_rate = lower
            if self.verbose:
                print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {lower}.")

    def _is_time(self, value: float, rate: float) -> bool:
        """Count an epoch; return whether the rate shall be lowered now."""
        if self.cooldown_counter:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_better(value, self.best):
            self.best, self.wait = value, 0
        elif not self.cooldown_counter:
            self.wait += 1
            if self.wait >= self.patience and rate > self.min_lr:
                self.cooldown_counter, self.wait = self.cooldown, 0
                return True
        return False
