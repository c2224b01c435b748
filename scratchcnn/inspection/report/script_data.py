"""The data of the page's script: arrays, shapes and settings, from which it explains every value of a trace."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from scratchcnn import activations
from scratchcnn.descriptions import LayerDescription, Terms, description_of
from scratchcnn.descriptions.registry import kind_of
from scratchcnn.descriptions.rounding import MATRICES
from scratchcnn.descriptions.terms import Position
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.inspection.tracing.trace import Trace
from scratchcnn.layers import (
    Activation,
    AveragePooling2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Layer,
    LeakyReLU,
    MaxPooling2D,
    ReLU,
    Reshape,
    Softmax,
    ZeroPadding2D,
)
from scratchcnn.operands import Array, Shape
from scratchcnn.page import ArrayStore

SCRIPTED: dict[type[Layer], str] = {
    **{each: each.__name__ for each in (AveragePooling2D, Conv2D, Dense, Dropout, Flatten, MaxPooling2D)},
    ZeroPadding2D: "ZeroPadding2D",
    **dict.fromkeys((Activation, LeakyReLU, ReLU, Softmax), "Activation"),
    GlobalAveragePooling2D: "AveragePooling2D", GlobalMaxPooling2D: "MaxPooling2D", Reshape: "Flatten",
}  # fmt: skip
"""The layers that the script computes itself, with the name of the function that does."""

ACTIVATIONS = (activations.Linear, activations.ReLU, activations.Softmax)  # those that it computes
SMALL = 20_000  # elements of a Dense kernel that is always stored completely
MOST_TERMS = 300_000  # of a layer; a page would become slow and large with more


def page_data(trace: Trace, store: ArrayStore, label: int | None) -> dict[str, Any]:
    """Return a trace of one image for JSON; its arrays are added to `store`. Without a backward pass, label is None."""
    loss = None if label is None else trace.model.trainer.loss
    return {
        "arrays": store.specs,
        "input": {"array": store.add(trace.x), "shape": list(trace.x.shape[1:])},
        "layers": [_layer_data(layer, store) for layer in trace],
        "label": label,
        "probabilities": store.add(trace.probabilities),
        "targets": None if trace.targets is None else store.add(trace.targets),
        "fromLogits": getattr(loss, "from_logits", False),
        # For the rounding bound of a Winograd algorithm: the absolute values of its matrices.
        "winograd": {
            name: {each: np.abs(getattr(matrices, each)).tolist() for each in ("output", "patch", "kernel")}
            for name, matrices in MATRICES.items()
        },
    }


def _layer_data(layer: LayerTrace, store: ArrayStore) -> dict[str, Any]:
    kind = kind_of(layer.layer)
    script = "other" if kind is None else SCRIPTED.get(kind, "other")
    data: dict[str, Any] = {
        "name": layer.name,
        "kind": script,
        "activation": _activation(layer),
        "elementwise": bool(getattr(getattr(layer.layer, "activation", activations.linear), "elementwise", False)),
        "dtype": layer.dtype.name,
        "inputShape": list(layer.shapes.input[1:]),
        "outputShape": list(layer.shapes.output[1:]),
    }
    for name in ("input", "preactivation", "output", "d_output", "d_preactivation", "d_input"):
        data[_camel(name)] = _added(getattr(layer, name), store)
    windows = description_of(layer.layer).windows(layer.input.shape[1:])
    if windows is not None:
        data |= {"rows": windows.rows._asdict(), "columns": windows.columns._asdict()}
    if layer.algorithm is not None:
        names = ("forward", "kernel_gradient", "input_gradient")
        data["algorithms"] = {_camel(name): getattr(layer.algorithm, name) for name in names}
    if kind is Conv2D:
        kernel = layer.params["kernel"]
        data |= {"kernel": store.add(kernel), "kernelShape": list(kernel.shape)}
        data |= {"dKernel": _added(layer.gradients.get("kernel"), store)}
    if kind is Dense:
        data["kernel"] = dense_kernel(layer, store)
    if kind in (Conv2D, Dense):
        data["bias"] = _added(layer.params.get("bias"), store)
    if script == "MaxPooling2D":
        data["winners"] = _added(layer.winners, store)
    return data if script != "other" else data | described_terms(layer, store)


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
    if kind_of(layer.layer) is None or function is None or type(function) is activations.Linear:
        return None
    return str(function.name) if type(function) in ACTIVATIONS else "?"


def _added(array: Array | None, store: ArrayStore) -> str | None:
    return None if array is None else store.add(array)


def _camel(name: str) -> str:
    """Return a name of Python as a name of JavaScript, 'd_input' as 'dInput'."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def described_terms(layer: LayerTrace, store: ArrayStore) -> dict[str, Any]:
    """Return the terms of each output and of each input gradient of a layer that the script cannot compute itself.

    'forward' and 'backward' contain the names of flat arrays: `ends[i]` is the end of the terms of value i in `weights`
    and in `sources`, the indices in the layer's array `array` (-1 in the padding). If the description derives the input
    gradients from the outputs, 'backward' is missing and the script does the same. For terms that are not known, or are
    too many, 'why' is the reason.
    """
    description = description_of(layer.layer)
    try:
        found = {"forward": _table(layer, layer.preactivation.shape, description.output_terms, store)}
        derived = type(description).input_gradient_terms is LayerDescription.input_gradient_terms
        if layer.d_input is not None and not derived:
            found["backward"] = _table(layer, layer.d_input.shape, description.input_gradient_terms, store)
    except _NoTermsError as reason:
        return {"why": str(reason)}
    return found


class _NoTermsError(Exception):
    """The page cannot contain the terms of a layer, for the reason in the message."""


def _table(
    layer: LayerTrace, shape: Shape, terms_of: Callable[[LayerTrace, Position], Terms | None], store: ArrayStore
) -> dict[str, Any]:
    """Return the terms of each element of an array of that shape."""
    found: list[Terms] = []
    for place in np.ndindex(shape[1:]):
        terms = terms_of(layer, (0, *place))
        if terms is None or not terms.known:
            raise _NoTermsError(
                f"The class {layer.kind} has no description of its terms, so this page shows the stored value only. "
                "Register a LayerDescription with describe() to see how it is computed."
            )
        count = math.prod(shape[1:]) * terms.inputs.size if not found else 0
        if count > MOST_TERMS:
            raise _NoTermsError(
                f"All values of {layer.name} together are sums of about {count:,} products, too many for this page. "
                "Use explain() for a single value."
            )
        found.append(terms)
    first = found[0]
    array = first.source.rpartition(".")[2]
    return {
        "array": array,
        "formula": first.formula,
        "weight": first.weight_name or "factor",
        "biasName": first.bias_name,
        "selects": first.selects,
        "ends": store.add(np.cumsum([terms.inputs.size for terms in found])),
        "sources": store.add(np.concatenate([_flat(terms, getattr(layer, array).shape[1:]) for terms in found])),
        "weights": store.add(np.concatenate([terms.weights.ravel() for terms in found])),
        "biases": store.add(np.array([terms.bias for terms in found])),
        "bounds": store.add(np.array([terms.bound for terms in found])),
    }


def _flat(terms: Terms, shape: Shape) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the index of each source in the flattened sample of that shape; -1 in the padding."""
    places = np.where(terms.inside[..., None], terms.sources, 0)[..., 1:]
    flat = np.ravel_multi_index(tuple(np.moveaxis(places, -1, 0)), shape)
    return np.where(terms.inside, flat, -1).ravel()
