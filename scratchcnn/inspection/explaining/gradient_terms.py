"""The terms of each gradient of a trace: through the loss, an activation function, or a layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scratchcnn import reference
from scratchcnn.activations import Elementwise, Linear, ReLU, Softmax, has_formula
from scratchcnn.descriptions.registry import description_of
from scratchcnn.descriptions.rounding import magnitude_of, sum_bound
from scratchcnn.descriptions.terms import Position, Terms, grid, weighted_sum
from scratchcnn.inspection.explaining.loss_terms import loss_terms
from scratchcnn.inspection.explaining.slopes import forward_of, gradient_slopes
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.inspection.tracing.passes import activation_of
from scratchcnn.inspection.tracing.trace import Trace


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
    if layer.d_output is None:  # its softmax or sigmoid is part of the loss
        return loss_terms(trace, position)
    activation = activation_of(layer.layer)
    if type(activation) is Linear:
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
    if has_formula(activation):
        return _elementwise_terms(layer, activation, position)
    return gradient_slopes(
        layer, layer.preactivation, position, "z", lambda z: activation.forward(z, trace.model.ops),
        f"activation {activation.name!r}",
    )  # fmt: skip


def _elementwise_terms(layer: LayerTrace, activation: Elementwise, position: Position) -> Terms:
    """Return the single term of dz = dy * derivative, where the derivative is computed in float64."""
    assert layer.d_output is not None
    z, y = (array[position].reshape(1).astype(np.float64) for array in (layer.preactivation, layer.output))
    with np.errstate(all="ignore"):
        derivative = activation.backward(np.ones(1), activation.kept(z, y), reference)
        # The derivatives are at most 1.13, or the parameter, and take at most 8 roundings of that size.
        size = abs(float(layer.d_output[position])) * max(1.13, activation.parameter)
    text = activation.derivative.format(x="z")
    return weighted_sum(
        layer, "d_output", position, float(derivative[0]), f"dz = dy * ({text})",
        weight_name=f"derivative of {activation.name}", bound=sum_bound(size, 8, layer.dtype),
        notes=(f"The derivative of {activation.name} at z = {z[0]:.6g} is {derivative[0]:.6g}.",),
    )  # fmt: skip


def d_input_terms(trace: Trace, number: int, position: Position) -> Terms:
    """Return the terms of a gradient w.r.t. an input: one for each output that depends on it."""
    layer = trace[number]
    return description_of(layer.layer).input_gradient_terms(layer, position) or gradient_slopes(
        layer, layer.input, position, "x", forward_of(layer.layer, trace), f"class {layer.kind}"
    )


def parameter_gradient_terms(layer: LayerTrace, parameter: str, position: Position) -> Terms:
    """Return the terms of the gradient of the mean loss w.r.t. one element of a parameter."""
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
