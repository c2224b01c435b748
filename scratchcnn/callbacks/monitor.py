"""Watching one number of the logs: which way is better, and whether it became so."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from scratchcnn.arguments import finite
from scratchcnn.callbacks.base import Callback, Logs
from scratchcnn.names import look_up

if TYPE_CHECKING:
    from scratchcnn.sequential import Sequential


class Monitor(Callback):
    """A callback that watches one number.

    Parameters
    ----------
    monitor : str
        Its name in the logs: 'val_loss', 'accuracy', ...
    mode : {'auto', 'min', 'max'}
        Which way is better. 'auto': a loss shall fall, a metric of the model rise.
    min_delta : float
        By how much it must be better, to be better; the sign does not matter.
    """

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        super().__init__()
        self.monitor = monitor
        self.mode = look_up("mode", mode, {name: name for name in ("auto", "min", "max")})
        self.min_delta = abs(finite("min_delta", min_delta))
        self.rises = self.mode == "max"

    def find_direction(self) -> None:
        """Decide which way is better, now that the model is known.

        Raises
        ------
        ValueError
            mode is 'auto', and the model has no metric of that name.
        """
        if self.mode == "auto":
            self.rises = _rises(self.model, self.monitor, type(self).__name__)

    def is_better(self, value: float, reference: float | None) -> bool:
        """Whether `value` is better than `reference` by more than min_delta; than None, anything is."""
        if reference is None:
            return True
        return value - self.min_delta > reference if self.rises else value + self.min_delta < reference

    def value_in(self, logs: Logs | None) -> float | None:
        """The number in the logs; None, after a warning, if it is not there."""
        if logs is None or self.monitor not in logs:
            found = ", ".join(map(repr, logs or ())) or "nothing"
            validation = "; give validation_data to fit" if self.monitor.startswith("val_") else ""
            warnings.warn(
                f"Expected {self.monitor!r} among the values of the epoch for {type(self).__name__}, received "
                f"{found}{validation}.",
                UserWarning,
                stacklevel=2,
            )
            return None
        return logs[self.monitor]

    def values_before(self) -> Iterator[tuple[int, float, Logs]]:
        """Epoch, number and logs of the epochs that were done before training was taken up again from a file."""
        if self.model.history is not None:
            for epoch, logs in self.model.history.rows():
                if self.monitor in logs:
                    yield epoch, logs[self.monitor], logs


def _rises(model: Sequential, monitor: str, what: str) -> bool:
    name = monitor.removeprefix("val_")
    compiled = model._compiled
    metrics = compiled[2] if compiled is not None else []
    if name == "loss":
        return False
    if any(name == metric.name for metric in metrics):
        return True  # every metric there is counts what is right
    known = ", ".join(repr(known) for known in ("loss", *(metric.name for metric in metrics)))
    raise ValueError(
        f"Expected monitor of {what} as one of {known}, or with 'val_' before it, received {monitor!r}; for a number "
        f"of another name, give mode='min' or mode='max'."
    )
