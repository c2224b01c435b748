"""StorageError: a model cannot be saved, or a file cannot be read; and helpers for its messages."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class StorageError(ValueError):
    """A model cannot be saved in this format, or a file is damaged, of another kind or too new.

    A file that cannot be opened or written raises OSError as usual: FileNotFoundError, PermissionError, ...
    """


def optional_package(name: str, extra: str) -> Any:
    """Import and return a package that only the extra of that name installs.

    Raises
    ------
    ImportError
        The package is not installed; the message contains the command that installs it.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ImportError(
            f"Expected {name} to be installed for this file format; run: python -m pip install 'scratchcnn[{extra}]'"
        ) from error


def shortened(value: object) -> str:
    """Return the representation of a value, for messages about files, which may contain very long ones."""
    try:
        text = repr(value)
    except RecursionError:
        text = f"a deeply nested {type(value).__name__}"
    return text if len(text) < 120 else f"{text[:120]}..."
