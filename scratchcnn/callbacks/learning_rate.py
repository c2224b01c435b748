"""Learning rates that change between epochs: by a function of the epoch, or when a value stops improving."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from scratchcnn.arguments import non_negative, share, whole_number
from scratchcnn.callbacks.base import Callback, Logs
from scratchcnn.callbacks.monitor import Monitor


def constant_learning_rate(callback: Callback) -> float:
    """Return the learning rate of the callback's model.

    Raises
    ------
    TypeError
        It is a schedule, which determines the learning rate of every step itself.
    """
    rate = callback.model.optimizer.learning_rate
    if callable(rate):
        name = type(callback).__name__
        raise TypeError(
            f"Expected a learning rate that is a number, which {name} can set, received the schedule {rate!r}; use "
            f"either the schedule or {name}."
        )
    return rate


def _accepts(function: Callable[..., object], count: int) -> bool:
    """Whether a function can be called with this number of arguments; True if it does not tell, as some in C."""
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:
        return True
    return True


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch; the history records it as 'learning_rate'.

    Parameters
    ----------
    schedule : callable
        (epoch, current learning rate) -> new learning rate, or (epoch) -> new learning rate.
    verbose : {0, 1}
        1: print the learning rate of each epoch.

    Raises
    ------
    TypeError
        `schedule` is not such a function; before training: the learning rate of the optimizer is a schedule.
    ValueError
        The function did not return a finite number of at least 0.

    Examples
    --------
    >>> halving = LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate)
    >>> decaying = LearningRateScheduler(lambda epoch: 0.001 * 0.9**epoch)
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        counts = [count for count in (2, 1) if callable(schedule) and _accepts(schedule, count)]
        if not counts:
            raise TypeError(
                f"Expected schedule as a function of epoch and learning rate, or of epoch, received {schedule!r}."
            )
        self.schedule, self.verbose, self._arguments = schedule, verbose, counts[0]

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Check that the learning rate can be set."""
        constant_learning_rate(self)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Set the learning rate."""
        arguments = (epoch, constant_learning_rate(self))[: self._arguments]
        rate = non_negative("the return value of schedule", self.schedule(*arguments))
        self.model.optimizer.learning_rate = rate
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Record the learning rate."""
        if logs is not None:
            logs["learning_rate"] = constant_learning_rate(self)


class ReduceLROnPlateau(Monitor):
    """Reduces the learning rate when a monitored value has not improved for `patience` epochs.

    The history records the learning rate of each epoch as 'learning_rate'.

    Parameters
    ----------
    monitor : str, default 'val_loss'
    factor : float, default 0.1
        Factor by which the learning rate is multiplied, in [0, 1).
    patience : int, default 10
    verbose : {0, 1}
        1: print a message when the learning rate is reduced.
    mode : {'auto', 'min', 'max'}
        Whether the value is minimized or maximized; 'auto': see `Monitor`.
    min_delta : float, default 0.0001
        Smallest change that counts as an improvement.
    cooldown : int, default 0
        Number of epochs after a reduction during which epochs without improvement are not counted.
    min_lr : float, default 0
        Lower bound of the learning rate.

    Raises
    ------
    TypeError
        Before training: the learning rate of the optimizer is a schedule.

    Notes
    -----
    When training is resumed, the previous epochs are taken from the history; the saved model has the learning rate.
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
        """Reset the state; if training is resumed, process the previous epochs."""
        self._reset()
        self.resolve_mode()
        rate = constant_learning_rate(self)
        for _, value, logs_before in self.previous_epochs():
            self._update(value, logs_before.get("learning_rate", rate))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Record the learning rate; reduce it if the value has not improved for `patience` epochs."""
        rate = constant_learning_rate(self)
        if logs is not None:
            logs["learning_rate"] = rate
        value = self.monitored_value(logs)
        if value is not None and self._update(value, rate):
            reduced = max(rate * self.factor, self.min_lr)
            self.model.optimizer.learning_rate = reduced
            if self.verbose:
                print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {reduced}.")

    def _update(self, value: float, rate: float) -> bool:
        """Process the value of one epoch; return whether the learning rate is to be reduced after it."""
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
