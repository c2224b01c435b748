"""Keras's HDF5 format for weights (.weights.h5): parameters in layers/NAME/vars, optimizer state in optimizer/vars.

NAME is the class of the layer in snake case, numbered: conv2d, conv2d_1. The names of the layers are not used.

A file is checked before any array is read: only datasets that are stored contiguously in the file itself are accepted,
without links to other files, without compression, and with the shapes of the model. However, the file is parsed by the
HDF5 library, which is written in C and not designed for hostile files: open untrusted files in a separate process.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from scratchcnn.layers import Layer
from scratchcnn.operands import Array, Shape
from scratchcnn.storage import parameters
from scratchcnn.storage.archive import storage_errors
from scratchcnn.storage.atomic import FilePath, atomic_write
from scratchcnn.storage.errors import StorageError, optional_package
from scratchcnn.training.model import Model

EXPECTED = "a .weights.h5 file of Keras"
SIGNATURE = b"\x89HDF\r\n\x1a\n"


def save_weights(model: Model, path: FilePath) -> None:
    """Write the parameters only."""
    content = to_bytes(model)
    with atomic_write(path) as file:
        file.write(content)


def load_weights(model: Model, path: FilePath) -> None:
    """Load the parameters from a .weights.h5 file."""
    with open(path, "rb") as file, storage_errors(path, EXPECTED):
        put(model, file.read())


def to_bytes(model: Model, optimizer: tuple[str, list[Array]] | None = None) -> bytes:
    """Return the content of a file with the parameters and, if given, the name and variables of an optimizer."""
    content = io.BytesIO()
    with _h5py().File(content, "w") as file:
        file.create_group("vars").attrs["name"] = model.name
        for name, layer in _groups(model):
            _write(file, f"layers/{name}", str(layer.name), list(layer.params.values()))
        if optimizer is not None:
            _write(file, "optimizer", *optimizer)
    return content.getvalue()


def put(model: Model, content: bytes) -> None:
    """Load the parameters from the content of a file."""
    with _opened(content) as file:
        layers = _group(file, "layers", required=True)
        expected = [name for name, layer in _groups(model) if layer.params]
        unexpected = [name for name in layers if name not in expected and _variables(layers, name)]
        found = [(name, _variables(layers, name)) for name in [*expected, *unexpected]]
        parameters.expect_match(model, [(name, [variable.shape for variable in group]) for name, group in found])
        parameters.put(model, [_read(variable) for _, group in found for variable in group])


def optimizer_variables(content: bytes, shapes: Sequence[Shape]) -> list[Array] | None:
    """Return the variables of the optimizer; None if their number or shapes differ from those expected."""
    with _opened(content) as file:
        variables = _variables(file, "optimizer")
        if [data.shape for data in variables] != list(shapes):
            return None
        return [_read(data) for data in variables]


def _h5py() -> Any:
    return optional_package("h5py", "keras")


def _opened(content: bytes) -> Any:
    if not content.startswith(SIGNATURE):
        raise StorageError(f"Expected {EXPECTED}, received a file without the signature of HDF5.")
    return _h5py().File(io.BytesIO(content), "r")


def _groups(model: Model) -> Iterator[tuple[str, Layer]]:
    """Iterate over the layers, with the name of the group of each."""
    seen: dict[str, int] = {}
    for layer in model.layers:
        name = layer.default_name
        seen[name] = seen.get(name, -1) + 1
        yield (f"{name}_{seen[name]}" if seen[name] else name), layer


def _write(file: Any, path: str, name: str, arrays: list[Array]) -> None:
    variables = file.create_group(f"{path}/vars")
    variables.attrs["name"] = name
    for number, array in enumerate(arrays):
        variables[str(number)] = array


def _group(parent: Any, name: str, required: bool = False) -> Any:
    """Return a group within another; an empty dict if there is none and it is not required."""
    found = _member(parent, name)
    if found is None and not required:
        return {}
    if not isinstance(found, _h5py().Group):
        raise StorageError(f"Expected a group {name!r} in {EXPECTED}, received {found!r}.")
    return found


def _variables(parent: Any, name: str) -> list[Any]:
    """Return the datasets in name/vars, in numerical order, after checking each."""
    variables = _group(_group(parent, name), "vars")
    return [_checked(_member(variables, str(number)), f"{name}/vars/{number}") for number in range(len(variables))]


def _member(group: Any, name: str) -> Any:
    """Return a member of a group, or None if there is none; StorageError for a link to another place."""
    if name not in group:
        return None
    link = group.get(name, getlink=True)
    if not isinstance(link, _h5py().HardLink):
        raise StorageError(f"Expected {name!r} to be stored in the file, received a link to another place.")
    return group[name]


def _checked(data: Any, name: str) -> Any:
    """Return a dataset after checking that it is numeric and stored contiguously and completely in the file."""
    if (
        not isinstance(data, _h5py().Dataset)
        or data.is_virtual
        or data.external
        or data.chunks
        or data.dtype.kind not in "fi"
    ):
        raise StorageError(f"Expected {name!r} as a contiguous array of numbers, received {data!r}.")
    if data.id.get_storage_size() != data.size * data.dtype.itemsize:
        stored = data.id.get_storage_size()
        raise StorageError(f"Expected {name!r} to be stored completely, received {stored:,} bytes of it.")
    return data


def _read(data: Any) -> Array:
    array: Array = np.asarray(data[()])
    return array
