"""Slopes by central differences, (f(x + h) - f(x - h)) / 2h, as weights where a formula is not known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from scratchcnn.descriptions.terms import Position, Terms, every_index, weighted_sum
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.inspection.tracing.passes import has_activation
from scratchcnn.inspection.tracing.trace import Trace
from scratchcnn.layers import Layer
from scratchcnn.layers.activation import without_activation
from scratchcnn.operands import Array

MOST_INPUTS = 1024  # of a layer whose slopes are measured: two function values for each input

Function = Callable[[Array], Array]  # of a batch (N, ...) to a batch


def forward_of(layer: Layer, trace: Trace) -> Function:
    """Return the forward pass of a layer outside of training, as a function of a batch."""
    return lambda batch: layer.forward(batch, trace.model.ops, training=False, rng=None)[0]


def output_slopes(trace: Trace, layer: LayerTrace, position: Position) -> Terms:
    """Return the terms of a preactivation, with its slope w.r.t. every input as weights."""
    x, own = layer.input[position[0]], layer.layer
    if x.size > MOST_INPUTS:
        raise ValueError(
            f"Expected a described layer, or one of at most {MOST_INPUTS} inputs whose slopes can be measured, "
            f"received {own.label} with input {layer.shapes.input} and output {layer.shapes.output}; register a "
            f"LayerDescription with `describe`, or read its values from trace[{layer.name!r}]."
        )
    own = without_activation(own) if has_activation(own) else own
    slopes = _slopes(forward_of(own, trace), x, np.arange(x.size))
    note = (
        f"The formula of the class {layer.kind} is not known (input {layer.shapes.input}, output "
        f"{layer.shapes.output}). The weights are slopes measured by central differences; their sum is the output only "
        "if the layer is linear. Register a LayerDescription to explain it exactly."
    )
    place: tuple[Any, ...] = (slice(None), *position[1:])
    return _terms(layer, "input", position[0], slopes[place].reshape(x.shape), "y ~ sum of x * slope", note)


def gradient_slopes(layer: LayerTrace, x: Array, position: Position, name: str, function: Function, what: str) -> Terms:
    """Return the terms of the gradient w.r.t. x[position], with the slope of every output w.r.t. it as weights.

    `x` is the batch to which the function is applied, `name` its symbol in formulas, and `what` describes the function.
    """
    sample = x[position[0]]
    slopes = _slopes(function, sample, np.array([np.ravel_multi_index(position[1:], sample.shape)]))[0]
    note = (
        f"The formula of the {what} is not known. The weights are slopes measured by central differences, so the sum "
        "is an approximation of the gradient that backward computes."
    )
    return _terms(layer, "d_output", position[0], slopes, f"d{name} = sum over the outputs of dy * slope", note)


def _terms(layer: LayerTrace, source: str, sample: int, slopes: Array, formula: str, note: str) -> Terms:
    """Return the terms of a sum over all elements of one sample of an array."""
    return weighted_sum(
        layer, source, every_index(slopes, sample), slopes, formula, weight_name="measured slope",
        axes=tuple(f"axis {axis}" for axis in range(slopes.ndim)), bound=np.inf, notes=(note,), known=False,
    )  # fmt: skip


def _slopes(function: Function, x: Array, inputs: npt.NDArray[np.intp]) -> Array:
    """Return the slope of every output w.r.t. some elements of one sample x, given their flat indices, in float64.

    The shape is (inputs, *output_shape). The step is the cube root of eps, where truncation and rounding errors are
    about equal, times the size of the input.
    """
    up, down = (np.repeat(x.reshape(1, -1), len(inputs), axis=0) for _ in range(2))
    rows, values = np.arange(len(inputs)), x.ravel()[inputs]
    step = (np.cbrt(np.finfo(x.dtype).eps) * np.maximum(1, np.abs(values))).astype(x.dtype)
    up[rows, inputs] += step
    down[rows, inputs] -= step
    widths = up[rows, inputs].astype(np.float64) - down[rows, inputs]  # as they were rounded
    y = function(np.concatenate([up, down]).reshape(-1, *x.shape)).astype(np.float64)
    return (y[: len(inputs)] - y[len(inputs) :]) / widths.reshape(-1, *[1] * (y.ndim - 1))
