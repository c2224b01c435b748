"""load_model: a model out of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scratchcnn.sequential import Sequential
from scratchcnn.storage import files
from scratchcnn.storage.atomic import FilePath


def load_model(path: FilePath, custom_objects: Mapping[str, type[Any]] | None = None) -> Sequential:
    """The model that `Sequential.save`, or Keras, wrote to an .npz or .keras file.

    Parameters
    ----------
    path : str or path
    custom_objects : dict of str to class, optional
        Classes of your own in the model, by name: {'MyLayer': MyLayer}.

    Raises
    ------
    StorageError (a ValueError), OSError
        The file is damaged, another or too new, or needs a class that is not given; or it cannot be opened.
    """
    return files.load_model(Sequential, path, custom_objects)
