"""The terms of each gradient: which gradients of the layer above it depends on, and with which weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchcnn.activations import Linear, ReLU, Softmax, linear
from scratchcnn.inspection.explaining.forward_formulas import (
    Position,
    dropout_weight,
    magnitude_of,
    ones_inside,
)
from scratchcnn.inspection.explaining.loss_formulas import loss_terms, softmax_loss_terms
from scratchcnn.inspection.explaining.rounding import sum_bound, winograd_bound
from scratchcnn.inspection.explaining.slopes import slopes_by_one
from scratchcnn.inspection.explaining.terms import Terms, every_position, one_term
from scratchcnn.inspection.explaining.windows import gather, positions, seers_of, windows_of
from scratchcnn.inspection.tracing.kinds import kind_of
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.layers import Activation, Conv2D, Dense, Dropout, Flatten, Layer, MaxPooling2D, Rescaling
from scratchcnn.operands import Array

if TYPE_CHECKING:
    from scratchcnn.inspection.tracing.trace import Trace


def d_output_terms(trace: Trace, number: int, position: Position) -> Terms:
    """Return the terms of a gradient w.r.t. an output, which the next layer or the loss computes."""
    if number == len(trace) - 1:
        return loss_terms(trace, position)
    terms = d_input_terms(trace, number + 1, position)
    here, there = trace[number].name, trace[number + 1].name
    return replace(terms, notes=(f"The output of {here} is the input of {there}, which sends this back.", *terms.notes))


def d_preactivation_terms(trace: Trace, number: int, position: Position) -> Terms:
    """Return the terms of a gradient w.r.t. a preactivation."""
    layer = trace[number]
    if layer.d_output is None:
        return softmax_loss_terms(trace, position)
    activation: Any = getattr(layer.layer, "activation", linear)
    if kind_of(layer.layer) is None or type(activation) is Linear:
        notes = ("There is no activation in between: the gradient w.r.t. z is that w.r.t. the output.",)
        return _passed_on(layer, position, "dz = dy", 1.0, "", notes)
    if type(activation) is ReLU:
        is_open = bool(layer.output[position] > 0)
        notes = (
            "ReLU let this number through, and lets its gradient through." if is_open
            else "ReLU made this number zero, and stops its gradient.",
        )  # fmt: skip
        return _passed_on(layer, position, "dz = dy where y > 0, else 0", float(is_open), "gate", notes)
    if type(activation) is Softmax:
        return _softmax(layer, position)
    return _by_slopes(
        layer, layer.preactivation[position[0]], position,
        lambda z: activation.forward(z, trace.model.ops), f"activation {activation.name!r}",
    )  # fmt: skip


def d_input_terms(trace: Trace, number: int, position: Position) -> Terms:
    """Return the terms of a gradient w.r.t. an input: one for each output that depends on it."""
    layer = trace[number]
    kind = kind_of(layer.layer)
    if kind is Activation:
        return d_preactivation_terms(trace, number, position)
    if kind is Conv2D:
        return _conv2d(layer, position)
    if kind is None:
        ops = trace.model.ops
        return _by_slopes(
            layer, layer.input[position[0]], position,
            lambda x: layer.layer.forward(x, ops, training=False, rng=None)[0], f"class {layer.kind}",
        )  # fmt: skip
    return FORMULAS[kind](layer, position)


def _conv2d(layer: LayerTrace, position: Position) -> Terms:
    assert isinstance(layer.layer, Conv2D)
    assert layer.d_preactivation is not None
    sample, y, x, c = position
    windows = windows_of(layer.layer, layer.input.shape)
    rows, columns = seers_of(windows.rows, y), seers_of(windows.columns, x)
    dz, inside = gather(layer.d_preactivation[sample], rows, columns)  # (KH, KW, F)
    weights = layer.params["kernel"][:, :, c]
    bound = sum_bound(magnitude_of(dz, weights), dz.size, layer.dtype)
    if layer.algorithm is not None and layer.algorithm.input_gradient.startswith("winograd"):
        over = (axis._replace(size=axis.output, before=2 - axis.before, output=axis.size) for axis in windows)
        bound += winograd_bound(
            layer.algorithm.input_gradient, layer.d_preactivation[sample], weights[::-1, ::-1], (y, x),
            type(windows)(*over), 0.0, layer.dtype,
        )  # fmt: skip
    used = int(np.count_nonzero(inside[..., 0]))
    notes = (f"The number was seen at {used} place{'s' * (used != 1)} by each of the {dz.shape[2]} filters.",)
    return Terms(
        "dx = sum over the outputs that saw x of dz * kernel", dz, weights,
        positions(sample, rows, columns, np.arange(dz.shape[2])), inside, f"{layer.name}.d_preactivation",
        f"kernel[:, :, {c}, :]", ("kernel row", "kernel column", "filter"), 0.0, bound, notes,
    )  # fmt: skip


def _dense(layer: LayerTrace, position: Position) -> Terms:
    assert layer.d_preactivation is not None
    sample, i = position
    dz, weights = layer.d_preactivation[sample], layer.params["kernel"][i]
    return Terms(
        "dx[i] = sum over j of dz[j] * kernel[i, j]", dz, weights, every_position(dz.shape, (sample,)), ones_inside(dz),
        f"{layer.name}.d_preactivation", f"kernel[{i}, :]", ("unit",), 0.0,
        sum_bound(magnitude_of(dz, weights), dz.size, layer.dtype),
    )  # fmt: skip


def _max_pooling2d(layer: LayerTrace, position: Position) -> Terms:
    assert isinstance(layer.layer, MaxPooling2D)
    assert layer.d_output is not None
    assert layer.winners is not None
    sample, y, x, c = position
    windows = windows_of(layer.layer, layer.input.shape)
    rows, columns = seers_of(windows.rows, y), seers_of(windows.columns, x)
    dy, inside = (each[..., 0] for each in gather(layer.d_output[sample][..., c : c + 1], rows, columns))
    winners = gather(layer.winners[sample][..., c : c + 1].astype(np.int64), rows, columns)[0][..., 0]  # (KH, KW)
    weights = ((winners == np.arange(dy.size).reshape(dy.shape)) & inside).astype(dy.dtype)
    seen, won = int(np.count_nonzero(inside)), int(weights.sum())
    notes = (f"The number was in {seen} window{'s' * (seen != 1)}, and won {won} of them; the others send it nothing.",)
    return Terms(
        "dx = sum of dy over the windows that x won", dy, weights,
        positions(sample, rows, columns, np.array([c]))[:, :, 0], inside, f"{layer.name}.d_output", "whether x won",
        ("window row", "window column"), 0.0, sum_bound(magnitude_of(dy, weights), dy.size, layer.dtype), notes,
        selects=True,
    )  # fmt: skip


def _dropout(layer: LayerTrace, position: Position) -> Terms:
    assert isinstance(layer.layer, Dropout)
    if layer.mask is None:
        return _passed_on(layer, position, "dx = dy", 1.0, "", ("Dropout was off: the gradient passes as it is.",))
    weight, notes = dropout_weight(layer, position)
    return _passed_on(layer, position, "dx = dy / (1 - rate) if kept, else 0", weight, "scale", notes)


def _flatten(layer: LayerTrace, position: Position) -> Terms:
    assert layer.d_output is not None
    i = int(np.ravel_multi_index(position[1:], layer.shapes.input[1:]))
    source = f"{layer.name}.d_output"
    notes = (f"Nothing is computed: the number is element {i} of the row.",)
    there = (position[0], i)
    return one_term("dx[...] = dy[i]", layer.d_output[there], 1.0, there, source, "", 0.0, notes=notes)


def _rescaling(layer: LayerTrace, position: Position) -> Terms:
    assert isinstance(layer.layer, Rescaling)
    return _passed_on(layer, position, "dx = dy * scale", float(layer.dtype.type(layer.layer.scale)), "scale", ())


FORMULAS: dict[type[Layer], Callable[[LayerTrace, Position], Terms]] = {
    Dense: _dense,
    MaxPooling2D: _max_pooling2d,
    Dropout: _dropout,
    Flatten: _flatten,
    Rescaling: _rescaling,
}


def _passed_on(
    layer: LayerTrace, position: Position, formula: str, weight: float, weight_name: str, notes: tuple[str, ...]
) -> Terms:
    """Return the gradient w.r.t. the output at the same position, times a weight, as terms."""
    assert layer.d_output is not None
    value = layer.d_output[position]
    bound = sum_bound(abs(float(value) * weight), 1, layer.dtype) if weight not in (0, 1) else 0.0
    return one_term(formula, value, weight, position, f"{layer.name}.d_output", weight_name, bound, notes=notes)


def _softmax(layer: LayerTrace, position: Position) -> Terms:
    """dz_j = y_j * (dy_j - sum over i of dy_i * y_i), as a weighted sum of dy."""
    assert layer.d_output is not None
    row, j = position[:-1], position[-1]
    dy, y = layer.d_output[row], layer.output[row].astype(np.float64)
    weights = y[j] * ((np.arange(y.size) == j) - y)
    sources = every_position(y.shape, row)
    size = y[j] * (abs(float(dy[j])) + magnitude_of(dy, y))
    notes = ("Softmax ties the whole row together: to raise one probability lowers all others.",)
    return Terms(
        "dz[j] = sum over i of dy[i] * y[j] * ([i = j] - y[i])", dy, weights, sources, ones_inside(dy),
        f"{layer.name}.d_output", "y[j] * ([i = j] - y[i])", ("unit",), 0.0, sum_bound(size, y.size, layer.dtype),
        notes,
    )  # fmt: skip


def _by_slopes(layer: LayerTrace, x: Array, position: Position, function: Callable[[Array], Array], what: str) -> Terms:
    """Return the terms of a gradient w.r.t. an input for an unknown formula, from measured slopes."""
    assert layer.d_output is not None
    dy = layer.d_output[position[0]]
    weights = slopes_by_one(function, x, position[1:])
    sources = every_position(dy.shape, position[:1])
    notes = (
        f"No formula is known for the {what}. The weights are slopes that were measured, by moving the input a "
        "little up and down; backward should send about their sum.",
    )
    return Terms(
        "dx = sum over the outputs of dy * slope", dy, weights, sources, ones_inside(dy), f"{layer.name}.d_output",
        "measured slope", tuple(f"axis {axis}" for axis in range(dy.ndim)), 0.0, np.inf, notes, known=False,
    )  # fmt: skip
