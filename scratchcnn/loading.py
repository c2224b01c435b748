"""Load a model from a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scratchcnn.sequential import Sequential
from scratchcnn.storage import files
from scratchcnn.storage.atomic import FilePath


def load_model(path: FilePath, custom_objects: Mapping[str, type[Any]] | None = None) -> Sequential:
    """Load a model from an .npz file written by `Sequential.save`, or from a .keras file written by Keras.

    Parameters
    ----------
    path : str or path
        The file; its suffix determines the format.
    custom_objects : dict of str to class, optional
        Your own classes in the model, by name: {'MyLayer': MyLayer}.

    Returns
    -------
    Sequential
        The model as it was saved: layers and weights and, if it was compiled, optimizer, loss and metrics.

    Raises
    ------
    StorageError
        A `ValueError`: the file is damaged, has another format or was written by a newer version, or a class is missing
        in `custom_objects`.
    OSError
        The file cannot be opened.
    """
    return files.load_model(Sequential, path, custom_objects)
