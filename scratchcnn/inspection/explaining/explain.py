"""explain: one value of a trace as a weighted sum, term by term."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from scratchcnn import reference
from scratchcnn.activations import Elementwise, ReLU, Softmax, has_formula
from scratchcnn.descriptions.registry import description_of
from scratchcnn.descriptions.terms import Position, Terms
from scratchcnn.inspection.arguments import place_among, position_in
from scratchcnn.inspection.explaining.explanation import Explanation
from scratchcnn.inspection.explaining.gradient_terms import (
    d_input_terms,
    d_output_terms,
    d_preactivation_terms,
    parameter_gradient_terms,
)
from scratchcnn.inspection.explaining.slopes import output_slopes
from scratchcnn.inspection.explaining.text import SoftmaxRow
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.inspection.tracing.passes import activation_of, has_activation
from scratchcnn.inspection.tracing.trace import Trace
from scratchcnn.names import look_up

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
        For what='gradient': the name of the parameter, such as 'kernel', 'bias' or 'gamma'.

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
        array = look_up("parameter", parameter, chosen.gradients)
        place = position_in(position, array.shape, f"the position in the {parameter} of {chosen.name!r}")
    else:
        array = getattr(chosen, what)
        place = position_in(position, array.shape, f"the position in {what} of {chosen.name!r}", batch=True)
    row = None
    if what in FORWARD:
        terms = description_of(chosen.layer).output_terms(chosen, place) or output_slopes(trace, chosen, place)
    elif parameter is not None:
        terms = parameter_gradient_terms(chosen, parameter, place)
    else:
        terms = BACKWARD[what](trace, number, place)
    output, bound = terms.total, terms.bound
    if what == "output" and has_activation(chosen.layer):
        output, bound, row = _activated(trace, chosen, place, terms)
    return Explanation(trace, chosen, place, what, parameter, terms, output, float(array[place]), bound, row)


def _activated(
    trace: Trace, layer: LayerTrace, place: Position, terms: Terms
) -> tuple[float, float, SoftmaxRow | None]:
    """Return the activation of a preactivation, its rounding bound, and the row of a softmax."""
    activation = activation_of(layer.layer)
    if type(activation) is ReLU:
        return (math.nan if math.isnan(terms.total) else max(terms.total, 0.0)), terms.bound, None
    if has_formula(activation):
        return *_by_formula(activation, terms, np.finfo(layer.dtype)), None
    if type(activation) is not Softmax:  # a custom function
        output = float(activation.forward(layer.preactivation, trace.model.ops)[place])
        return output, 4 * float(np.finfo(layer.dtype).eps) * abs(output), None
    logits, j = layer.preactivation[place[:-1]], place[-1]
    with np.errstate(all="ignore"):
        exponentials = np.exp(logits.astype(np.float64) - float(logits.max()))
        row = SoftmaxRow(logits, float(logits.max()), exponentials, float(exponentials.sum()))
        output = float(np.float64(exponentials[j]) / row.total)
    # Rounding the distance z from the largest logit changes exp(z) by |z| unit roundoffs, exp itself adds a few, and
    # the sum of J exponentials adds J and the error of its worst term, for which exp(-|z|) * |z| <= 1.
    roundoffs = abs(float(logits[j]) - row.largest) + 2 * len(logits) + 12
    limits = np.finfo(layer.dtype)
    return output, float(limits.eps) * roundoffs * output + 2 * float(limits.tiny), row


def _by_formula(activation: Elementwise, terms: Terms, limits: np.finfo[Any]) -> tuple[float, float]:
    """Return the activation of a preactivation in float64, and the rounding bound of the stored value."""
    z = terms.total
    with np.errstate(all="ignore"):
        output = float(activation.forward(np.array([z]), reference)[0])
    # The slope of an activation, at most 1.13 or the parameter, magnifies the error of z. The functions themselves add
    # a few roundings; gelu also that of the argument of erfc, which the function magnifies by z^2 where z < 0.
    roundings = 8 + (min(z, 0.0) ** 2 if activation.name == "gelu" else 0)
    own = float(limits.eps) * roundings * abs(output) + float(limits.tiny)
    return output, max(1.13, activation.parameter) * terms.bound + own


def _expect_backward(trace: Trace, layer: LayerTrace, what: str) -> None:
    """Check that a gradient was computed."""
    if trace.losses is None:
        raise ValueError(
            f"Expected a trace with labels to explain {what!r}, received one of a forward pass only; use "
            "trace(model, x, y)."
        )
    if what == GRADIENT and not layer.gradients:
        raise ValueError(
            f"Expected a layer with trainable parameters, received {layer.name!r} ({layer.kind}), which has none; use "
            "what='d_input' for the gradient w.r.t. its input."
        )
    if what == "d_output" and layer.d_output is None:
        raise ValueError(
            f"Expected a gradient that was computed, received 'd_output' of {layer.name!r}, whose "
            f"{activation_of(layer.layer).name} is part of the loss: the gradient is computed w.r.t. the logits; use "
            f"'d_preactivation'."
        )
