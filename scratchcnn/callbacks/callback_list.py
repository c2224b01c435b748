"""CallbackList: the callbacks of one `fit`, called one after the other."""

from __future__ import annotations

from typing import Any

from scratchcnn.callbacks.base import Callback, Logs
from scratchcnn.training.model import Model


class CallbackList:
    """Callbacks in the given order, followed by those that act last, so that a checkpoint contains all their effects.

    Parameters
    ----------
    callbacks : Callback, sequence of Callback, or None

    Raises
    ------
    TypeError
        An element is not a callback.
    """

    def __init__(self, callbacks: Any) -> None:
        given = [] if callbacks is None else [callbacks] if isinstance(callbacks, Callback) else list(callbacks)
        for callback in given:
            if not isinstance(callback, Callback):
                hint = "; call the class: EarlyStopping()" if isinstance(callback, type) else ""
                raise TypeError(f"Expected callbacks of scratchcnn.callbacks, received {callback!r}{hint}.")
        self.callbacks: list[Callback] = sorted(given, key=lambda callback: callback.acts_last)
        self.model: Model | None = None

    def begin(self, model: Model, params: dict[str, Any]) -> None:
        """Set the model and the training parameters of each callback."""
        self.model = model
        for callback in self.callbacks:
            callback.set_params(dict(params))
            callback.set_model(model)

    def on_train_begin(self) -> None:
        """Call each callback."""
        for callback in self.callbacks:
            callback.on_train_begin({})

    def on_train_end(self, logs: Logs) -> None:
        """Call each callback."""
        for callback in self.callbacks:
            callback.on_train_end(logs)

    def on_epoch_begin(self, epoch: int) -> None:
        """Call each callback."""
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, {})

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Call each callback; values that it adds enter the history before the next callback is called."""
        assert self.model is not None
        for callback in self.callbacks:
            before = set(logs)
            callback.on_epoch_end(epoch, logs)
            assert self.model.history is not None
            self.model.history.extend({name: float(value) for name, value in logs.items() if name not in before})

    def on_train_batch_begin(self, batch: int) -> None:
        """Call each callback."""
        for callback in self.callbacks:
            callback.on_train_batch_begin(batch, {})

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """Call each callback."""
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, logs)

    def on_non_finite_loss(self, batch: int, loss: float) -> bool:
        """Call each callback; return whether any of them ends training."""
        answers = [callback.on_non_finite_loss(batch, loss) for callback in self.callbacks]
        return any(answers)
