"""The numbers of a trace, as the page's tables show them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scratchcnn.inspection.report.layer_words import times
from scratchcnn.inspection.text.numbers import scaled, short
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.inspection.tracing.table import BYTE_UNITS, FLOP_UNITS
from scratchcnn.inspection.tracing.trace import Trace
from scratchcnn.operands import Array

LISTED = 10  # weights with the largest gradients


class Fact(NamedTuple):
    """A name, its value, and what it means, for who does not know the word."""

    name: str
    value: str
    meaning: str


def share(part: float) -> str:
    """A share as '28 %'."""
    return f"{100 * part:.0f} %"


def facts_of(layer: LayerTrace) -> list[Fact]:
    """What is worth knowing of a layer's forward pass."""
    found = [
        Fact("output", times(layer.shapes.output[1:]), "height × width × channels, or units"),
        Fact("parameters", f"{layer.parameter_count:,}", "numbers that training changes"),
    ]
    if layer.flops is not None:
        found.append(Fact("operations", scaled(layer.flops, FLOP_UNITS, 1000), "additions and multiplications"))
    found += [
        Fact("memory", scaled(layer.bytes, BYTE_UNITS, 1024), "of the output"),
        Fact("zeros", share(layer.zeros), "share of the output that is exactly zero"),
        Fact("mean", short(layer.mean), "of the output"),
        Fact("spread", short(layer.spread), "standard deviation of the output"),
        Fact("time", f"{1000 * layer.seconds.forward:.2f} ms", "forward, for this one image"),
    ]
    if layer.algorithm is not None:
        found.append(Fact("algorithm", layer.algorithm.forward, "which rung of scratchcnn.algorithms computed it"))
    return found


def backward_facts_of(layer: LayerTrace) -> list[Fact]:
    """What is worth knowing of a layer's backward pass."""
    found = []
    back = layer.d_preactivation if layer.d_output is None else layer.d_output
    if back is not None:
        zeros = 1 - np.count_nonzero(back) / back.size
        found.append(Fact("zeros", share(float(zeros)), "share of the gradient that is exactly zero"))
        found.append(Fact("largest", short(_largest(back)), "of the gradient, without its sign"))
    for name, gradient in layer.gradients.items():
        norm = float(np.sqrt(np.square(gradient, dtype=np.float64).sum()))
        found.append(Fact(f"|d {name}|", short(norm), f"length of the gradient of the {name}"))
    if layer.seconds.backward is not None:
        found.append(Fact("time", f"{1000 * layer.seconds.backward:.2f} ms", "backward, for this one image"))
    return found


HEADS = ["layer", "kind", "output", "parameters", "operations", "zeros", "mean", "spread"]


def overview(trace: Trace) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of the table of all layers."""
    heads = [*HEADS, "gradient"] if trace.losses is not None else HEADS
    rows = []
    for layer in trace:
        row = [
            layer.name, layer.kind, times(layer.shapes.output[1:]), f"{layer.parameter_count:,}",
            scaled(layer.flops, FLOP_UNITS, 1000), share(layer.zeros), short(layer.mean), short(layer.spread),
        ]  # fmt: skip
        rows.append([*row, short(layer.gradient_norm)][: len(heads)])
    return heads, rows


def weights_with_largest_gradients(layer: LayerTrace) -> list[tuple[str, str, str]]:
    """Name, value and gradient of the weights that the loss asks most of: the gradient is the slope of the loss."""
    every = [
        (abs(float(gradient[place])), f"{name}[{', '.join(map(str, place))}]", name, place)
        for name, gradient in layer.gradients.items()
        for place in _largest_places(gradient)
    ]
    every.sort(key=lambda each: -each[0])
    return [
        (label, short(float(layer.params[name][place])), short(float(layer.gradients[name][place])))
        for _, label, name, place in every[:LISTED]
    ]


def _largest_places(gradient: Array) -> list[tuple[int, ...]]:
    size = np.abs(gradient).ravel()
    count = min(LISTED, size.size)
    chosen = np.argpartition(-size, count - 1)[:count]
    return [tuple(int(i) for i in np.unravel_index(int(place), gradient.shape)) for place in chosen]


def _largest(array: Array) -> float:
    with np.errstate(all="ignore"):
        return float(np.abs(array).max())
