"""The terms of each gradient of a trace: through the loss, an activation function, or a layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scratchcnn import reference
from scratchcnn.activations import Elementwise, Linear, ReLU, Softmax, has_formula
from scratchcnn.descriptions.registry import description_of
from scratchcnn.descriptions.rounding import magnitude_of, sum_bound
from scratchcnn.descriptions.terms import Position, Terms, grid, weighted_sum
from scratchcnn.inspection.explaining.slopes import forward_of, gradient_slopes
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.inspection.tracing.passes import activation_of
from scratchcnn.inspection.tracing.trace import Trace
from scratchcnn.losses import CategoricalCrossentropy
from scratchcnn.reference.cross_entropy import CLIP


def d_output_terms(trace: Trace, number: int, position: Position) -> Terms:
    """Return the terms of a gradient w.r.t. an output, which the next layer or the loss computes."""
    if number == len(trace) - 1:
        loss = _known_loss(trace)
        return _logit_terms(trace, position) if loss.from_logits else _probability_terms(trace, position)
    terms = d_input_terms(trace, number + 1, position)
    here, there = trace[number].name, trace[number + 1].name
    note = f"The output of {here} is the input of {there}: this is the input gradient of {there}."
    return replace(terms, notes=(note, *terms.notes))


def d_preactivation_terms(trace: Trace, number: int, position: Position) -> Terms:
    """Return the terms of a gradient w.r.t. a preactivation."""
    layer = trace[number]
    if layer.d_output is None:  # its softmax is part of the loss
        _known_loss(trace)
        return _logit_terms(trace, position)
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


def _known_loss(trace: Trace) -> CategoricalCrossentropy:
    loss = trace.loss_function
    if not isinstance(loss, CategoricalCrossentropy) or type(loss).backward is not CategoricalCrossentropy.backward:
        raise ValueError(
            f"Expected a loss of scratchcnn, received {type(loss).__name__}, whose formula is not known; explain "
            "'d_input' of the last layer instead."
        )
    return loss


def _logit_terms(trace: Trace, position: Position) -> Terms:
    """Return the terms of the gradient w.r.t. a logit: (probability - target) / N."""
    assert trace.targets is not None
    targets, j, count = trace.targets[position[0]], position[1], len(trace.x)
    inputs = np.array([trace.probabilities[position], targets[j]])
    weights = np.array([float(targets.sum(dtype=np.float64)) / count, -1 / count])
    notes = ("The gradient of softmax and cross-entropy together, averaged over the samples of the batch.",)
    bound = sum_bound(magnitude_of(inputs, weights), targets.size + 1, inputs.dtype)
    return Terms(
        "dz = (probability - target) / N", inputs, weights, np.array([position, position]), np.ones(2, bool),
        "probabilities, targets", "1 / N, -1 / N", ("",), 0.0, bound, notes,
    )  # fmt: skip


def _probability_terms(trace: Trace, position: Position) -> Terms:
    """Return the terms of dp[j] = (dq[j] - sum over i of dq[i] * q[i]) / total, where q = p / total."""
    assert trace.targets is not None
    (sample, j), targets = position, trace.targets[position[0]]
    outputs = trace.layers[-1].output[sample]
    total = outputs.sum(dtype=outputs.dtype)
    q = outputs / total
    inside = (q >= CLIP) & (q <= 1 - CLIP)
    dq = np.where(inside, -targets / np.where(inside, q, 1) / len(trace.x), 0).astype(outputs.dtype)
    weights = ((np.arange(q.size) == j) - q.astype(np.float64)) / float(total)
    size = (abs(float(dq[j])) + magnitude_of(dq, q)) / abs(float(total))
    clipped = f"Probabilities outside of {CLIP:g} to 1 - {CLIP:g} are clipped, and their gradient is zero."
    return Terms(
        "dp[j] = sum over i of dq[i] * ([i = j] - q[i]) / total, dq[i] = -target[i] / (q[i] * N)", dq, weights,
        grid(sample, np.arange(q.size)), np.ones(q.shape, bool), "dq", "([i = j] - q[i]) / total", ("unit",), 0.0,
        float(np.finfo(q.dtype).eps) * (4 * q.size + 12) * size, () if inside.all() else (clipped,),
    )  # fmt: skip
