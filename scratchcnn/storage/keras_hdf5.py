"""Keras's HDF5 file of numbers (.weights.h5): parameters in layers/NAME/vars, the optimizer's in optimizer/vars.

NAME is the layer's class in snake case, numbered: conv2d, conv2d_1; what the layers are called does not matter.

A file is looked at before anything is read from it: only data sets that lie in it whole and plain are taken, no links
to other files, nothing compressed, and no shape but the model's. But the file is parsed by the HDF5 library, which is
written in C and not meant for hostile files: open those of strangers in a process that may crash.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchcnn.operands import Array, Shape
from scratchcnn.storage import parameters
from scratchcnn.storage.archive import reported
from scratchcnn.storage.atomic import FilePath, written_whole
from scratchcnn.storage.errors import StorageError, optional_package

if TYPE_CHECKING:
    from scratchcnn.layers import Layer
    from scratchcnn.sequential import Sequential

EXPECTED = "a .weights.h5 file of Keras"
SIGNATURE = b"\x89HDF\r\n\x1a\n"


def save_weights(model: Sequential, path: FilePath) -> None:
    """Write the parameters alone."""
    content = to_bytes(model)
    with written_whole(path) as file:
        file.write(content)


def load_weights(model: Sequential, path: FilePath) -> None:
    """Set the parameters to those in a .weights.h5 file."""
    with open(path, "rb") as file, reported(path, EXPECTED):
        put(model, file.read())


def to_bytes(model: Sequential, optimizer: tuple[str, list[Array]] | None = None) -> bytes:
    """The file, with the name and the variables of an optimizer if there is one."""
    content = io.BytesIO()
    with _h5py().File(content, "w") as file:
        file.create_group("vars").attrs["name"] = model.name
        for name, layer in _groups(model):
            _write(file, f"layers/{name}", str(layer.name), list(layer.params.values()))
        if optimizer is not None:
            _write(file, "optimizer", *optimizer)
    return content.getvalue()


def put(model: Sequential, content: bytes) -> None:
    """Set the parameters to those in a file."""
    with _opened(content) as file:
        layers = _group(file, "layers", needed=True)
        used = {name: layer for name, layer in _groups(model) if layer.params}
        unused = [name for name in layers if name not in used and _variables(layers, name)]
        found = [(name, _variables(layers, name)) for name in [*used, *unused]]
        parameters.expect_match(model, [(name, [data.shape for data in of_one]) for name, of_one in found])
        parameters.put(model, [_read(data) for _, of_one in found for data in of_one])


def optimizer_variables(content: bytes, shapes: Sequence[Shape]) -> list[Array] | None:
    """The variables of the optimizer, if there are as many and of such shapes; else None."""
    with _opened(content) as file:
        variables = _variables(file, "optimizer")
        if [data.shape for data in variables] != list(shapes):
            return None
        return [_read(data) for data in variables]


def _h5py() -> Any:
    return optional_package("h5py", "keras")


def _opened(content: bytes) -> Any:
    if not content.startswith(SIGNATURE):
        raise StorageError(f"Expected {EXPECTED}, received a file that does not begin as HDF5.")
    return _h5py().File(io.BytesIO(content), "r")


def _groups(model: Sequential) -> Iterator[tuple[str, Layer]]:
    """Each layer with the name of its group."""
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


def _group(parent: Any, name: str, needed: bool = False) -> Any:
    """The group of that name within another; an empty dict if there is none."""
    found = _member(parent, name)
    if found is None and not needed:
        return {}
    if not isinstance(found, _h5py().Group):
        raise StorageError(f"Expected a group {name!r} in {EXPECTED}, received {found!r}.")
    return found


def _variables(parent: Any, name: str) -> list[Any]:
    """The data sets under name/vars, in the order of their numbers, each of them plain."""
    variables = _group(_group(parent, name), "vars")
    return [_plain(_member(variables, str(number)), f"{name}/vars/{number}") for number in range(len(variables))]


def _member(group: Any, name: str) -> Any:
    """What lies in a group under a name, None if nothing does; a link that leads elsewhere is refused."""
    if name not in group:
        return None
    link = group.get(name, getlink=True)
    if not isinstance(link, _h5py().HardLink):
        raise StorageError(f"Expected {name!r} within the file, received a link to elsewhere.")
    return group[name]


def _plain(data: Any, name: str) -> Any:
    """A data set, if it is an array of floats that lies in the file whole."""
    if (
        not isinstance(data, _h5py().Dataset)
        or data.is_virtual
        or data.external
        or data.chunks
        or data.dtype.kind not in "fi"
    ):
        raise StorageError(f"Expected {name!r} as a plain array of numbers, received {data!r}.")
    if data.id.get_storage_size() != data.size * data.dtype.itemsize:
        raise StorageError(f"Expected {name!r} whole, received {data.id.get_storage_size():,} bytes of it.")
    return data


def _read(data: Any) -> Array:
    array: Array = np.asarray(data[()])
    return array
