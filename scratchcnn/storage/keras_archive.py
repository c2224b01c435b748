"""Keras's file of a whole model (.keras): a zip of metadata.json, config.json and model.weights.h5.

It holds the layers, the parameters and how the model was compiled, with the optimizer's memory; not the state of chance
and not the history. To go on training to the bit, save as .npz.
"""

from __future__ import annotations

import json
import warnings
import zipfile
from typing import TYPE_CHECKING

import numpy as np

from scratchcnn.configs import Config
from scratchcnn.operands import Array
from scratchcnn.optimizers import SGD, Adam, Optimizer
from scratchcnn.storage import keras_config, keras_hdf5, structure, training_state
from scratchcnn.storage.archive import MAX_JSON_BYTES, opened
from scratchcnn.storage.atomic import FilePath, written_whole
from scratchcnn.storage.errors import StorageError
from scratchcnn.storage.objects import CustomObjects

if TYPE_CHECKING:
    from scratchcnn.sequential import Sequential

EXPECTED = "a .keras file"
CONFIG, METADATA, NUMBERS = "config.json", "metadata.json", "model.weights.h5"
FORMAT_OF = "3.4.0"  # the oldest Keras that the tests' extra allows; nothing newer is written


def save(model: Sequential, path: FilePath) -> None:
    """Write a model so that Keras can load it.

    Warns
    -----
    UserWarning
        Keras cannot express how the model was compiled: that is left out.
    """
    config = keras_config.to_keras(model)
    optimizer = None
    try:
        if (compiled := keras_config.compiled_to_keras(model)) is not None:
            config["compile_config"] = compiled
            optimizer = _variables_of_optimizer(model)
    except StorageError as error:
        warnings.warn(f"{error} The model is saved as if it were not compiled.", UserWarning, stacklevel=4)
    numbers = keras_hdf5.to_bytes(model, optimizer)
    metadata = {"keras_version": FORMAT_OF, "date_saved": "1980-01-01@00:00:00"}
    with written_whole(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        contents = {METADATA: json.dumps(metadata).encode(), CONFIG: json.dumps(config).encode(), NUMBERS: numbers}
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # without the time, so that equal models give equal bytes


def load(kind: type[Sequential], path: FilePath, custom_objects: CustomObjects) -> Sequential:
    """The model in a .keras file.

    Warns
    -----
    UserWarning
        The model was compiled with what this package has not: it is loaded uncompiled.
    """
    with opened(path, EXPECTED) as archive:
        config: Config = json.loads(archive.content(CONFIG, MAX_JSON_BYTES))
        numbers = archive.content(NUMBERS)
        model = structure.make(kind, keras_config.from_keras(config), custom_objects, archive.size)
        keras_hdf5.put(model, numbers)
        if config.get("compile_config"):
            _compile(model, config["compile_config"], numbers)
    return model


def load_weights(model: Sequential, path: FilePath) -> None:
    """Set the parameters to those in a .keras file."""
    with opened(path, EXPECTED) as archive:
        keras_hdf5.put(model, archive.content(NUMBERS))


def _compile(model: Sequential, config: Config, numbers: bytes) -> None:
    try:
        structure.compile_as(model, keras_config.compiled_from_keras(config), {})
    except ValueError as error:
        warnings.warn(f"{error} The model is loaded uncompiled: call compile.", UserWarning, stacklevel=5)
    else:
        _remember(model, numbers)


# What an optimizer remembers. Keras keeps it in one row of variables: the steps taken; the learning rate, if that is a
# number; and the slots of one parameter after the other.


def _variables_of_optimizer(model: Sequential) -> tuple[str, list[Array]] | None:
    """Name and variables of a model's optimizer as Keras keeps them; None if nothing is to be kept."""
    if model._trainer is None:
        return None
    optimizer, (iterations, slots) = model._trainer.optimizer, model._trainer.optimizer_state
    row = _slots_in_keras(optimizer, slots)
    if row is None:
        return None
    rate = [] if callable(optimizer.learning_rate) else [np.array(optimizer.learning_rate, model.dtype)]
    return type(optimizer).__name__.lower(), [np.array(iterations, np.int32), *rate, *row]


def _remember(model: Sequential, numbers: bytes) -> None:
    """Let the optimizer go on where Keras's stood, if its variables are in the file and as expected."""
    trainer = model._ready_trainer()
    row = _slots_in_keras(trainer.optimizer, trainer.optimizer_state.slots)
    if row is None:
        return
    first = 1 if callable(trainer.optimizer.learning_rate) else 2
    variables = keras_hdf5.optimizer_variables(numbers, [()] * first + [slot.shape for slot in row])
    if variables is None:
        return
    training_state.set_iterations(model, int(variables[0]))
    for slot, found in zip(row, variables[first:], strict=True):
        slot[...] = found


def _slots_in_keras(optimizer: Optimizer, slots: list[tuple[Array, ...]]) -> list[Array] | None:
    """The slots that Keras has too, in its order; None if that is not known.

    Without momentum, SGD has none there. Where those of AMSGrad stand has changed between Keras's versions.
    """
    if type(optimizer) is SGD and optimizer.momentum == 0:
        return []
    if type(optimizer) is SGD or (type(optimizer) is Adam and not optimizer.amsgrad):
        return [slot for of_one in slots for slot in of_one]
    return None
