"""Callback, the base class of all callbacks, and LambdaCallback, which calls functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scratchcnn.names import Named, unknown_name
from scratchcnn.training.model import Model
from scratchcnn.training.sources import Source

Logs = dict[str, float]


class Callback(Named):
    """Base class of all callbacks, whose methods `fit`, `evaluate` and `predict` call; here, they do nothing.

    Each method may set `self.model.stop_training = True`, which ends training after the current batch or epoch. An
    exception that it raises ends `fit` and is propagated. As in Keras, `on_train_end` is called when training is
    complete or was stopped, but not when an exception or Ctrl-C ends it.

    Attributes
    ----------
    model : Model
        The model in training.
    params : dict
        'epochs', 'steps' (per epoch; None if it is unknown) and 'verbose'.
    acts_last : bool
        Class attribute: whether it is called after all callbacks that do not set it, regardless of their order.
    """

    model: Model
    acts_last = False

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}

    def set_model(self, model: Model) -> None:
        """Set `model`; called before training."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Set `params`; called before training."""
        self.params = params

    def set_data(self, training: Source, validation: Source | None) -> None:
        """Called by `fit` before training, with the sources of the batches; here, they are not kept.

        Their method `examples` returns a few samples without affecting the order of the batches.
        """

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Called before the first epoch; if training is resumed, `model.history` contains the previous epochs."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Called after the last epoch, with its values."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Called before each epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Called after each epoch and its validation, with its values; values added to `logs` enter the history."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before each batch, counted from 0 within the epoch; here, calls `on_batch_begin`."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after the training step of each batch, with the running means over the epoch.

        Here, calls `on_batch_end`.
        """
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Earlier name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Earlier name of `on_train_batch_end`."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Called before `evaluate`, and before the validation of each epoch."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Called after `evaluate` or a validation, with loss and metrics, without 'val_'."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before each batch of `evaluate` or a validation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after each batch of `evaluate` or a validation, with the running means."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Called before `predict`."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Called after `predict`."""

    def on_predict_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Called before each batch of `predict`."""

    def on_predict_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Called after each batch of `predict`, with its outputs (N, *output_shape) as 'outputs'."""

    def on_non_finite_loss(self, batch: int, loss: float) -> bool:
        """Called when the loss of a batch is NaN or infinite; return True to end training.

        If every callback returns False, `fit` raises FloatingPointError. Keras has no such method: there, training
        continues.
        """
        return False


METHODS = tuple(name for name in vars(Callback) if name.startswith("on_"))
"""The methods that are called during training, evaluation and prediction."""


class LambdaCallback(Callback):
    """A callback whose methods are given as functions.

    Parameters
    ----------
    on_epoch_begin, on_epoch_end, on_train_begin, on_train_end, on_train_batch_begin, on_train_batch_end : callable
        Called with the arguments of the method of that name: (epoch, logs), (logs) or (batch, logs). All are optional.
    **kwargs : callable
        Any other method of `Callback`, by name: on_test_begin, on_predict_batch_end, ...

    Raises
    ------
    TypeError
        Not a function, or `Callback` has no method of that name.

    Examples
    --------
    >>> report = LambdaCallback(on_epoch_end=lambda epoch, logs: print("epoch", epoch, "done"))
    >>> report.on_epoch_end(0, {})
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
        **kwargs: Callable[..., object] | None,
    ) -> None:
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end, "on_train_begin": on_train_begin,
            "on_train_end": on_train_end, "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end, **kwargs,
        }  # fmt: skip
        for name, function in given.items():
            if name not in METHODS:
                raise TypeError(unknown_name("arguments of LambdaCallback", name, METHODS))
            if function is not None:
                if not callable(function):
                    raise TypeError(f"Expected {name} as a function, received {function!r}; pass a callable.")
                setattr(self, name, function)
