"""Models: the class `Sequential`, models from files and JSON, and copies; the names are those of keras.models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scratchcnn.atomic import FilePath
from scratchcnn.layers import Input, Layer
from scratchcnn.layers.row import LayerRow
from scratchcnn.names import names_arguments, names_of_module
from scratchcnn.sequential import Sequential
from scratchcnn.sequential.stored import from_description
from scratchcnn.storage import files
from scratchcnn.storage.errors import StorageError

__all__ = ["Input", "Sequential", "clone_model", "load_model", "model_from_json"]


@names_arguments
def load_model(path: FilePath, custom_objects: Mapping[str, type[Any]] | None = None) -> Sequential:
    """Load a model from a file that `Sequential.save` or Keras wrote: .npz, .keras or .h5.

    Parameters
    ----------
    path : str or path
        The file; its suffix determines the format.
    custom_objects : dict of str to class, optional
        Your own classes in the model, by name: {'MyLayer': MyLayer}.

    Returns
    -------
    Sequential
        The model as it was saved: layers and weights and, if it was compiled, optimizer, loss and metrics. Files of
        Keras 1, 2 and 3 are read; a functional model must be a chain of layers.

    Raises
    ------
    StorageError
        A `ValueError`: the file is damaged, has another format or was written by a newer version, or a class is missing
        in `custom_objects`; or this package does not have a layer of Keras or an option, which the message names.
    OSError
        The file cannot be opened.
    """
    return files.load_model(Sequential, path, custom_objects)


@names_arguments
def model_from_json(json_string: str, custom_objects: Mapping[str, type[Any]] | None = None) -> Sequential:
    """Create a model with new parameters from the JSON of `Sequential.to_json`, or of Keras's.

    Parameters
    ----------
    json_string : str
    custom_objects : dict of str to class, optional
        As for `load_model`.

    Raises
    ------
    StorageError
        A `ValueError`: not the JSON of a Sequential, or a layer or option that this package does not have.

    Examples
    --------
    >>> from scratchcnn.layers import Dense
    >>> text = Sequential([Dense(3, input_shape=(4,))]).to_json()
    >>> model_from_json(text).layers
    [<'dense' (Dense), (4,) to (3,)>]
    """
    try:
        description = json.loads(json_string)
    except (TypeError, ValueError, RecursionError) as error:
        raise StorageError(
            f"Expected the JSON of a Sequential, as written by to_json, received {str(json_string)[:80]!r} "
            f"({type(error).__name__}: {error})."
        ) from error
    return from_description(Sequential, description, custom_objects)


@names_arguments
def clone_model(model: LayerRow) -> Sequential:
    """Return a new, uncompiled model with the same layers and new parameters, as in Keras.

    `Sequential.clone` returns a copy with the same parameters instead.

    Raises
    ------
    ValueError
        The shapes of the model are not known yet.

    Examples
    --------
    >>> from scratchcnn.layers import Dense
    >>> clone_model(Sequential([Dense(3, input_shape=(4,))])).count_params()
    15
    """
    if not isinstance(model, Sequential):
        raise TypeError(f"Expected a Sequential to clone, received {type(model).__name__}; give the model itself.")
    shape = model.expect_built("clone_model")
    layers = [layer.unbuilt() if isinstance(layer, Layer) else clone_model(layer) for layer in model.layers]
    return Sequential([Input(shape), *layers], engine=model.engine, dtype=model.dtype.name, name=model.name)


if not TYPE_CHECKING:  # a type checker would take every name for defined
    __getattr__ = names_of_module(__name__)
