"""CSVLogger: appends the values of each epoch to a CSV file."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from scratchcnn.arguments import boolean
from scratchcnn.callbacks.base import Callback, Logs


class CSVLogger(Callback):
    """Writes a header and one row per epoch to a CSV file.

    Parameters
    ----------
    filename : path
    separator : str, default ','
    append : bool, default False
        Append to an existing file instead of overwriting it.

    Raises
    ------
    ValueError
        The separator is not a single character.
    OSError
        Before training: the file cannot be written.

    Notes
    -----
    The first epoch determines the columns: 'epoch' (from 0), then the names in alphabetical order. The file is closed
    after every row, so no row is lost if the process is killed. If training is resumed from an earlier epoch with
    append=True, the epochs that are repeated appear twice.
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        super().__init__()
        if not isinstance(separator, str) or len(separator) != 1:
            raise ValueError(f"Expected separator as a single character, received {separator!r}.")
        self.filename, self.separator, self.append = Path(filename), separator, boolean("append", append)
        self.keys: list[str] | None = None
        self._header_missing = True

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Create the file, or check whether it already has content."""
        self.keys = None
        with open(self.filename, "a" if self.append else "w", newline="") as file:
            self._header_missing = file.tell() == 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write one row."""
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
        with open(self.filename, "a", newline="") as file:
            writer = csv.writer(file, delimiter=self.separator)
            if self._header_missing:
                writer.writerow(["epoch", *self.keys])
                self._header_missing = False
            writer.writerow([epoch, *(logs.get(key, "NA") for key in self.keys)])
