"""Callback: what every callback is made from, and one that is made of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scratchcnn.sequential import Sequential

Logs = dict[str, float]


class Callback:
    """Something that is called while `fit` trains; here, it does nothing.

    Each method may set `self.model.stop_training = True`, which ends training after the batch or the epoch at hand.
    An error that it raises ends `fit`, and comes through. As in Keras, `on_train_end` is called when training has run
    to its end or was stopped, not when an error or Ctrl-C ends it.

    Attributes
    ----------
    model : Sequential
        The model in training.
    params : dict
        'epochs', 'steps' (of an epoch; None if nobody knows) and 'verbose'.
    """

    model: Sequential
    acts_last = False  # whether it comes after all others, wherever it stands in the list

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}

    def set_model(self, model: Sequential) -> None:
        """Called first, with the model."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called first, with what is known of the training."""
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch; `model.history` holds the epochs before it, if training goes on from a file."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch, with its values."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before epoch 0, 1, 2, ..."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After an epoch and its validation, with its values; what is added to them goes into the history too."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before batch 0, 1, 2, ... of an epoch."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After the step of a batch, with the means over the epoch so far."""

    def on_non_finite_loss(self, batch: int, loss: float) -> bool:
        """When the loss of a batch is NaN or infinite: True ends training; False, for all, raises FloatingPointError.

        Keras has no such method: it trains on.
        """
        return False


class LambdaCallback(Callback):
    """A callback made of functions, each taking what the method of its name takes.

    Parameters
    ----------
    on_epoch_begin, on_epoch_end, on_train_begin, on_train_end, on_train_batch_begin, on_train_batch_end : callable
        (epoch, logs), (logs) or (batch, logs); all optional.

    Examples
    --------
    >>> shout = LambdaCallback(on_epoch_end=lambda epoch, logs: print("epoch", epoch, "done"))
    >>> shout.on_epoch_end(0, {})
    epoch 0 done
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., object] | None = None,
        on_epoch_end: Callable[..., object] | None = None,
        on_train_begin: Callable[..., object] | None = None,
        on_train_end: Callable[..., object] | None = None,
        on_train_batch_begin: Callable[..., object] | None = None,
        on_train_batch_end: Callable[..., object] | None = None,
    ) -> None:
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end, "on_train_begin": on_train_begin,
            "on_train_end": on_train_end, "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }  # fmt: skip
        for name, function in given.items():
            if function is not None:
                if not callable(function):
                    raise TypeError(f"Expected {name} as a function, received {function!r}.")
                setattr(self, name, function)
