"""Keras's HDF5 format for weights (.weights.h5): parameters in layers/NAME/vars, optimizer state in optimizer/vars.

NAME is the class of the layer in snake case, numbered: conv2d, conv2d_1. The names of the layers are not used. An inner
model has such groups of its own, in layers/sequential/layers or, if it was functional, in layers/functional/layers.

Keras 2 wrote files of the same name in the older layout of `keras_legacy_hdf5`, so the layout is determined from the
content. Keras 2.13 called the group of the layers _layer_checkpoint_dependencies and counted some layers twice.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from typing import Any

from scratchcnn.atomic import FilePath, atomic_write
from scratchcnn.layers import Layer
from scratchcnn.layers.row import LayerRow
from scratchcnn.operands import Array
from scratchcnn.storage import hdf5, keras_legacy_hdf5, parameters, structure
from scratchcnn.storage.archive import storage_errors
from scratchcnn.storage.errors import StorageError
from scratchcnn.training.model import Model

EXPECTED = "an HDF5 file of Keras"
KERAS_2_13 = "_layer_checkpoint_dependencies"
FUNCTIONAL = "functional"


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
            arrays = list(layer.params.values()) if isinstance(layer, Layer) else []
            _write(file, f"layers/{name}", str(layer.name), arrays)
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
        expected = _found_groups(model, layers) if KERAS_2_13 in file else _expected_groups(model, layers)
        unexpected = [name for name in _all_groups(layers) if name not in expected and variables(layers, name)]
        found = [(name, variables(layers, name)) for name in [*expected, *unexpected]]
        parameters.expect_match(model, [(name, [variable.shape for variable in group]) for name, group in found])
        parameters.put(model, [hdf5.values(variable) for _, group in found for variable in group])


def variables(parent: Any, name: str) -> list[Any]:
    """Return the datasets in name/vars, in numerical order, after checking each."""
    group = hdf5.group(hdf5.group(parent, name), "vars")
    return [hdf5.dataset(group, str(number), f"{name}/vars/{number}") for number in range(len(group))]


def _expected_groups(model: Model, layers: Any) -> list[str]:
    """Return the path of the group of each layer with parameters."""
    return [path for path, layer in _groups(model, layers) if isinstance(layer, Layer) and layer.params]


def _found_groups(model: Model, layers: Any) -> list[str]:
    """Return the name of the group of each layer with parameters in a file whose numbers may have gaps."""
    names = {}
    for kind in {layer.default_name for layer in model.leaf_layers if layer.params}:
        numbers = {name: name.removeprefix(kind).removeprefix("_") or "0" for name in layers if name.startswith(kind)}
        sizes = {name: int(number) for name, number in numbers.items() if number.isdecimal() and len(number) < 9}
        names[kind] = iter(sorted((name for name in sizes if variables(layers, name)), key=sizes.__getitem__))
    return [next(names[layer.default_name], layer.default_name) for layer in model.leaf_layers if layer.params]


def _groups(row: Model | LayerRow, found: Any = None, before: str = "") -> Iterator[tuple[str, Layer | LayerRow]]:
    """Iterate over the layers and inner models, with the path of the group of each.

    `found` is the group of the layers in a file, in which inner models may have been functional ones.
    """
    seen: Counter[str] = Counter()
    for layer in row.layers:
        kind = layer.default_name
        if isinstance(layer, LayerRow) and found:
            kind = _kind_of(layer, found, seen)
        name = _numbered(kind, seen)
        seen[kind] += 1
        yield f"{before}{name}", layer
        if isinstance(layer, LayerRow):
            inner = hdf5.group(hdf5.group(found, name), "layers") if found else None
            yield from _groups(layer, inner, f"{before}{name}/layers/")


def _numbered(kind: str, seen: Counter[str]) -> str:
    return f"{kind}_{seen[kind]}" if seen[kind] else kind


def _kind_of(row: LayerRow, found: Any, seen: Counter[str]) -> str:
    """Return 'sequential' or 'functional': as which of both the next inner model is stored in a file."""
    groups = {kind: hdf5.group(found, _numbered(kind, seen)) for kind in (row.default_name, FUNCTIONAL)}
    kinds = [kind for kind, group in groups.items() if group]
    if len(kinds) < 2:
        return kinds[0] if kinds else row.default_name
    fitting = [kind for kind in kinds if _fits(row, hdf5.group(groups[kind], "layers"))]
    if len(fitting) > 1:
        fitting = [kind for kind in fitting if hdf5.read_text(hdf5.group(groups[kind], "vars"), "name") == row.name]
    if len(fitting) != 1:
        raise StorageError(
            f"Expected parameters for the inner model {row.label}, received a file with a sequential and a functional "
            f"model, {'neither' if not fitting else 'each'} of which fits; if one does, give the inner model its name."
        )
    return fitting[0]


def _fits(row: LayerRow, layers: Any) -> bool:
    """Whether the layers in a group of a file have the parameters of an inner model."""
    leaves = [path for path, layer in _groups(row, layers) if isinstance(layer, Layer) and layer.params]
    shapes = [data.shape for path in leaves for data in variables(layers, path)]
    return shapes == [array.shape for array in row.weights]


def _all_groups(layers: Any) -> list[str]:
    """Return the paths of the groups of all layers and inner models in a file."""
    paths: list[str] = []
    rest = [("", layers)]
    while rest:
        before, group = rest.pop()
        paths += [f"{before}{name}" for name in group]
        if len(paths) > structure.MAX_LAYERS:  # also of a group that contains itself
            raise StorageError(f"Expected at most {structure.MAX_LAYERS} layers, received more.")
        inner = [(f"{before}{name}/layers/", hdf5.group(hdf5.group(group, name), "layers")) for name in group]
        rest += [(path, each) for path, each in inner if each]
    return paths


def _write(file: Any, path: str, name: str, arrays: list[Array]) -> None:
    group = file.create_group(f"{path}/vars")
    group.attrs["name"] = name
    for number, array in enumerate(arrays):
        group[str(number)] = array
