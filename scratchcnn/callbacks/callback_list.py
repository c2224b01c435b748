"""CallbackList: the callbacks of one `fit`, `evaluate` or `predict`, called one after the other."""

from __future__ import annotations

from typing import Any

from scratchcnn.callbacks.base import Callback, Logs
from scratchcnn.names import class_hint
from scratchcnn.training.model import Model, Moment
from scratchcnn.training.sources import Source


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
                raise TypeError(
                    f"Expected callbacks of scratchcnn.callbacks, received {callback!r}{class_hint(callback)}."
                )
        self.callbacks: list[Callback] = sorted(given, key=lambda callback: callback.acts_last)
        self.model: Model | None = None

    def begin(self, model: Model, params: dict[str, Any]) -> None:
        """Set the model and the training parameters of each callback."""
        self.model = model
        for callback in self.callbacks:
            callback.set_params(dict(params))
            callback.set_model(model)

    def set_data(self, training: Source, validation: Source | None) -> None:
        """Give each callback the data of `fit`."""
        for callback in self.callbacks:
            callback.set_data(training, validation)

    def call(self, method: Moment, *arguments: Any) -> None:
        """Call this method of each callback."""
        for callback in self.callbacks:
            getattr(callback, method)(*arguments)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Call each callback; values that it adds enter the history before the next callback is called."""
        assert self.model is not None
        for callback in self.callbacks:
            before = set(logs)
            callback.on_epoch_end(epoch, logs)
            assert self.model.history is not None
            self.model.history.extend({name: float(value) for name, value in logs.items() if name not in before})

    def on_non_finite_loss(self, batch: int, loss: float) -> bool:
        """Call each callback; return whether any of them ends training."""
        answers = [callback.on_non_finite_loss(batch, loss) for callback in self.callbacks]
        return any(answers)
