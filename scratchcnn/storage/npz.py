"""scratchcnn's own file: an .npz that holds all of a model, so that training goes on as if it had never stopped.

    header.npy                  JSON as bytes: version, layers, how it was compiled, where training stands
    parameters/P.npy            parameter P, in the order of `get_weights`
    optimizer/P/S.npy           slot S of the optimizer for parameter P
    history/epoch.npy           numbers of the epochs done
    history/N.npy               column N of the history, as float64

numpy.load reads it too. The same model gives the same bytes. Nothing is ever unpickled, and no member is compressed:
trained weights hardly shrink, and an archive that cannot grow cannot be a bomb.
"""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import numpy as np

from scratchcnn.configs import Config
from scratchcnn.operands import FLOAT_DTYPES, Array
from scratchcnn.storage import parameters, structure, training_state
from scratchcnn.storage.archive import MAX_JSON_BYTES, Archive, opened
from scratchcnn.storage.atomic import FilePath, written_whole
from scratchcnn.storage.errors import StorageError
from scratchcnn.storage.objects import CustomObjects

if TYPE_CHECKING:
    from scratchcnn.sequential import Sequential

FORMAT, VERSION = "scratchcnn", 1
EXPECTED = "a file that scratchcnn saved"


def save(model: Sequential, path: FilePath) -> None:
    """Write all of a model."""
    training, arrays = training_state.take(model)
    described = {"model": structure.describe(model), "compiled": structure.describe_compiled(model)}
    _write(path, {**described, "training": training, **_parameters(model)}, _parameter_arrays(model) | arrays)


def save_weights(model: Sequential, path: FilePath) -> None:
    """Write the parameters alone."""
    _write(path, _parameters(model), _parameter_arrays(model))


def load(kind: type[Sequential], path: FilePath, custom_objects: CustomObjects) -> Sequential:
    """The model in a file of `save`."""
    with opened(path, EXPECTED) as archive:
        header = _read_header(archive)
        if "model" not in header:
            raise StorageError("Expected a whole model, received weights alone; use model.load_weights.")
        model = structure.make(kind, header["model"], custom_objects, archive.size)
        _put_parameters(model, header, archive)
        if header["compiled"] is not None:
            structure.compile_as(model, header["compiled"], custom_objects)
        training_state.put(model, header["training"], archive.array)
    return model


def load_weights(model: Sequential, path: FilePath) -> None:
    """Set the parameters to those in a file of `save_weights` or of `save`."""
    with opened(path, EXPECTED) as archive:
        _put_parameters(model, _read_header(archive), archive)


def _parameters(model: Sequential) -> Config:
    """What the header says of the parameters."""
    layers = [[layer.name, [array.shape for array in layer.params.values()]] for layer in parameters.holders(model)]
    return {"dtype": model.dtype.name, "layers": layers}


def _parameter_arrays(model: Sequential) -> dict[str, Array]:
    return {f"parameters/{p}": array for p, array in enumerate(_flat(model))}


def _flat(model: Sequential) -> list[Array]:
    return [array for layer in model.layers for array in layer.params.values()]


def _put_parameters(model: Sequential, header: Config, archive: Archive) -> None:
    dtype = np.dtype(str(header["dtype"]))
    if dtype not in FLOAT_DTYPES:
        raise StorageError(f"Expected parameters as float32 or float64, received {dtype}.")
    parameters.expect_match(model, header["layers"])
    arrays = [archive.array(f"parameters/{p}", dtype, array.shape) for p, array in enumerate(_flat(model))]
    parameters.put(model, arrays)


def _write(path: FilePath, header: Config, arrays: dict[str, Array]) -> None:
    try:
        text = json.dumps({"format": FORMAT, "version": VERSION, **header}).encode()
    except (TypeError, ValueError) as error:
        raise StorageError(
            f"Expected configs of numbers, strings, lists and dicts, received others: {error}."
        ) from error
    if len(text) > MAX_JSON_BYTES:
        raise StorageError(f"Expected a description of at most {MAX_JSON_BYTES:,} bytes, received {len(text):,}.")
    with written_whole(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in {"header": np.frombuffer(text, np.uint8), **arrays}.items():
            # A ZipInfo made by hand has no time in it, so that the bytes are those of the model alone.
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)


def _read_header(archive: Archive) -> Config:
    """The header, once it is known to be of this format and version."""
    if "header.npy" not in archive:
        raise StorageError(f"Expected {EXPECTED}, received another archive.")
    header: Config = json.loads(archive.array("header", np.dtype(np.uint8), limit=MAX_JSON_BYTES).tobytes())
    if header["format"] != FORMAT:
        raise StorageError(f"Expected {EXPECTED}, received another archive.")
    if type(header["version"]) is not int or not 1 <= header["version"] <= VERSION:
        raise StorageError(
            f"Expected a file of version {VERSION} at most, received version {header['version']!r}; a newer scratchcnn "
            f"wrote it and can read it."
        )
    return header
