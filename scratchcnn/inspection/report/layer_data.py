"""What the page's script needs to know of each layer, to explain every number of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchcnn.activations import Linear, ReLU, Softmax, linear
from scratchcnn.descriptions.registry import is_custom, kind_of
from scratchcnn.geometry import Axis, image_windows
from scratchcnn.inspection.report.arrays import ArrayStore, Spec
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.inspection.tracing.trace import Trace
from scratchcnn.layers import Conv2D, Dense, Dropout, MaxPooling2D, Rescaling
from scratchcnn.operands import Array

SMALL = 20_000  # numbers of a matrix that goes along whole
ACTIVATIONS = (Linear, ReLU, Softmax)  # those whose formula the script knows


def page_data(trace: Trace, store: ArrayStore, label: int | None, classes: list[str]) -> dict[str, Any]:
    """All of a trace of one image, as JSON may hold it; the arrays go into `store`.

    Parameters
    ----------
    trace : Trace
        Of one image.
    store : ArrayStore
    label : int or None
        What the backward pass was asked about; None if there was none.
    classes : list of str
        Names of the classes; empty if the model's output are no classes.
    """
    loss = None if label is None else trace.model.trainer.loss
    return {
        "arrays": store.specs,
        "input": {"array": store.add(trace.x), "shape": list(trace.x.shape[1:])},
        "layers": [layer_data(layer, store) for layer in trace],
        "label": label,
        "classes": classes,
        "probabilities": store.add(trace.probabilities),
        "targets": None if trace.targets is None else store.add(trace.targets),
        "fromLogits": getattr(loss, "from_logits", False),
    }


def layer_data(layer: LayerTrace, store: ArrayStore) -> dict[str, Any]:
    """One layer of it."""
    kind = kind_of(layer.layer)
    data: dict[str, Any] = {
        "name": layer.name,
        "kind": "own" if kind is None or is_custom(layer.layer) else kind.__name__,  # those that the script explains
        "className": layer.kind,
        "activation": _activation(layer),
        "elementwise": bool(getattr(getattr(layer.layer, "activation", linear), "elementwise", False)),
        "dtype": layer.dtype.name,
        "inputShape": list(layer.shapes.input[1:]),
        "outputShape": list(layer.shapes.output[1:]),
        "input": store.add(layer.input),
        "preactivation": store.add(layer.preactivation),
        "output": store.add(layer.output, relu_of=layer.preactivation),
        "bias": store.add(layer.params["bias"]) if kind in (Conv2D, Dense) and "bias" in layer.params else None,
        "winograd": layer.algorithm is not None and layer.algorithm.forward.startswith("winograd"),
    }
    for name in ("d_output", "d_preactivation", "d_input"):
        array = getattr(layer, name)
        data[_camel(name)] = None if array is None else store.add(array)
    return {**data, **_own_data(layer, store)}


def _own_data(layer: LayerTrace, store: ArrayStore) -> dict[str, Any]:
    """What only layers of its kind have."""
    kind, own = kind_of(layer.layer), layer.layer
    if kind is Conv2D:
        assert isinstance(own, Conv2D)
        geometry = (own.kernel_size, own.strides, own.padding, own.dilation_rate)
        gradient = layer.gradients.get("kernel")
        return {
            "kernel": store.add(layer.params["kernel"]),
            "kernelShape": list(layer.params["kernel"].shape),
            "dKernel": None if gradient is None else store.add(gradient),
            **_windows(layer, *geometry),
        }
    if kind is MaxPooling2D:
        assert isinstance(own, MaxPooling2D)
        assert layer.winners is not None
        return {"winners": store.add(layer.winners), **_windows(layer, own.pool_size, own.strides, own.padding)}
    if kind is Dense:
        return {"kernel": dense_kernel(layer, store)}
    if kind is Dropout:
        assert isinstance(own, Dropout)
        return {"rate": own.rate}
    if kind is Rescaling:
        assert isinstance(own, Rescaling)
        real = layer.dtype.type
        return {"scale": float(real(own.scale)), "offset": float(real(own.offset))}
    return {}


def _windows(layer: LayerTrace, *geometry: Any) -> dict[str, Any]:
    _, height, width, _ = layer.shapes.input
    rows, columns = image_windows((height, width), *geometry)
    return {"rows": _axis(rows), "columns": _axis(columns)}


def _axis(axis: Axis) -> Spec:
    return dict(axis._asdict())


def dense_kernel(layer: LayerTrace, store: ArrayStore) -> dict[str, Any]:
    """The numbers of a Dense kernel (I, J) that meet one other than zero, forward or backward.

    A row meets nothing but zeros on the way forward where its input is zero, and a column on the way back where the
    gradient by its output is: their products are zero whatever the weight is. So of a large matrix all rows go along
    whose input is not zero, and of the other rows the columns whose gradient is not zero.
    """
    kernel: Array = layer.params["kernel"]
    inputs, units = kernel.shape
    busy_rows: Array = np.ones(inputs, bool)
    busy_columns = np.zeros(units, bool)
    if kernel.size > SMALL:
        busy_rows = ~(layer.input[0] == 0)
        if layer.d_preactivation is not None:
            busy_columns = ~(layer.d_preactivation[0] == 0)
    return {
        "shape": [inputs, units],
        "rows": store.add(np.flatnonzero(busy_rows)),
        "ofRows": store.add(kernel[busy_rows]),
        "columns": store.add(np.flatnonzero(busy_columns)),
        "ofColumns": store.add(kernel[~busy_rows][:, busy_columns]),
    }


def _activation(layer: LayerTrace) -> str | None:
    """Its name; '?' for one whose formula the script does not know; None where there is none to be seen."""
    function = getattr(layer.layer, "activation", None)
    if kind_of(layer.layer) is None or function is None or type(function) is Linear:
        return None
    return str(function.name) if type(function) in ACTIVATIONS else "?"


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
