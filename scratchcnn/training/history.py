"""History: what `fit` returns, the losses and metrics of every epoch."""

from __future__ import annotations


class History:
    """Losses and metrics, epoch by epoch.

    Attributes
    ----------
    epoch : list of int
        0, 1, 2, ...
    history : dict of str to list of float
        'loss' and each metric; with validation data, 'val_loss' and so on.
    """

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def append(self, epoch: int, values: dict[str, float]) -> None:
        """Add the values of one epoch."""
        self.epoch.append(epoch)
        for name, value in values.items():
            self.history.setdefault(name, []).append(value)
