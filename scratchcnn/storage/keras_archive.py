"""Keras's format for complete models (.keras): a zip archive of metadata.json, config.json and model.weights.h5.

It contains the layers, the parameters, the compilation and the optimizer state, but neither the random state nor the
history. To resume training bit for bit, save the model as .npz. Keras 2 before 2.12 wrote HDF5 files under this name,
which are recognized by their content.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable

from scratchcnn.atomic import FilePath, atomic_write
from scratchcnn.configs import Config
from scratchcnn.storage import hdf5, keras_config, keras_hdf5, keras_model_h5, keras_optimizer, structure
from scratchcnn.storage.archive import MAX_JSON_BYTES, open_archive
from scratchcnn.storage.objects import CustomObjects
from scratchcnn.training.model import AnyModel, Model

EXPECTED = "a .keras file"
CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"


def save(model: Model, path: FilePath) -> None:
    """Write a model as a file that Keras can load.

    Warns
    -----
    UserWarning
        Keras does not have the loss, the optimizer or a metric: the compilation is omitted.
    """
    config = keras_config.to_keras(model)
    optimizer = None
    if (compiled := keras_config.compiled_to_save(model)) is not None:
        config["compile_config"] = compiled
        optimizer = keras_optimizer.variables(model)
    weights = keras_hdf5.to_bytes(model, optimizer)
    metadata = {"keras_version": keras_config.KERAS_VERSION, "date_saved": "1980-01-01@00:00:00"}
    with atomic_write(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        contents = {METADATA: json.dumps(metadata).encode(), CONFIG: json.dumps(config).encode(), WEIGHTS: weights}
        for name, content in contents.items():  # without a modification time, so equal models give equal bytes
            archive.writestr(zipfile.ZipInfo(name), content)


def load(model_class: Callable[..., AnyModel], path: FilePath, custom_objects: CustomObjects) -> AnyModel:
    """Load a model from a .keras file.

    Warns
    -----
    UserWarning
        The model was compiled with a loss, optimizer or metric that this package does not have: it is loaded
        uncompiled. Or the optimizer state is of a form that is not restored.
    """
    if keras_model_h5.is_hdf5(path):
        return keras_model_h5.load(model_class, path, custom_objects)
    with open_archive(path, EXPECTED) as archive:
        config: Config = json.loads(archive.content(CONFIG, MAX_JSON_BYTES))
        weights = archive.content(WEIGHTS)
        model = structure.create_model(model_class, keras_config.from_keras(config), custom_objects, archive.size)
        keras_hdf5.put(model, weights)
        if (compiled := config.get("compile_config")) and keras_config.compile_model(model, compiled):
            with hdf5.opened(weights, keras_hdf5.EXPECTED) as file:
                keras_optimizer.restore(model, keras_hdf5.variables(file, "optimizer"))
    return model


def load_weights(model: Model, path: FilePath) -> None:
    """Load the parameters from a .keras file."""
    if keras_model_h5.is_hdf5(path):
        keras_model_h5.load_weights(model, path)
        return
    with open_archive(path, EXPECTED) as archive:
        keras_hdf5.put(model, archive.content(WEIGHTS))
