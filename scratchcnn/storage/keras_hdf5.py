"""Keras's HDF5 format for weights (.weights.h5): parameters in layers/NAME/vars, optimizer state in optimizer/vars.

NAME is the class of the layer in snake case, numbered: conv2d, conv2d_1. The names of the layers are not used. Keras 2
wrote files of the same name in the older layout of `keras_legacy_hdf5`, so the layout is determined from the content.
Keras 2.13 called the group of the layers _layer_checkpoint_dependencies and counted some layers twice.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from scratchcnn.layers import Layer
from scratchcnn.operands import Array
from scratchcnn.storage import hdf5, keras_legacy_hdf5, parameters
from scratchcnn.storage.archive import storage_errors
from scratchcnn.storage.atomic import FilePath, atomic_write
from scratchcnn.training.model import Model

EXPECTED = "a .weights.h5 file of Keras"
KERAS_2_13 = "_layer_checkpoint_dependencies"


def save_weights(model: Model, path: FilePath) -> None:
    """Write the parameters only."""
    content = to_bytes(model)
    with atomic_write(path) as file:
        file.write(content)


def load_weights(model: Model, path: FilePath) -> None:
    """Load the parameters from an HDF5 file of Keras, of any layout."""
    with open(path, "rb") as file, storage_errors(path, EXPECTED):
        put(model, file.read())


def to_bytes(model: Model, optimizer: tuple[str, list[Array]] | None = None) -> bytes:
    """Return the content of a file with the parameters and, if given, the name and variables of an optimizer."""
    content = io.BytesIO()
    with hdf5.h5py().File(content, "w") as file:
        file.create_group("vars").attrs["name"] = model.name
        for name, layer in _groups(model):
            _write(file, f"layers/{name}", str(layer.name), list(layer.params.values()))
        if optimizer is not None:
            _write(file, "optimizer", *optimizer)
    return content.getvalue()


def put(model: Model, content: bytes) -> None:
    """Load the parameters from the content of a file."""
    with hdf5.opened(content, EXPECTED) as file:
        if (legacy := keras_legacy_hdf5.weights_group(file)) is not None:
            keras_legacy_hdf5.put(model, legacy)
            return
        layers = hdf5.group(file, KERAS_2_13 if KERAS_2_13 in file else "layers", required=True)
        expected = _found_groups(model, layers) if KERAS_2_13 in file else _expected_groups(model)
        unexpected = [name for name in layers if name not in expected and variables(layers, name)]
        found = [(name, variables(layers, name)) for name in [*expected, *unexpected]]
        parameters.expect_match(model, [(name, [variable.shape for variable in group]) for name, group in found])
        parameters.put(model, [hdf5.values(variable) for _, group in found for variable in group])


def variables(parent: Any, name: str) -> list[Any]:
    """Return the datasets in name/vars, in numerical order, after checking each."""
    group = hdf5.group(hdf5.group(parent, name), "vars")
    return [hdf5.dataset(group, str(number), f"{name}/vars/{number}") for number in range(len(group))]


def _expected_groups(model: Model) -> list[str]:
    """Return the name of the group of each layer with parameters."""
    return [name for name, layer in _groups(model) if layer.params]


def _found_groups(model: Model, layers: Any) -> list[str]:
    """Return the name of the group of each layer with parameters in a file whose numbers may have gaps."""
    names = {}
    for kind in {layer.default_name for layer in model.layers if layer.params}:
        numbers = {name: name.removeprefix(kind).removeprefix("_") or "0" for name in layers if name.startswith(kind)}
        sizes = {name: int(number) for name, number in numbers.items() if number.isdecimal() and len(number) < 9}
        names[kind] = iter(sorted((name for name in sizes if variables(layers, name)), key=sizes.__getitem__))
    return [next(names[layer.default_name], name) for name, layer in _groups(model) if layer.params]


def _groups(model: Model) -> Iterator[tuple[str, Layer]]:
    """Iterate over the layers, with the name of the group of each."""
    seen: dict[str, int] = {}
    for layer in model.layers:
        name = layer.default_name
        seen[name] = seen.get(name, -1) + 1
        yield (f"{name}_{seen[name]}" if seen[name] else name), layer


def _write(file: Any, path: str, name: str, arrays: list[Array]) -> None:
    group = file.create_group(f"{path}/vars")
    group.attrs["name"] = name
    for number, array in enumerate(arrays):
        group[str(number)] = array
