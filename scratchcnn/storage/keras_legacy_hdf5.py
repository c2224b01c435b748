"""The layout of weights in Keras's .h5 files since 2015: LAYER/WEIGHT, listed in order by attributes.

    attribute layer_names       names of all layers, in order
    attribute backend           tensorflow, theano, jax, ...
    LAYER/                      with an attribute weight_names
    LAYER/WEIGHT                for each of the weight_names, for example conv2d/kernel:0 or sequential/conv2d/kernel

An inner model is listed like a layer, with the weights of all its layers: the trainable ones first, then the others.

A whole model has these groups in model_weights, and its optimizer state likewise in optimizer_weights; in a file of
weights they are at the top. The n-th layer with weights belongs to the n-th layer with parameters of the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scratchcnn.layers import Conv2D, Layer
from scratchcnn.layers.row import LayerRow
from scratchcnn.operands import Array
from scratchcnn.storage import hdf5, parameters
from scratchcnn.training.model import Model

BACKEND = "tensorflow"
"""The backend that is written: it stands for cross-correlation, which all backends but Theano compute."""


def weights_group(file: Any) -> Any:
    """Return the group that contains the layers of a whole model or of a file of weights; None for another layout."""
    if "model_weights" in file:
        return hdf5.group(file, "model_weights")
    return file if "layer_names" in file.attrs or "layer_names0" in file.attrs else None


def put(model: Model, group: Any) -> None:
    """Load the parameters from the group that contains the layers.

    Theano computed true convolutions, with the kernel rotated by 180°: such kernels are rotated.

    Raises
    ------
    StorageError
        The layers do not match those of the model. The model is unchanged.
    """
    found = [(name, listed(group, name)) for name in hdf5.read_names(group, "layer_names")]
    found = _by_layer(model, [(name, datasets) for name, datasets in found if datasets])
    parameters.expect_match(model, [(name, [data.shape for data in datasets]) for name, datasets in found])
    arrays = [hdf5.values(data) for _, datasets in found for data in datasets]
    if hdf5.read_text(group, "backend") == "theano":
        owners = [layer for layer in model.leaf_layers for _ in layer.params]
        arrays = [
            array[::-1, ::-1] if isinstance(layer, Conv2D) and array.ndim == 4 else array
            for layer, array in zip(owners, arrays, strict=True)
        ]
    parameters.put(model, arrays)


def _by_layer(model: Model, found: Sequence[tuple[str, list[Any]]]) -> list[tuple[str, list[Any]]]:
    """Divide the datasets of each inner model among its layers; those that do not match are returned as they are."""
    parts = [part for part in model.layers if part.weights]
    divided: list[tuple[str, list[Any]]] = []
    for number, (name, datasets) in enumerate(found):
        part = parts[number] if number < len(parts) else None
        if not isinstance(part, LayerRow) or len(datasets) != len(part.weights):
            divided.append((name, datasets))
            continue
        paths = _listed_names(part)
        full, short = [f"{name}/{path}" for path in paths], ["/".join(path.split("/")[-2:]) for path in paths]
        matching = _with_endings(datasets, full) or _with_endings(datasets, short) or datasets
        for layer in part.leaf_paths:
            own = [data for path, data in zip(paths, matching, strict=True) if path.rpartition("/")[0] == layer]
            divided += [(f"{name}/{layer}", own)] if own else []
    return divided


def _with_endings(datasets: Sequence[Any], endings: Sequence[str]) -> list[Any] | None:
    """Return the datasets in the order of the endings of their names; None if they do not have these endings.

    Names decide where there are any, since the order of the datasets depends on which layers were frozen.
    """
    of_length: dict[int, dict[str, list[Any]]] = {ending.count("/"): {} for ending in endings}
    for data in datasets:
        names = data.name.removesuffix(":0").split("/")
        for length, of_ending in of_length.items():
            of_ending.setdefault("/".join(names[-length - 1 :]), []).append(data)
    matching = [of_length[ending.count("/")].get(ending, []) for ending in endings]
    return [each[0] for each in matching] if all(len(each) == 1 for each in matching) else None


def _listed_names(part: Layer | LayerRow) -> list[str]:
    """Return the names of the weights of a layer or an inner model in the order in which Keras lists them."""
    names = {
        id(array): f"{path}/{name}" if path else name
        for path, layer in (
            [("", part)] if isinstance(part, Layer) else zip(part.leaf_paths, part.leaf_layers, strict=True)
        )
        for name, array in layer.params.items()
    }
    return [names[id(array)] for array in (*part.trainable_weights, *part.non_trainable_weights)]


def listed(parent: Any, path: str) -> list[Any]:
    """Return the datasets that a group lists in its attribute weight_names, after checking each."""
    group = hdf5.group(parent, path, required=True)
    names = hdf5.read_names(group, "weight_names")
    return [hdf5.dataset(group, name, f"{path}/{name}") for name in names]


def write(group: Any, model: Model) -> None:
    """Write the parameters of a model."""
    group.attrs["backend"] = BACKEND
    hdf5.write_names(group, "layer_names", [str(part.name) for part in model.layers])
    for part in model.layers:
        arrays = [*part.trainable_weights, *part.non_trainable_weights]
        names = [f"{model.name}/{part.name}/{name}" for name in _listed_names(part)]
        _write_listed(group, str(part.name), dict(zip(names, arrays, strict=True)))
    _write_listed(group, "top_level_model_weights", {})


def _write_listed(parent: Any, path: str, arrays: dict[str, Array]) -> None:
    """Write arrays into a group that lists their names; the counterpart of `listed`."""
    group = parent.require_group(path)
    hdf5.write_names(group, "weight_names", list(arrays))
    for name, array in arrays.items():
        group[name] = array
