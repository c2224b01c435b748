"""Which format a file is of, by the end of its name: what `Sequential.save` and its like call."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from scratchcnn.storage import keras_archive, keras_hdf5, npz, onnx_graph
from scratchcnn.storage.atomic import FilePath
from scratchcnn.storage.errors import StorageError
from scratchcnn.storage.objects import CustomObjects

if TYPE_CHECKING:
    from scratchcnn.sequential import Sequential

MODELS = {".npz": npz, ".keras": keras_archive}
WEIGHTS = {".npz": npz, ".weights.h5": keras_hdf5}
READABLE_WEIGHTS = {**WEIGHTS, ".keras": keras_archive}


def save(model: Sequential, path: FilePath) -> None:
    """Write a model to an .npz or a .keras file; see `Sequential.save`."""
    model._expect_built("save")
    _format_of(path, MODELS).save(model, path)


def load_model(kind: type[Sequential], path: FilePath, custom_objects: CustomObjects | None) -> Sequential:
    """The model in an .npz or a .keras file; see `scratchcnn.load_model`."""
    loaded: Sequential = _format_of(path, MODELS).load(kind, path, custom_objects or {})
    return loaded


def save_weights(model: Sequential, path: FilePath) -> None:
    """Write the parameters to an .npz or a .weights.h5 file; see `Sequential.save_weights`."""
    model._expect_built("save_weights")
    _format_of(path, WEIGHTS).save_weights(model, path)


def load_weights(model: Sequential, path: FilePath) -> None:
    """Set the parameters to those in a file; see `Sequential.load_weights`."""
    model._expect_built("load_weights")
    _format_of(path, READABLE_WEIGHTS).load_weights(model, path)


def export(model: Sequential, path: FilePath) -> None:
    """Write the model as an ONNX graph; see `Sequential.export`."""
    model._expect_built("export")
    _format_of(path, {".onnx": onnx_graph}).export(model, path)


def _format_of(path: FilePath, formats: dict[str, Any]) -> Any:
    name = os.fspath(path)
    for suffix, module in formats.items():
        if name.endswith(suffix):
            return module
    raise StorageError(f"Expected a file name that ends in {' or '.join(formats)}, received {name!r}.")
