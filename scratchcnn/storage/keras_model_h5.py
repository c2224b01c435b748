"""Keras's HDF5 format for complete models (.h5), written by Keras since 2015.

    attribute model_config      the layers, as JSON
    attribute training_config   the compilation, as JSON; optional
    attribute keras_version
    model_weights/              the parameters, as `keras_legacy_hdf5` documents
    optimizer_weights/          the optimizer state; optional

The file that is written has the form of Keras 3, with names that Keras 2 also understands. It contains the compilation,
but neither the random state nor the history, and no optimizer state: Keras 3 (up to 3.15 at least) writes one into its
own .h5 files, but when it loads such a file, it builds the optimizer for no variables, so that the next `fit` raises a
ValueError until the model is compiled again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from scratchcnn.atomic import FilePath
from scratchcnn.configs import Config
from scratchcnn.storage import hdf5, keras_config, keras_hdf5, keras_legacy_hdf5, keras_optimizer, structure
from scratchcnn.storage.archive import storage_errors
from scratchcnn.storage.errors import StorageError
from scratchcnn.storage.objects import CustomObjects
from scratchcnn.training.model import AnyModel, Model

EXPECTED = "an .h5 file of Keras"


def save(model: Model, path: FilePath) -> None:
    """Write a model as a file that Keras can load.

    Warns
    -----
    UserWarning
        Keras does not have the loss, the optimizer or a metric: the compilation is omitted.
    """
    texts: dict[str, Any] = {"model_config": _legacy_model(keras_config.to_keras(model))}
    if (compiled := keras_config.compiled_to_save(model)) is not None:
        texts["training_config"] = _legacy_compilation(compiled)
    with hdf5.written(path) as file:
        _write_versions(file)
        for name, value in texts.items():
            file.attrs[name] = json.dumps(value)
        group = file.create_group("model_weights")
        _write_versions(group)
        keras_legacy_hdf5.write(group, model)


def save_weights(model: Model, path: FilePath) -> None:
    """Write the parameters only."""
    with hdf5.written(path) as file:
        _write_versions(file)
        keras_legacy_hdf5.write(file, model)


def load(model_class: Callable[..., AnyModel], path: FilePath, custom_objects: CustomObjects) -> AnyModel:
    """Load a model from an .h5 file.

    Warns
    -----
    UserWarning
        The model was compiled with a loss, optimizer or metric that this package does not have: it is loaded
        uncompiled. Or the optimizer state is of a form that is not restored.
    """
    with open(path, "rb") as stream, storage_errors(path, EXPECTED):
        content = stream.read()
        with hdf5.opened(content, EXPECTED) as file:
            config = hdf5.read_json(file, "model_config")
            if config is None:
                raise StorageError(
                    "Expected a complete model, received a file without model_config, as written by save_weights; "
                    "create the model with the same layers and use model.load_weights."
                )
            description = keras_config.from_keras(config)
            model = structure.create_model(model_class, description, custom_objects, len(content))
            keras_legacy_hdf5.put(model, hdf5.group(file, "model_weights", required=True))
            compiled = hdf5.read_json(file, "training_config")
            if compiled and keras_config.compile_model(model, compiled) and "optimizer_weights" in file:
                keras_optimizer.restore(model, keras_legacy_hdf5.listed(file, "optimizer_weights"))
    return model


load_weights = keras_hdf5.load_weights  # of any layout


def is_hdf5(path: FilePath) -> bool:
    """Whether a file is an HDF5 file, as Keras 2 wrote them under the name .keras, too."""
    with open(path, "rb") as file:
        return file.read(len(hdf5.SIGNATURE)) == hdf5.SIGNATURE


def _write_versions(group: Any) -> None:
    group.attrs["keras_version"] = keras_config.KERAS_VERSION
    group.attrs["backend"] = keras_legacy_hdf5.BACKEND


def _legacy_model(config: Config) -> Config:
    """Return the entry of a model in config.json in the form of .h5 files: class_name and config of each object."""
    layers = [
        _legacy_model(layer) if layer["class_name"] == config["class_name"] else _legacy(layer)
        for layer in config["config"]["layers"]
    ]
    head = layers[0]["config"]
    head["batch_input_shape"] = head.pop("batch_shape")  # Keras 3 reads both names, Keras 2 only this one
    return {"class_name": config["class_name"], "config": {**config["config"], "layers": layers}}


def _legacy_compilation(compiled: Config) -> Config:
    return {
        "loss": _legacy(compiled["loss"]),
        "metrics": [_legacy(metric) for metric in compiled["metrics"]],
        "loss_weights": None,
        "weighted_metrics": None,
        "optimizer_config": _legacy(compiled["optimizer"]),
    }


def _legacy(described: Any) -> Any:
    if isinstance(described, str):
        return described
    return {"class_name": described["class_name"], "config": dict(described["config"])}
