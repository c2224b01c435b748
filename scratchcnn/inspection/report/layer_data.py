"""The data of the page's script: arrays, shapes and settings, from which it explains every value of a trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchcnn.activations import Linear, ReLU, Softmax, linear
from scratchcnn.descriptions.registry import description_of, kind_of
from scratchcnn.descriptions.rounding import MATRICES
from scratchcnn.inspection.report.arrays import ArrayStore
from scratchcnn.inspection.report.term_tables import described_terms
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.inspection.tracing.trace import Trace
from scratchcnn.layers import Activation, Conv2D, Dense, Dropout, Flatten, Layer, MaxPooling2D
from scratchcnn.operands import Array

SMALL = 20_000  # elements of a Dense kernel that is always stored completely
ACTIVATIONS = (Linear, ReLU, Softmax)  # those that the script computes


def page_data(trace: Trace, store: ArrayStore, label: int | None) -> dict[str, Any]:
    """Return a trace of one image for JSON; its arrays are added to `store`.

    `label` is the correct class, None if there is no backward pass.
    """
    loss = None if label is None else trace.model.trainer.loss
    return {
        "arrays": store.specs,
        "input": {"array": store.add(trace.x), "shape": list(trace.x.shape[1:])},
        "layers": [layer_data(layer, store) for layer in trace],
        "label": label,
        "probabilities": store.add(trace.probabilities),
        "targets": None if trace.targets is None else store.add(trace.targets),
        "fromLogits": getattr(loss, "from_logits", False),
        "winograd": {name: _absolute(matrices) for name, matrices in MATRICES.items()},
    }


def layer_data(layer: LayerTrace, store: ArrayStore) -> dict[str, Any]:
    """Return the data of one layer."""
    kind = kind_of(layer.layer)
    of_kind = None if kind is None else SCRIPTED.get(kind)
    data: dict[str, Any] = {
        "name": layer.name,
        "kind": "other" if kind is None or of_kind is None else kind.__name__,
        "activation": _activation(layer),
        "elementwise": bool(getattr(getattr(layer.layer, "activation", linear), "elementwise", False)),
        "dtype": layer.dtype.name,
        "inputShape": list(layer.shapes.input[1:]),
        "outputShape": list(layer.shapes.output[1:]),
    }
    for name in ("input", "preactivation", "output", "d_output", "d_preactivation", "d_input"):
        data[camel(name)] = _added(getattr(layer, name), store)
    windows = description_of(layer.layer).windows(layer.input.shape[1:])
    if windows is not None:
        data |= {"rows": windows.rows._asdict(), "columns": windows.columns._asdict()}
    if layer.algorithm is not None:
        names = ("forward", "kernel_gradient", "input_gradient")
        data["algorithms"] = {camel(name): getattr(layer.algorithm, name) for name in names}
    return data | (described_terms if of_kind is None else of_kind)(layer, store)


def _conv2d(layer: LayerTrace, store: ArrayStore) -> dict[str, Any]:
    kernel = layer.params["kernel"]
    return {
        "kernel": store.add(kernel),
        "kernelShape": list(kernel.shape),
        "dKernel": _added(layer.gradients.get("kernel"), store),
        "bias": _added(layer.params.get("bias"), store),
    }


def _dense(layer: LayerTrace, store: ArrayStore) -> dict[str, Any]:
    return {"kernel": dense_kernel(layer, store), "bias": _added(layer.params.get("bias"), store)}


def _max_pooling2d(layer: LayerTrace, store: ArrayStore) -> dict[str, Any]:
    return {"winners": _added(layer.winners, store)}


def _nothing(layer: LayerTrace, store: ArrayStore) -> dict[str, Any]:
    return {}


SCRIPTED: dict[type[Layer], Callable[[LayerTrace, ArrayStore], dict[str, Any]]] = {
    Activation: _nothing,
    Conv2D: _conv2d,
    Dense: _dense,
    Dropout: _nothing,
    Flatten: _nothing,
    MaxPooling2D: _max_pooling2d,
}
"""Layer classes whose values the script computes itself, and their data. For others it uses the described terms."""


def dense_kernel(layer: LayerTrace, store: ArrayStore) -> dict[str, Any]:
    """Return the elements of a Dense kernel (I, J) that are multiplied by a nonzero value in one of the passes.

    Row i is multiplied by input i in the forward pass, and column j by gradient j in the backward pass. Of a large
    kernel, the page contains the rows with a nonzero input, and of the other rows the columns with a nonzero gradient.
    """
    kernel: Array = layer.params["kernel"]
    inputs, units = kernel.shape
    used_rows: Array = np.ones(inputs, bool)
    used_columns = np.zeros(units, bool)
    if kernel.size > SMALL:
        used_rows = ~(layer.input[0] == 0)
        if layer.d_preactivation is not None:
            used_columns = ~(layer.d_preactivation[0] == 0)
    return {
        "shape": [inputs, units],
        "rows": store.add(np.flatnonzero(used_rows)),
        "ofRows": store.add(kernel[used_rows]),
        "columns": store.add(np.flatnonzero(used_columns)),
        "ofColumns": store.add(kernel[~used_rows][:, used_columns]),
    }


def _activation(layer: LayerTrace) -> str | None:
    """Return the name of the activation; '?' if the script cannot compute it, None if it is linear or unknown."""
    function = getattr(layer.layer, "activation", None)
    if kind_of(layer.layer) is None or function is None or type(function) is Linear:
        return None
    return str(function.name) if type(function) in ACTIVATIONS else "?"


def _absolute(matrices: Any) -> dict[str, Any]:
    """Return the absolute values of the matrices of a Winograd algorithm, for its rounding bound."""
    return {name: np.abs(getattr(matrices, name)).tolist() for name in ("output", "patch", "kernel")}


def _added(array: Array | None, store: ArrayStore) -> str | None:
    return None if array is None else store.add(array)


def camel(name: str) -> str:
    """Return a name of Python as a name of JavaScript, 'd_input' as 'dInput'."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
