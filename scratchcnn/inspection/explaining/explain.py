"""explain: where one number of a trace came from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchcnn.activations import Linear, ReLU, Softmax, linear
from scratchcnn.inspection.arguments import place_among, position_in
from scratchcnn.inspection.explaining.backward_formulas import d_input_terms, d_output_terms, d_preactivation_terms
from scratchcnn.inspection.explaining.data import products_of
from scratchcnn.inspection.explaining.explanation import BACKWARD, FORWARD, Explanation
from scratchcnn.inspection.explaining.forward_formulas import forward_terms
from scratchcnn.inspection.explaining.parameter_formulas import gradient_terms
from scratchcnn.inspection.explaining.rounding import exact_sum, softmax_bound
from scratchcnn.inspection.explaining.slopes import MOST_INPUTS, slopes_of_one
from scratchcnn.inspection.explaining.terms import SoftmaxRow, Terms, every_position
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.inspection.tracing.passes import has_activation
from scratchcnn.names import look_up
from scratchcnn.operands import Array, Shape

if TYPE_CHECKING:
    from scratchcnn.inspection.tracing.trace import Trace

GRADIENT = "gradient"


def explain(
    trace: Trace,
    layer: str | int | LayerTrace,
    position: int | Sequence[int],
    what: str = "output",
    *,
    parameter: str | None = None,
) -> Explanation:
    """Tell where one number of a trace came from.

    Parameters
    ----------
    trace : Trace
    layer : str, int or LayerTrace
        Its name, its number, or itself.
    position : int or tuple of int
        Which number: (sample, row, column, channel) of images, (sample, unit) of rows. The sample may be left out if
        the trace has one. For a gradient, the index in the parameter.
    what : str
        'output' (the default) or 'preactivation': from the layer's input.
        'd_output', 'd_preactivation' or 'd_input': which gradients came back to it, and how much each gave.
        'gradient': that of a parameter, a sum over samples and places.
    parameter : 'kernel' or 'bias'
        For what='gradient', and only for that.

    Returns
    -------
    Explanation

    Raises
    ------
    TypeError, ValueError
        No such layer, parameter or position, or a backward question to a trace without labels. For a layer of a user's
        own, the slope of the output by each input is measured instead, if there are at most 1024.

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
    number = trace.layers.index(layer) if isinstance(layer, LayerTrace) else place_among(trace.names, layer)
    chosen = trace.layers[number]
    look_up("what", what, dict.fromkeys((*FORWARD, *BACKWARD, GRADIENT)))
    if (parameter is not None) != (what == GRADIENT):
        raise ValueError(
            f"Expected parameter for what='gradient', and only for that, received what={what!r} and "
            f"parameter={parameter!r}; use what='gradient', parameter='kernel'."
        )
    if what not in FORWARD:
        _expect_backward(trace, chosen, what)
    if parameter is not None:
        stored = look_up("parameter", parameter, chosen.gradients)
        place = position_in(position, stored.shape, f"the position in the {parameter} of {chosen.name!r}")
        terms = gradient_terms(trace, number, parameter, place)
        return _explanation(trace, chosen, place, what, terms, stored, parameter)
    array: Array = getattr(chosen, what)
    place = _place(position, array, f"{what} of {chosen.name!r}")
    if what in FORWARD:
        return _forward(trace, chosen, place, what)
    makers = {"d_output": d_output_terms, "d_preactivation": d_preactivation_terms, "d_input": d_input_terms}
    return _explanation(trace, chosen, place, what, makers[what](trace, number, place), array)


def _explanation(
    trace: Trace, layer: LayerTrace, place: Shape, what: str, terms: Terms, array: Array, parameter: str | None = None
) -> Explanation:
    """Of a number that no activation follows."""
    total = exact_sum(products_of(terms)) + terms.bias
    stored = float(array[place])
    return Explanation(trace, layer, place, what, parameter, terms, total, total, stored, stored, terms.bound)


def _forward(trace: Trace, layer: LayerTrace, place: Shape, what: str) -> Explanation:
    terms = forward_terms(layer, place)
    if terms is None:
        return _explanation(trace, layer, place, what, _measured(trace, layer, place), layer.output)
    if what == "preactivation" or not has_activation(layer.layer):
        return _explanation(trace, layer, place, what, terms, layer.preactivation)
    total = exact_sum(products_of(terms)) + terms.bias
    output, bound, row = _activated(trace, layer, place, total, terms.bound)
    stored, before = float(layer.output[place]), float(layer.preactivation[place])
    return Explanation(trace, layer, place, what, None, terms, total, output, stored, before, bound, row)


def _activated(
    trace: Trace, layer: LayerTrace, place: Shape, preactivation: float, bound: float
) -> tuple[float, float, SoftmaxRow | None]:
    """What the activation makes of it, how far that may be off, and the row of a softmax."""
    activation: Any = getattr(layer.layer, "activation", linear)
    if type(activation) is Linear:
        return preactivation, bound, None
    if type(activation) is ReLU:
        return (math.nan if math.isnan(preactivation) else max(preactivation, 0.0)), bound, None
    if type(activation) is Softmax:
        row = SoftmaxRow.of(layer.preactivation[place[:-1]])
        with np.errstate(all="ignore"):
            output = float(np.float64(row.exponentials[place[-1]]) / row.total)
        distance = float(row.logits[place[-1]]) - row.largest
        return output, softmax_bound(distance, len(row.logits), output, layer.dtype), row
    output = float(activation.forward(layer.preactivation, trace.model.ops)[place])  # its own word for it
    return output, 4 * float(np.finfo(layer.dtype).eps) * abs(output), None


def _measured(trace: Trace, layer: LayerTrace, place: Shape) -> Terms:
    """Terms of an output of a user's own layer: the slope by each input, measured."""
    x, ops = layer.input[place[0]], trace.model.ops
    if x.size > MOST_INPUTS:
        raise ValueError(
            f"Expected a layer whose formula is known, or one of at most {MOST_INPUTS} inputs whose slopes can be "
            f"measured, received {layer.layer.label} with input {layer.shapes.input} and output "
            f"{layer.shapes.output}; its numbers are in trace[{layer.name!r}]."
        )
    weights = slopes_of_one(lambda batch: layer.layer.forward(batch, ops, training=False, rng=None)[0], x, place[1:])
    notes = (
        f"No formula is known for the class {layer.kind}, of input {layer.shapes.input} and output "
        f"{layer.shapes.output}. The weights are slopes that were measured, by moving each input a little up and down; "
        "their sum is the output only if the layer is a weighted sum.",
    )
    return Terms(
        "y ~ sum of x * slope", x, weights, every_position(x.shape, place[:1]), np.ones(x.shape, bool),
        f"{layer.name}.input", "measured slope", tuple(f"axis {axis}" for axis in range(x.ndim)), 0.0, math.inf,
        notes, known=False,
    )  # fmt: skip


def _expect_backward(trace: Trace, layer: LayerTrace, what: str) -> None:
    if trace.losses is None:
        raise ValueError(
            f"Expected a trace with labels to explain {what!r}, received one of a forward pass alone; use "
            "trace(model, x, y)."
        )
    if what == "d_output" and layer.d_output is None:
        raise ValueError(
            f"Expected a gradient that was computed, received 'd_output' of {layer.name!r}: its softmax is part of the "
            "loss, which sends its gradient by the logits; ask for 'd_preactivation'."
        )


def _place(position: object, array: Array, what: str) -> Shape:
    """`position` as a place in an array of samples; the sample may be left out if there is one.

    Raises
    ------
    TypeError, ValueError
        As `position_in`; or the sample is left out, and there are several.
    """
    length = len(position) if isinstance(position, Sequence | np.ndarray) else 1
    if length != array.ndim - 1:
        return position_in(position, array.shape, f"the position in {what}, the sample first,")
    place = position_in(position, array.shape[1:], f"the position in {what}")
    if len(array) > 1:
        raise ValueError(
            f"Expected the sample before the position in {what}, as the trace has {len(array)} of them, received "
            f"{place}; use {(0, *place)}."
        )
    return (0, *place)
