"""The layout of weights in Keras's .h5 files since 2015: LAYER/WEIGHT, listed in order by attributes.

    attribute layer_names       names of all layers, in order
    attribute backend           tensorflow, theano, jax, ...
    LAYER/                      with an attribute weight_names
    LAYER/WEIGHT                for each of the weight_names, for example conv2d/kernel:0 or sequential/conv2d/kernel

A whole model has these groups in model_weights, and its optimizer state likewise in optimizer_weights; in a file of
weights they are at the top. The n-th layer with weights belongs to the n-th layer with parameters of the model.
"""

from __future__ import annotations

from typing import Any

from scratchcnn.layers import Conv2D
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
    found = [(name, datasets) for name, datasets in found if datasets]
    parameters.expect_match(model, [(name, [data.shape for data in datasets]) for name, datasets in found])
    arrays = [hdf5.values(data) for _, datasets in found for data in datasets]
    if hdf5.read_text(group, "backend") == "theano":
        owners = [layer for layer in model.layers for _ in layer.params]
        arrays = [
            array[::-1, ::-1] if isinstance(layer, Conv2D) and array.ndim == 4 else array
            for layer, array in zip(owners, arrays, strict=True)
        ]
    parameters.put(model, arrays)


def listed(parent: Any, path: str) -> list[Any]:
    """Return the datasets that a group lists in its attribute weight_names, after checking each."""
    group = hdf5.group(parent, path, required=True)
    names = hdf5.read_names(group, "weight_names")
    return [hdf5.dataset(group, name, f"{path}/{name}") for name in names]


def write(group: Any, model: Model) -> None:
    """Write the parameters of a model."""
    group.attrs["backend"] = BACKEND
    hdf5.write_names(group, "layer_names", [str(layer.name) for layer in model.layers])
    for layer in model.layers:
        arrays = {f"{model.name}/{layer.name}/{name}": array for name, array in layer.params.items()}
        _write_listed(group, str(layer.name), arrays)
    _write_listed(group, "top_level_model_weights", {})


def _write_listed(parent: Any, path: str, arrays: dict[str, Array]) -> None:
    """Write arrays into a group that lists their names; the counterpart of `listed`."""
    group = parent.require_group(path)
    hdf5.write_names(group, "weight_names", list(arrays))
    for name, array in arrays.items():
        group[name] = array
