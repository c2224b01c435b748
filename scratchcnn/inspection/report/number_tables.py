"""The quantities of a trace in the page's tables; their names are terms of the glossary."""

from __future__ import annotations

import numpy as np

from scratchcnn.inspection.report.layer_words import times
from scratchcnn.inspection.text.numbers import scaled, short
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.inspection.tracing.table import BYTE_UNITS, FLOP_UNITS
from scratchcnn.inspection.tracing.trace import Trace
from scratchcnn.operands import Array

LISTED = 10  # parameters with the largest gradients


def facts_of(layer: LayerTrace) -> dict[str, str]:
    """Return the quantities of a layer's forward pass, by name."""
    found = {
        "output shape": times(layer.shapes.output[1:]),
        "parameters": f"{layer.parameter_count:,}",
        "FLOPs": scaled(layer.flops, FLOP_UNITS, 1000),
        "memory": scaled(layer.bytes, BYTE_UNITS, 1024),
        "sparsity": f"{100 * layer.zeros:.0f} %",
        "mean": short(layer.mean),
        "standard deviation": short(layer.spread),
        "time": f"{1000 * layer.seconds.forward:.2f} ms",
    }
    return found if layer.algorithm is None else {**found, "algorithm": layer.algorithm.forward}


def backward_facts_of(layer: LayerTrace) -> dict[str, str]:
    """Return the quantities of a layer's backward pass, by name."""
    found = {}
    gradient = layer.d_preactivation if layer.d_output is None else layer.d_output
    if gradient is not None:
        with np.errstate(all="ignore"):
            found["max |gradient|"] = short(float(np.abs(gradient).max()))
        found["sparsity"] = f"{100 - 100 * np.count_nonzero(gradient) / gradient.size:.0f} %"
    if layer.gradients:
        found["gradient norm"] = short(layer.gradient_norm)
    if layer.seconds.backward is not None:
        found["time"] = f"{1000 * layer.seconds.backward:.2f} ms"
    return found


def overview(trace: Trace) -> tuple[list[str], list[list[str]]]:
    """Return the heads and the rows of the table of all layers."""
    heads = ["output shape", "parameters", "FLOPs", "sparsity", "mean", "standard deviation"]
    rows = []
    for layer in trace:
        facts = facts_of(layer)
        row = [layer.name, layer.kind, *(facts[head] for head in heads)]
        rows.append([*row, short(layer.gradient_norm)] if trace.losses is not None else row)
    return ["layer", "class", *heads, *(["gradient norm"] if trace.losses is not None else [])], rows


def largest_gradients(layer: LayerTrace) -> list[tuple[str, str, str]]:
    """Return name, value and gradient of the parameters with the largest gradients."""
    found = []
    for name, gradient in layer.gradients.items():
        for place in _largest_places(gradient):
            values = float(layer.params[name][place]), float(gradient[place])
            found.append((f"{name}[{', '.join(map(str, place))}]", *values))
    found.sort(key=lambda each: -abs(each[2]))
    return [(name, short(value), short(gradient)) for name, value, gradient in found[:LISTED]]


def _largest_places(gradient: Array) -> list[tuple[int, ...]]:
    count = min(LISTED, gradient.size)
    chosen = np.argpartition(-np.abs(gradient).ravel(), count - 1)[:count]
    return [tuple(int(i) for i in np.unravel_index(int(place), gradient.shape)) for place in chosen]
