"""History: the loss and metrics of every epoch, as returned by `fit`."""

from __future__ import annotations

from collections.abc import Iterator

from scratchcnn.descriptions.words import plural
from scratchcnn.display.blocks import Block, Table, Title
from scratchcnn.display.displayed import Displayed
from scratchcnn.names import Named
from scratchcnn.training.progress import value_text


class History(Displayed, Named, methods=True):
    """Loss and metrics of each epoch; `print` shows them as a table.

    Attributes
    ----------
    epoch : list of int
        0, 1, 2, ...
    history : dict of str to list of float
        'loss' and each metric; with validation data, 'val_loss' and so on; and values added by callbacks, for example
        'learning_rate'.
    """

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def append(self, epoch: int, values: dict[str, float]) -> None:
        """Add the values of one epoch."""
        self.epoch.append(epoch)
        self.extend(values)

    def extend(self, values: dict[str, float]) -> None:
        """Add more values to the last epoch."""
        for name, value in values.items():
            self.history.setdefault(name, []).append(value)

    def rows(self) -> Iterator[tuple[int, dict[str, float]]]:
        """Iterate over epochs and their values, for the columns that have a value for every epoch."""
        full = {name: values for name, values in self.history.items() if len(values) == len(self.epoch)}
        for index, epoch in enumerate(self.epoch):
            yield epoch, {name: values[index] for name, values in full.items()}

    def blocks(self) -> list[Block]:
        """Return the title, and a table with one row per epoch."""
        rows = list(self.rows())
        title = Title(f"History of {plural(len(rows), 'epoch')}")
        if not rows:
            return [title]
        heads = ["epoch", *rows[0][1]]
        table = [[str(epoch + 1), *(value_text(value) for value in values.values())] for epoch, values in rows]
        return [title, Table(heads, table, left=())]

    def continued(self) -> History:
        """Return a copy, to which more epochs may be added."""
        copied = History()
        copied.epoch = list(self.epoch)
        copied.history = {name: list(values) for name, values in self.history.items()}
        return copied
