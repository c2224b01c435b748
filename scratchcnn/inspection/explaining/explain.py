"""explain: one value of a trace as a weighted sum, term by term."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from scratchcnn.activations import Linear, ReLU, Softmax, linear
from scratchcnn.descriptions.registry import description_of
from scratchcnn.descriptions.terms import Terms
from scratchcnn.inspection.arguments import place_among
from scratchcnn.inspection.explaining.explanation import Explanation
from scratchcnn.inspection.explaining.gradient_terms import (
    d_input_terms,
    d_output_terms,
    d_preactivation_terms,
    parameter_gradient_terms,
)
from scratchcnn.inspection.explaining.positions import position_in_batch, position_in_parameter
from scratchcnn.inspection.explaining.slopes import MOST_INPUTS, slope_terms, slopes_of_inputs
from scratchcnn.inspection.explaining.text import SoftmaxRow, softmax_row
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.inspection.tracing.passes import has_activation, without_activation
from scratchcnn.inspection.tracing.trace import Trace
from scratchcnn.names import look_up
from scratchcnn.operands import Array, Shape

FORWARD = ("output", "preactivation")
BACKWARD = {"d_output": d_output_terms, "d_preactivation": d_preactivation_terms, "d_input": d_input_terms}
GRADIENT = "gradient"


def explain(
    trace: Trace,
    layer: str | int | LayerTrace,
    position: int | Sequence[int],
    what: str = "output",
    *,
    parameter: str | None = None,
) -> Explanation:
    """Explain one value of a trace: the terms of its weighted sum, and where each comes from.

    Parameters
    ----------
    trace : Trace
    layer : str, int or LayerTrace
        Its name, its index, or the layer itself.
    position : int or tuple of int
        Index of the value: (sample, row, column, channel) of images, (sample, unit) of vectors. The sample may be
        omitted if the trace has only one. For what='gradient', the index in the parameter.
    what : str, default 'output'
        'output' or 'preactivation': computed from the layer's input. 'd_output', 'd_preactivation' or 'd_input': the
        gradient of the loss w.r.t. this value. 'gradient': the gradient w.r.t. one element of a parameter.
    parameter : str, optional
        For what='gradient': 'kernel' or 'bias'.

    Returns
    -------
    Explanation

    Raises
    ------
    TypeError, ValueError
        No such layer, parameter or position; a gradient of a trace without labels; a custom layer without description
        that has more than 1024 inputs. With fewer, the slope of the output w.r.t. each input is measured instead.

    Examples
    --------
    >>> from scratchcnn.inspection import trace
    >>> from scratchcnn.layers import Dense
    >>> from scratchcnn.sequential import Sequential
    >>> model = Sequential([Dense(2, activation="relu", input_shape=(3,))])
    >>> model.set_weights([[[1, -1], [2, -1], [0, -1]], [0.5, 0]])
    >>> found = explain(trace(model, [[1.0, 2.0, 4.0]]), "dense", 0)
    >>> found.products, found.sum, found.bias, found.output
    (array([1., 4., 0.]), 5.0, 0.5, 5.5)
    """
    if not isinstance(trace, Trace):
        raise TypeError(f"Expected a Trace, received {type(trace).__name__}; use trace(model, x, y).")
    number = trace.layers.index(layer) if isinstance(layer, LayerTrace) else place_among(trace.names, layer)
    chosen = trace.layers[number]
    look_up("what", what, dict.fromkeys((*FORWARD, *BACKWARD, GRADIENT)))
    if (parameter is not None) != (what == GRADIENT):
        raise ValueError(
            f"Expected parameter for what='gradient', and only for that, received what={what!r} and "
            f"parameter={parameter!r}; use what='gradient', parameter='kernel' for the gradient w.r.t. a weight, and "
            "what='d_output' for that w.r.t. an output."
        )
    if what not in FORWARD:
        _expect_backward(trace, chosen, what)
    if parameter is not None:
        if not chosen.gradients:
            raise ValueError(
                f"Expected a layer with trainable parameters, received {chosen.name!r} ({chosen.kind}), which has "
                "none; use what='d_input' for the gradient w.r.t. its input."
            )
        stored = look_up("parameter", parameter, chosen.gradients)
        place = position_in_parameter(position, stored.shape, f"the {parameter} of {chosen.name!r}")
        terms = parameter_gradient_terms(trace, number, parameter, place)
        return _explanation(trace, chosen, place, what, terms, stored, parameter)
    array: Array = getattr(chosen, what)
    place = position_in_batch(position, array.shape, f"{what} of {chosen.name!r}")
    if what in FORWARD:
        return _forward(trace, chosen, place, what)
    return _explanation(trace, chosen, place, what, BACKWARD[what](trace, number, place), array)


def _explanation(
    trace: Trace, layer: LayerTrace, place: Shape, what: str, terms: Terms, array: Array, parameter: str | None = None
) -> Explanation:
    """Explain a value that no activation follows."""
    total, stored = terms.total, float(array[place])
    return Explanation(trace, layer, place, what, parameter, terms, total, total, stored, stored, terms.bound)


def _forward(trace: Trace, layer: LayerTrace, place: Shape, what: str) -> Explanation:
    terms = description_of(layer.layer).output_terms(layer, place)
    terms = _slope_terms(trace, layer, place) if terms is None else terms
    if what == "preactivation" or not has_activation(layer.layer):
        return _explanation(trace, layer, place, what, terms, layer.preactivation)
    output, bound, row = _activated(trace, layer, place, terms.total, terms.bound)
    stored, before = float(layer.output[place]), float(layer.preactivation[place])
    return Explanation(trace, layer, place, what, None, terms, terms.total, output, stored, before, bound, row)


def _activated(
    trace: Trace, layer: LayerTrace, place: Shape, preactivation: float, bound: float
) -> tuple[float, float, SoftmaxRow | None]:
    """Return the activation of a value, its rounding bound, and the row of a softmax."""
    activation: Any = getattr(layer.layer, "activation", linear)
    if type(activation) is Linear:
        return preactivation, bound, None
    if type(activation) is ReLU:
        return (math.nan if math.isnan(preactivation) else max(preactivation, 0.0)), bound, None
    if type(activation) is Softmax:
        row = softmax_row(layer.preactivation[place[:-1]])
        with np.errstate(all="ignore"):
            output = float(np.float64(row.exponentials[place[-1]]) / row.total)
        return output, _softmax_bound(float(row.logits[place[-1]]) - row.largest, len(row.logits), output, layer), row
    output = float(activation.forward(layer.preactivation, trace.model.ops)[place])  # a custom function
    return output, 4 * float(np.finfo(layer.dtype).eps) * abs(output), None


def _softmax_bound(distance: float, classes: int, probability: float, layer: LayerTrace) -> float:
    """Return the rounding bound of a probability whose logit is `distance` from the largest.

    Rounding the distance z changes exp(z) by |z| unit roundoffs, exp itself adds a few, and the sum of J exponentials
    adds J and the error of its worst term, for which exp(-|z|) * |z| <= 1.
    """
    limits = np.finfo(layer.dtype)
    return float(limits.eps) * (abs(distance) + 2 * classes + 12) * probability + 2 * float(limits.tiny)


def _slope_terms(trace: Trace, layer: LayerTrace, place: Shape) -> Terms:
    """Return the terms of a preactivation whose formula is not known, with measured slopes as weights."""
    x, ops, own = layer.input[place[0]], trace.model.ops, layer.layer
    if x.size > MOST_INPUTS:
        raise ValueError(
            f"Expected a described layer, or one of at most {MOST_INPUTS} inputs whose slopes can be measured, "
            f"received {layer.layer.label} with input {layer.shapes.input} and output {layer.shapes.output}; register "
            f"a LayerDescription with `describe`, or read its values from trace[{layer.name!r}]."
        )
    own = without_activation(own) if has_activation(own) else own
    slopes = slopes_of_inputs(lambda batch: own.forward(batch, ops, training=False, rng=None)[0], x, place[1:])
    note = (
        f"The formula of the class {layer.kind} is not known (input {layer.shapes.input}, output "
        f"{layer.shapes.output}). The weights are slopes measured by central differences; their sum is the output only "
        "if the layer is linear. Register a LayerDescription to explain it exactly."
    )
    return slope_terms(layer, "input", place[0], slopes, "y ~ sum of x * slope", note)


def _expect_backward(trace: Trace, layer: LayerTrace, what: str) -> None:
    if trace.losses is None:
        raise ValueError(
            f"Expected a trace with labels to explain {what!r}, received one of a forward pass only; use "
            "trace(model, x, y)."
        )
    if what == "d_output" and layer.d_output is None:
        raise ValueError(
            f"Expected a gradient that was computed, received 'd_output' of {layer.name!r}, whose softmax is part of "
            "the loss: the gradient is computed w.r.t. the logits; use 'd_preactivation'."
        )
