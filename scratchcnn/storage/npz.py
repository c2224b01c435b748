"""The format of scratchcnn: an .npz file with the complete model, so that training can be resumed bit for bit.

    header.npy                  JSON as bytes: version, layers, compilation, state of training
    parameters/P.npy            parameter P, in the order of `get_weights`
    optimizer/P/S.npy           array S of the optimizer state for trainable parameter P
    history/epoch.npy           numbers of the completed epochs
    history/N.npy               column N of the history, as float64

The file can also be read by numpy.load. Equal models give equal bytes. Nothing is pickled, and no member is compressed:
trained weights are hardly compressible, and an archive without compression cannot be a zip bomb.

Version 2 is written if a layer is frozen, since readers of version 1 would train it, and version 3 if the model
contains another one; otherwise version 1.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable

import numpy as np

from scratchcnn.atomic import FilePath, atomic_write
from scratchcnn.configs import Config
from scratchcnn.layers.row import LayerRow
from scratchcnn.operands import FLOAT_DTYPES, Array
from scratchcnn.storage import parameters, structure, training_state
from scratchcnn.storage.archive import MAX_JSON_BYTES, Archive, open_archive
from scratchcnn.storage.errors import StorageError
from scratchcnn.storage.objects import CustomObjects
from scratchcnn.training.model import AnyModel, Model

FORMAT, VERSION = "scratchcnn", 3
EXPECTED = "a file saved by scratchcnn"


def save(model: Model, path: FilePath) -> None:
    """Write the complete model."""
    training, arrays = training_state.describe(model)
    header = {
        "version": _version(model),
        "model": structure.describe(model),
        "compiled": structure.describe_compiled(model),
        "training": training,
        **_describe_parameters(model),
    }
    _write(path, header, _parameter_arrays(model) | arrays)


def _version(model: Model) -> int:
    """Return the oldest version whose readers understand the description of a model."""
    if any(isinstance(layer, LayerRow) for layer in model.layers):
        return 3
    return 1 if all(layer.trainable for layer in model.leaf_layers) else 2


def save_weights(model: Model, path: FilePath) -> None:
    """Write the parameters only."""
    _write(path, {"version": 1, **_describe_parameters(model)}, _parameter_arrays(model))


def load(model_class: Callable[..., AnyModel], path: FilePath, custom_objects: CustomObjects) -> AnyModel:
    """Load a model from a file written by `save`."""
    with open_archive(path, EXPECTED) as archive:
        header = _read_header(archive)
        if "model" not in header:
            raise StorageError("Expected a complete model, received weights only; use model.load_weights.")
        model = structure.create_model(model_class, header["model"], custom_objects, archive.size)
        _load_parameters(model, header, archive)
        if header["compiled"] is not None:
            structure.compile_model(model, header["compiled"], custom_objects)
        training_state.restore(model, header["training"], archive.array)
    return model


def load_weights(model: Model, path: FilePath) -> None:
    """Load the parameters from a file written by `save_weights` or `save`."""
    with open_archive(path, EXPECTED) as archive:
        _load_parameters(model, _read_header(archive), archive)


def _describe_parameters(model: Model) -> Config:
    """Return the dtype of the parameters, and the name and shapes of each layer that has any."""
    layers = parameters.layers_with_parameters(model)
    return {
        "dtype": model.dtype.name,
        "layers": [[layer.name, [array.shape for array in layer.params.values()]] for layer in layers],
    }


def _parameter_arrays(model: Model) -> dict[str, Array]:
    return {f"parameters/{p}": array for p, array in enumerate(_all_parameters(model))}


def _all_parameters(model: Model) -> list[Array]:
    return [array for layer in model.leaf_layers for array in layer.params.values()]


def _load_parameters(model: Model, header: Config, archive: Archive) -> None:
    dtype = np.dtype(str(header["dtype"]))
    if dtype not in FLOAT_DTYPES:
        raise StorageError(f"Expected parameters as float32 or float64, received {dtype}.")
    parameters.expect_match(model, header["layers"])
    arrays = [archive.array(f"parameters/{p}", dtype, array.shape) for p, array in enumerate(_all_parameters(model))]
    parameters.put(model, arrays)


def _write(path: FilePath, header: Config, arrays: dict[str, Array]) -> None:
    try:
        text = json.dumps({"format": FORMAT, **header}).encode()
    except (TypeError, ValueError) as error:
        raise StorageError(
            f"Expected configs of numbers, strings, lists and dicts, received other objects: {error}."
        ) from error
    if len(text) > MAX_JSON_BYTES:
        raise StorageError(f"Expected a description of at most {MAX_JSON_BYTES:,} bytes, received {len(text):,}.")
    with atomic_write(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in {"header": np.frombuffer(text, np.uint8), **arrays}.items():
            # An explicit ZipInfo contains no modification time, so the bytes depend on the model only.
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)


def _read_header(archive: Archive) -> Config:
    """Return the header after checking format and version."""
    if "header.npy" not in archive:
        raise StorageError(f"Expected {EXPECTED}, received another archive.")
    header: Config = json.loads(archive.array("header", np.dtype(np.uint8), limit=MAX_JSON_BYTES).tobytes())
    if header["format"] != FORMAT:
        raise StorageError(f"Expected {EXPECTED}, received another archive.")
    if type(header["version"]) is not int or not 1 <= header["version"] <= VERSION:
        raise StorageError(
            f"Expected a file of version {VERSION} or older, received version {header['version']!r}; upgrade "
            f"scratchcnn to read it."
        )
    return header
