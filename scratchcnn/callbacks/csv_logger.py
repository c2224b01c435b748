"""CSVLogger: a line in a file for every epoch."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from scratchcnn.callbacks.base import Callback, Logs


class CSVLogger(Callback):
    """Writes the values of each epoch to a CSV file, one line an epoch, under a header.

    Parameters
    ----------
    filename : path
    separator : str, default ','
    append : bool, default False
        Add to a file that is there, rather than begin it anew.

    Raises
    ------
    ValueError
        The separator is no single character.
    OSError
        Before training: the file cannot be written.

    Notes
    -----
    The first epoch decides on the columns: 'epoch' (from 0), and the names in alphabetical order. The file is closed
    after every line, so that none is lost. Where training goes on from a file that an earlier epoch wrote, with
    append=True, the lines of epochs that are done again stand there twice.
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        super().__init__()
        if not isinstance(separator, str) or len(separator) != 1:
            raise ValueError(f"Expected separator as a single character, received {separator!r}.")
        self.filename, self.separator, self.append = Path(filename), separator, append
        self.keys: list[str] | None = None
        self._header_is_missing = True

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begin the file, or see what is in it."""
        self.keys = None
        with open(self.filename, "a" if self.append else "w", newline="") as file:
            self._header_is_missing = file.tell() == 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write a line."""
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
        with open(self.filename, "a", newline="") as file:
            writer = csv.writer(file, delimiter=self.separator)
            if self._header_is_missing:
                writer.writerow(["epoch", *self.keys])
                self._header_is_missing = False
            writer.writerow([epoch, *(logs.get(key, "NA") for key in self.keys)])
