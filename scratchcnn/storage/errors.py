"""The one error of this room: a model that cannot be saved, or a file that cannot be read."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class StorageError(ValueError):
    """A model cannot be saved in this format, or a file is damaged, foreign or too new; the message says what is wrong.

    A file that cannot be opened or written at all is an OSError as usual: FileNotFoundError, PermissionError, ...
    """


def optional_package(name: str, extra: str) -> Any:
    """The package of that name, which only the extra installs.

    Raises
    ------
    ImportError
        It is not installed; the message says how to install it.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ImportError(
            f"Expected {name} for this kind of file; python -m pip install 'scratchcnn[{extra}]' installs it."
        ) from error
