"""Monitor: base class of the callbacks that compare one value of the logs from epoch to epoch."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

from scratchcnn.arguments import finite
from scratchcnn.callbacks.base import Callback, Logs
from scratchcnn.names import look_up
from scratchcnn.training.model import Model


class Monitor(Callback):
    """A callback that monitors one value of the logs.

    Parameters
    ----------
    monitor : str
        The name of the value: 'val_loss', 'accuracy', ...
    mode : {'auto', 'min', 'max'}
        Whether the value is minimized or maximized. 'auto': a loss is minimized; for a metric, its `higher_is_better`
        decides.
    min_delta : float
        Smallest change that counts as an improvement; its sign is ignored.

    Attributes
    ----------
    higher_is_better : bool
        Whether the value is maximized; for mode='auto', valid once `resolve_mode` was called.
    """

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        super().__init__()
        self.monitor = monitor
        self.mode = look_up("mode", mode, {name: name for name in ("auto", "min", "max")})
        self.min_delta = abs(finite("min_delta", min_delta))
        self.higher_is_better = self.mode == "max"

    def resolve_mode(self) -> None:
        """Determine whether the value is minimized or maximized, which mode='auto' derives from the model's metrics.

        Raises
        ------
        ValueError
            mode is 'auto', and the model has no metric of that name.
        """
        if self.mode == "auto":
            self.higher_is_better = _higher_is_better(self.model, self.monitor, type(self).__name__)

    def is_better(self, value: float, reference: float | None) -> bool:
        """Whether `value` improves on `reference` by more than min_delta; every value improves on None."""
        if reference is None:
            return True
        if self.higher_is_better:
            return value - self.min_delta > reference
        return value + self.min_delta < reference

    def monitored_value(self, logs: Logs | None) -> float | None:
        """Return the monitored value; if it is missing from the logs, issue a UserWarning and return None."""
        if logs is None or self.monitor not in logs:
            found = ", ".join(map(repr, logs or ())) or "nothing"
            validation = "; pass validation_data to fit" if self.monitor.startswith("val_") else ""
            warnings.warn(
                f"Expected {self.monitor!r} among the values of the epoch for {type(self).__name__}, received "
                f"{found}{validation}.",
                UserWarning,
                stacklevel=2,
            )
            return None
        return logs[self.monitor]

    def previous_epochs(self) -> Iterator[tuple[int, float, Logs]]:
        """Iterate over the epochs before training was resumed: epoch, monitored value, all values."""
        if self.model.history is not None:
            for epoch, logs in self.model.history.rows():
                if self.monitor in logs:
                    yield epoch, logs[self.monitor], logs


def _higher_is_better(model: Model, monitor: str, callback: str) -> bool:
    """Whether the value named `monitor` is maximized, according to the metrics of the compiled model."""
    name = monitor.removeprefix("val_")
    if name == "loss":
        return False
    metrics = [] if model.compiled is None else model.compiled.metrics
    for metric in metrics:
        if name == metric.name:
            return metric.higher_is_better
    known = ", ".join(map(repr, ["loss", *(metric.name for metric in metrics)]))
    raise ValueError(
        f"Expected monitor of {callback} as one of {known}, with or without the prefix 'val_', received {monitor!r}; "
        f"for any other value, pass mode='min' or mode='max'."
    )
