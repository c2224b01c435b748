"""What each layer's output is made of, before its activation: one function for each of the package's layers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scratchcnn.inspection.explaining.rounding import sum_bound, winograd_bound
from scratchcnn.inspection.explaining.terms import Terms, every_position, one_term
from scratchcnn.inspection.explaining.windows import gather, positions, seen_by, windows_of
from scratchcnn.inspection.tracing.kinds import kind_of
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.layers import Activation, Conv2D, Dense, Dropout, Flatten, Layer, MaxPooling2D, Rescaling
from scratchcnn.operands import Array, Shape

Position = tuple[int, ...]


def forward_terms(layer: LayerTrace, position: Position) -> Terms | None:
    """The terms of one number of `preactivation`; None for a layer of a user's own."""
    kind = kind_of(layer.layer)
    return None if kind is None else FORMULAS[kind](layer, position)


def _conv2d(layer: LayerTrace, position: Position) -> Terms:
    assert isinstance(layer.layer, Conv2D)
    sample, oy, ox, f = position
    windows = windows_of(layer.layer, layer.input.shape)
    rows, columns = seen_by(windows.rows, oy), seen_by(windows.columns, ox)
    patch, inside = gather(layer.input[sample], rows, columns)  # (KH, KW, C)
    weights = layer.params["kernel"][..., f]
    bias = float(layer.params["bias"][f]) if "bias" in layer.params else 0.0
    magnitude = magnitude_of(patch, weights) + abs(bias)
    bound = sum_bound(magnitude, patch.size, layer.dtype)
    if layer.algorithm is not None and layer.algorithm.forward.startswith("winograd"):
        of_tiles = winograd_bound(
            layer.algorithm.forward, layer.input[sample], weights, (oy, ox), windows, bias, layer.dtype
        )
        bound = max(bound, of_tiles)
    return Terms(
        "z = bias + sum over the patch of x * kernel", patch, weights,
        positions(sample, rows, columns, np.arange(patch.shape[2])), inside, f"{layer.name}.input",
        f"kernel[:, :, :, {f}]", ("row", "column", "channel"), bias, bound, _padding_note(inside),
    )  # fmt: skip


def _dense(layer: LayerTrace, position: Position) -> Terms:
    sample, j = position
    x, weights = layer.input[sample], layer.params["kernel"][:, j]
    bias = float(layer.params["bias"][j]) if "bias" in layer.params else 0.0
    return Terms(
        "z = bias + sum over i of x[i] * kernel[i, j]", x, weights, every_position(x.shape, (sample,)),
        ones_inside(x), f"{layer.name}.input", f"kernel[:, {j}]", ("unit",), bias,
        sum_bound(magnitude_of(x, weights) + abs(bias), x.size, layer.dtype),
    )  # fmt: skip


def _max_pooling2d(layer: LayerTrace, position: Position) -> Terms:
    assert isinstance(layer.layer, MaxPooling2D)
    assert layer.winners is not None
    sample, oy, ox, c = position
    windows = windows_of(layer.layer, layer.input.shape)
    rows, columns = seen_by(windows.rows, oy), seen_by(windows.columns, ox)
    window, inside = (
        each[..., 0] for each in gather(layer.input[sample][..., c : c + 1], rows, columns, outside=-np.inf)
    )
    winner = divmod(int(layer.winners[position]), layer.layer.pool_size[1])
    weights = np.zeros_like(window)
    weights[winner] = 1
    equal = int(np.count_nonzero((window == window[winner]) & inside))
    place = f"row {rows[winner[0]]}, column {columns[winner[1]]} of the input"
    why = f"it is the largest of the {candidates}" if (candidates := int(inside.sum())) > 1 else "there is no other"
    notes = [f"The element at {place} won: {why}."]
    if equal > 1:
        notes.append(f"{equal} of them are equally large; the first in reading order wins, and it alone gets gradient.")
    if not inside.all():
        notes.append(f"{np.count_nonzero(~inside)} places of the window lie outside the image, and never win.")
    return Terms(
        "y = the largest x of the window", window, weights,
        positions(sample, rows, columns, np.array([c]))[:, :, 0], inside, f"{layer.name}.input", "who won",
        ("row", "column"), 0.0, 0.0, tuple(notes), selects=True,
    )  # fmt: skip


def _dropout(layer: LayerTrace, position: Position) -> Terms:
    assert isinstance(layer.layer, Dropout)
    value, source = layer.input[position], f"{layer.name}.input"
    if layer.mask is None:
        notes = ("Dropout acts in training only: every number passes as it is.",)
        return one_term("y = x", value, 1.0, position, source, "", 0.0, notes=notes)
    weight, note = dropout_weight(layer, position)
    bound = sum_bound(abs(float(value) * weight), 1, layer.dtype)
    return one_term("y = x / (1 - rate) if kept, else 0", value, weight, position, source, "scale", bound, notes=note)


def _flatten(layer: LayerTrace, position: Position) -> Terms:
    origin = flat_origin(position, layer.shapes.input)
    index = ", ".join(map(str, origin[1:]))
    notes = (f"Nothing is computed: element {position[1]} of the row is x[{index}], the last axis fastest.",)
    return one_term("y[i] = x[...]", layer.input[origin], 1.0, origin, f"{layer.name}.input", "", 0.0, notes=notes)


def _rescaling(layer: LayerTrace, position: Position) -> Terms:
    assert isinstance(layer.layer, Rescaling)
    real, value = layer.dtype.type, layer.input[position]
    scale, offset = float(real(layer.layer.scale)), float(real(layer.layer.offset))
    bound = sum_bound(abs(float(value) * scale) + abs(offset), 2, layer.dtype)
    source = f"{layer.name}.input"
    return one_term("y = x * scale + offset", value, scale, position, source, "scale", bound, bias=offset)


def _activation(layer: LayerTrace, position: Position) -> Terms:
    return one_term("z = x", layer.input[position], 1.0, position, f"{layer.name}.input", "", 0.0)


FORMULAS: dict[type[Layer], Callable[[LayerTrace, Position], Terms]] = {
    Conv2D: _conv2d,
    Dense: _dense,
    MaxPooling2D: _max_pooling2d,
    Dropout: _dropout,
    Flatten: _flatten,
    Rescaling: _rescaling,
    Activation: _activation,
}


def flat_origin(position: Position, input_shape: Shape) -> Position:
    """Where the element of a flattened row stood: (n, h, w, c) for (n, i)."""
    return position[0], *(int(place) for place in np.unravel_index(position[1], input_shape[1:]))


def dropout_weight(layer: LayerTrace, position: Position) -> tuple[float, tuple[str, ...]]:
    """What a dropout multiplied one number with, and why."""
    assert isinstance(layer.layer, Dropout)
    assert layer.mask is not None
    rate = layer.layer.rate
    if not layer.mask[position]:
        return 0.0, (f"Dropped: with rate {rate:g}, chance set this number to zero.",)
    scale = float(layer.dtype.type(1 / (1 - rate)))
    return scale, (f"Kept, and scaled by 1 / (1 - {rate:g}) = {scale:.6g}.",)


def ones_inside(array: Array) -> Array:
    """True for every number: none is of the padding."""
    return np.ones(array.shape, bool)


def magnitude_of(inputs: Array, weights: Array) -> float:
    """The sum of the absolute values of all products."""
    with np.errstate(all="ignore"):
        return float(np.abs(inputs.astype(np.float64) * weights.astype(np.float64)).sum())


def _padding_note(inside: Array) -> tuple[str, ...]:
    outside = int(np.count_nonzero(~inside[..., 0]))
    if not outside:
        return ()
    return (f"{outside} places of the patch lie outside the image and count as zero (padding).",)
