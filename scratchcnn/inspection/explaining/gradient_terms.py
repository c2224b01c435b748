"""The terms of each gradient of a trace: through the loss, an activation function, or a layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from scratchcnn.activations import Linear, ReLU, Softmax, linear
from scratchcnn.descriptions.registry import description_of, kind_of
from scratchcnn.descriptions.rounding import magnitude_of, sum_bound
from scratchcnn.descriptions.terms import Position, Terms, grid, weighted_sum
from scratchcnn.inspection.explaining.loss_terms import loss_terms, softmax_loss_terms
from scratchcnn.inspection.explaining.slopes import slope_terms, slopes_of_outputs
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.inspection.tracing.trace import Trace
from scratchcnn.operands import Array


def d_output_terms(trace: Trace, number: int, position: Position) -> Terms:
    """Return the terms of a gradient w.r.t. an output, which the next layer or the loss computes."""
    if number == len(trace) - 1:
        return loss_terms(trace, position)
    terms = d_input_terms(trace, number + 1, position)
    here, there = trace[number].name, trace[number + 1].name
    note = f"The output of {here} is the input of {there}: this is the input gradient of {there}."
    return replace(terms, notes=(note, *terms.notes))


def d_preactivation_terms(trace: Trace, number: int, position: Position) -> Terms:
    """Return the terms of a gradient w.r.t. a preactivation."""
    layer = trace[number]
    if layer.d_output is None:
        return softmax_loss_terms(trace, position)
    activation: Any = getattr(layer.layer, "activation", linear)
    if kind_of(layer.layer) is None or type(activation) is Linear:
        notes = ("There is no activation function: the gradients w.r.t. z and w.r.t. the output are equal.",)
        return weighted_sum(layer, "d_output", position, 1.0, "dz = dy", notes=notes)
    if type(activation) is ReLU:
        active = bool(layer.output[position] > 0)
        note = (
            "ReLU is active here (z > 0): its derivative is 1." if active
            else "ReLU is inactive here (z <= 0): its derivative is 0."
        )  # fmt: skip
        return weighted_sum(
            layer, "d_output", position, float(active), "dz = dy where y > 0, else 0", weight_name="derivative of ReLU",
            notes=(note,), selects=not active,
        )  # fmt: skip
    if type(activation) is Softmax:
        return _softmax_terms(layer, position)
    return _slope_terms(
        layer, layer.preactivation[position[0]], position, "dz",
        lambda z: activation.forward(z, trace.model.ops), f"activation {activation.name!r}",
    )  # fmt: skip


def d_input_terms(trace: Trace, number: int, position: Position) -> Terms:
    """Return the terms of a gradient w.r.t. an input: one for each output that depends on it."""
    layer = trace[number]
    terms = description_of(layer.layer).input_gradient_terms(layer, position)
    if terms is not None:
        return terms
    return _slope_terms(
        layer, layer.input[position[0]], position, "dx",
        lambda x: layer.layer.forward(x, trace.model.ops, training=False, rng=None)[0], f"class {layer.kind}",
    )  # fmt: skip


def parameter_gradient_terms(trace: Trace, number: int, parameter: str, position: Position) -> Terms:
    """Return the terms of the gradient of the mean loss w.r.t. one element of a parameter.

    Raises
    ------
    ValueError
        The formula is not known.
    """
    layer = trace[number]
    terms = description_of(layer.layer).parameter_gradient_terms(layer, parameter, position)
    if terms is None:
        raise ValueError(
            f"Expected a layer whose parameter gradients are described, received one of class {layer.kind}; override "
            f"parameter_gradient_terms in its LayerDescription. The gradients are in trace[{layer.name!r}].gradients, "
            "and check_gradients compares them with finite differences."
        )
    return terms


def _softmax_terms(layer: LayerTrace, position: Position) -> Terms:
    """Return the terms of dz[j] = sum over i of dy[i] * y[j] * ([i = j] - y[i])."""
    assert layer.d_output is not None
    row, j = position[:-1], position[-1]
    dy, y = layer.d_output[row], layer.output[row].astype(np.float64)
    weights = y[j] * ((np.arange(y.size) == j) - y)
    size = y[j] * (abs(float(dy[j])) + magnitude_of(dy, y))
    return weighted_sum(
        layer, "d_output", grid(*row, np.arange(y.size)), weights,
        "dz[j] = sum over i of dy[i] * y[j] * ([i = j] - y[i])", weight_name="y[j] * ([i = j] - y[i])", axes=("unit",),
        bound=sum_bound(size, y.size, layer.dtype),
        notes=("Softmax couples all units: increasing one logit increases its probability and decreases all others.",),
    )  # fmt: skip


def _slope_terms(
    layer: LayerTrace, x: Array, position: Position, result: str, function: Callable[[Array], Array], what: str
) -> Terms:
    """Return the terms of a gradient through an unknown function, with slopes from finite differences."""
    note = (
        f"The formula of the {what} is not known. The weights are slopes measured by central differences, so the sum "
        "is an approximation of the gradient that backward computes."
    )
    slopes = slopes_of_outputs(function, x, position[1:])
    return slope_terms(layer, "d_output", position[0], slopes, f"{result} = sum over the outputs of dy * slope", note)
