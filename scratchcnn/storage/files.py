"""Select the file format by the suffix of the file name, for `Sequential.save` and related methods."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from scratchcnn.atomic import FilePath
from scratchcnn.storage import keras_archive, keras_hdf5, keras_model_h5, npz, onnx_graph
from scratchcnn.storage.errors import StorageError
from scratchcnn.storage.objects import CustomObjects
from scratchcnn.training.model import AnyModel, Model

MODELS = {".npz": npz, ".keras": keras_archive, ".h5": keras_model_h5, ".hdf5": keras_model_h5}
WEIGHTS = {".npz": npz, ".weights.h5": keras_hdf5, ".h5": keras_model_h5, ".hdf5": keras_model_h5}
READABLE_WEIGHTS = {**WEIGHTS, ".keras": keras_archive}


def save(model: Model, path: FilePath) -> None:
    """Write a model to an .npz, .keras or .h5 file; see `Sequential.save`."""
    model.expect_built("save")
    if os.fspath(path).endswith(".weights.h5"):
        raise StorageError(
            f"Expected a file name for a complete model, received {os.fspath(path)!r}, which is one for weights: use "
            f"save_weights, or a name that ends in .h5 only."
        )
    _format_of(path, MODELS).save(model, path)


def load_model(model_class: Callable[..., AnyModel], path: FilePath, custom_objects: CustomObjects | None) -> AnyModel:
    """Load a model from an .npz, .keras or .h5 file; see `scratchcnn.load_model`."""
    loaded: AnyModel = _format_of(path, MODELS).load(model_class, path, custom_objects or {})
    return loaded


def save_weights(model: Model, path: FilePath) -> None:
    """Write the parameters to an .npz, .weights.h5 or .h5 file; see `Sequential.save_weights`."""
    model.expect_built("save_weights")
    _format_of(path, WEIGHTS).save_weights(model, path)


def load_weights(model: Model, path: FilePath) -> None:
    """Load the parameters from a file; see `Sequential.load_weights`."""
    model.expect_built("load_weights")
    _format_of(path, READABLE_WEIGHTS).load_weights(model, path)


def export(model: Model, path: FilePath) -> None:
    """Write the model as an ONNX graph; see `Sequential.export`."""
    model.expect_built("export")
    _format_of(path, {".onnx": onnx_graph}).export(model, path)


def _format_of(path: FilePath, formats: dict[str, Any]) -> Any:
    name = os.fspath(path)
    for suffix, module in formats.items():
        if name.endswith(suffix):
            return module
    raise StorageError(f"Expected a file name that ends in {' or '.join(formats)}, received {name!r}.")
