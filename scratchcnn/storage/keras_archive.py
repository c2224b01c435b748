"""Keras's format for complete models (.keras): a zip archive of metadata.json, config.json and model.weights.h5.

It contains the layers, the parameters, the compilation and the optimizer state, but neither the random state nor the
history. To resume training bit for bit, save the model as .npz.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable

import numpy as np

from scratchcnn.configs import Config
from scratchcnn.operands import Array
from scratchcnn.optimizers import SGD, Adam, Optimizer
from scratchcnn.storage import keras_config, keras_hdf5, structure, training_state
from scratchcnn.storage.archive import MAX_JSON_BYTES, open_archive
from scratchcnn.storage.atomic import FilePath, atomic_write
from scratchcnn.storage.errors import StorageError
from scratchcnn.storage.objects import CustomObjects
from scratchcnn.training.model import AnyModel, Model
from scratchcnn.training.warning import warn

EXPECTED = "a .keras file"
CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
KERAS_VERSION = "3.4.0"  # the oldest version that the extra `test` allows; nothing newer is written


def save(model: Model, path: FilePath) -> None:
    """Write a model as a file that Keras can load.

    Warns
    -----
    UserWarning
        Keras does not have the loss, the optimizer or a metric: the compilation is omitted.
    """
    config = keras_config.to_keras(model)
    optimizer = None
    try:
        if (compiled := keras_config.compiled_to_keras(model)) is not None:
            config["compile_config"] = compiled
            optimizer = _optimizer_variables(model)
    except StorageError as error:
        warn(f"{error} The model is saved uncompiled.")
    weights = keras_hdf5.to_bytes(model, optimizer)
    metadata = {"keras_version": KERAS_VERSION, "date_saved": "1980-01-01@00:00:00"}
    with atomic_write(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        contents = {METADATA: json.dumps(metadata).encode(), CONFIG: json.dumps(config).encode(), WEIGHTS: weights}
        for name, content in contents.items():
            archive.writestr(
                zipfile.ZipInfo(name), content
            )  # contains no modification time, so equal models give equal bytes


def load(model_class: Callable[..., AnyModel], path: FilePath, custom_objects: CustomObjects) -> AnyModel:
    """Load a model from a .keras file.

    Warns
    -----
    UserWarning
        The model was compiled with a loss, optimizer or metric that this package does not have: it is loaded
        uncompiled.
    """
    with open_archive(path, EXPECTED) as archive:
        config: Config = json.loads(archive.content(CONFIG, MAX_JSON_BYTES))
        weights = archive.content(WEIGHTS)
        model = structure.create_model(model_class, keras_config.from_keras(config), custom_objects, archive.size)
        keras_hdf5.put(model, weights)
        if config.get("compile_config"):
            _compile(model, config["compile_config"], weights)
    return model


def load_weights(model: Model, path: FilePath) -> None:
    """Load the parameters from a .keras file."""
    with open_archive(path, EXPECTED) as archive:
        keras_hdf5.put(model, archive.content(WEIGHTS))


def _compile(model: Model, config: Config, weights: bytes) -> None:
    try:
        structure.compile_model(model, keras_config.compiled_from_keras(config), {})
    except ValueError as error:
        warn(f"{error} The model is loaded uncompiled: call compile.")
    else:
        _restore_optimizer(model, weights)


# Keras stores the optimizer state as a list of variables: the step count; the learning rate, unless it is a schedule;
# and the arrays of one trainable parameter after the other, in layer order.


def _optimizer_variables(model: Model) -> tuple[str, list[Array]] | None:
    """Return the name and variables of the optimizer as stored by Keras; None if there is no state to store."""
    if model.optimizer_state is None:
        return None
    optimizer, (iterations, slots) = model.optimizer, model.optimizer_state
    arrays = _keras_arrays(optimizer, slots)
    if arrays is None:
        return None
    rate = [] if callable(optimizer.learning_rate) else [np.array(optimizer.learning_rate, model.dtype)]
    return type(optimizer).__name__.lower(), [np.array(iterations, np.int32), *rate, *arrays]


def _restore_optimizer(model: Model, weights: bytes) -> None:
    """Set the optimizer state to that of Keras, if the file contains it in the expected form."""
    trainer = model.trainer
    arrays = _keras_arrays(trainer.optimizer, trainer.optimizer_state.slots)
    if arrays is None:
        return
    first = 1 if callable(trainer.optimizer.learning_rate) else 2
    variables = keras_hdf5.optimizer_variables(weights, [()] * first + [array.shape for array in arrays])
    if variables is None:
        return
    training_state.set_iterations(model, int(variables[0]))
    for array, variable in zip(arrays, variables[first:], strict=True):
        array[...] = variable


def _keras_arrays(optimizer: Optimizer, slots: list[tuple[Array, ...]]) -> list[Array] | None:
    """Return the arrays of the optimizer state that Keras stores, in its order; None if the order is unknown.

    For SGD without momentum, Keras stores none. The position of AMSGrad's arrays differs between versions of Keras.
    """
    if type(optimizer) is SGD and optimizer.momentum == 0:
        return []
    if type(optimizer) is SGD or (type(optimizer) is Adam and not optimizer.amsgrad):
        return [array for arrays in slots for array in arrays]
    return None
