"""The data of the page's script: arrays, shapes and settings, from which it explains every value of a trace."""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchcnn.activations import Linear, ReLU, Softmax, linear
from scratchcnn.descriptions.registry import description_of, is_custom, kind_of
from scratchcnn.descriptions.rounding import MATRICES
from scratchcnn.inspection.report.arrays import ArrayStore
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.inspection.tracing.trace import Trace
from scratchcnn.layers import Conv2D, Dense, Rescaling
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
    kind = None if is_custom(layer.layer) else kind_of(layer.layer)  # None: the script cannot explain it
    data: dict[str, Any] = {
        "name": layer.name,
        "kind": "own" if kind is None else kind.__name__,
        "className": layer.kind,
        "activation": _activation(layer),
        "elementwise": bool(getattr(getattr(layer.layer, "activation", linear), "elementwise", False)),
        "dtype": layer.dtype.name,
        "inputShape": list(layer.shapes.input[1:]),
        "outputShape": list(layer.shapes.output[1:]),
        "input": store.add(layer.input),
        "preactivation": store.add(layer.preactivation),
        "output": store.add(layer.output),
    }
    for name in ("d_output", "d_preactivation", "d_input"):
        data[_camel(name)] = _added(getattr(layer, name), store)
    if kind is None:
        return data
    if kind in (Conv2D, Dense):
        data["bias"] = _added(layer.params.get("bias"), store)
    windows = description_of(layer.layer).windows(layer.input.shape[1:])
    if windows is not None:
        data |= {"rows": windows.rows._asdict(), "columns": windows.columns._asdict()}
    if layer.winners is not None:
        data["winners"] = store.add(layer.winners)
    if layer.algorithm is not None:
        names = ("forward", "kernel_gradient", "input_gradient")
        data["algorithms"] = {_camel(name): getattr(layer.algorithm, name) for name in names}
    if kind is Conv2D:
        data["kernel"] = store.add(layer.params["kernel"])
        data["kernelShape"] = list(layer.params["kernel"].shape)
        data["dKernel"] = _added(layer.gradients.get("kernel"), store)
    elif kind is Dense:
        data["kernel"] = dense_kernel(layer, store)
    elif kind is Rescaling:
        assert isinstance(layer.layer, Rescaling)
        data |= {name: float(layer.dtype.type(getattr(layer.layer, name))) for name in ("scale", "offset")}
    return data


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


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
