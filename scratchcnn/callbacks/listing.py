"""The callbacks of one `fit`, called one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scratchcnn.callbacks.base import Callback, Logs

if TYPE_CHECKING:
    from scratchcnn.sequential import Sequential


class CallbackList:
    """Callbacks in their order, those that act last at the end: a checkpoint shall hold what the others did.

    Parameters
    ----------
    callbacks : Callback, sequence of Callback, or None

    Raises
    ------
    TypeError
        One of them is none.
    """

    def __init__(self, callbacks: Any) -> None:
        every = [] if callbacks is None else [callbacks] if isinstance(callbacks, Callback) else list(callbacks)
        for callback in every:
            if not isinstance(callback, Callback):
                hint = "; call the class: EarlyStopping()" if isinstance(callback, type) else ""
                raise TypeError(f"Expected callbacks of scratchcnn.callbacks, received {callback!r}{hint}.")
        self.callbacks: list[Callback] = sorted(every, key=lambda callback: callback.acts_last)
        self.model: Sequential | None = None

    def begin(self, model: Sequential, params: dict[str, Any]) -> None:
        """Tell each of the model and of the training."""
        self.model = model
        for callback in self.callbacks:
            callback.set_params(dict(params))
            callback.set_model(model)

    def on_train_begin(self) -> None:
        """As for each."""
        for callback in self.callbacks:
            callback.on_train_begin({})

    def on_train_end(self, logs: Logs) -> None:
        """As for each."""
        for callback in self.callbacks:
            callback.on_train_end(logs)

    def on_epoch_begin(self, epoch: int) -> None:
        """As for each."""
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, {})

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """As for each; what one adds to the values is in the history before the next one looks."""
        for callback in self.callbacks:
            before = set(logs)
            callback.on_epoch_end(epoch, logs)
            assert self.model is not None
            assert self.model.history is not None
            self.model.history.extend({name: float(value) for name, value in logs.items() if name not in before})

    def on_train_batch_begin(self, batch: int) -> None:
        """As for each."""
        for callback in self.callbacks:
            callback.on_train_batch_begin(batch, {})

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """As for each."""
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, logs)

    def on_non_finite_loss(self, batch: int, loss: float) -> bool:
        """Ask each; whether any takes it for an end of training."""
        answers = [callback.on_non_finite_loss(batch, loss) for callback in self.callbacks]
        return any(answers)
