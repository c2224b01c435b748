"""A trace as one table: what each layer made, what it cost, what came back."""

from __future__ import annotations

from collections.abc import Iterator

from scratchcnn.inspection.text.layout import wrap
from scratchcnn.inspection.text.numbers import scaled, short
from scratchcnn.inspection.text.table import table
from scratchcnn.inspection.tracing.data import TraceData
from scratchcnn.inspection.tracing.layer_trace import LayerTrace

FLOP_UNITS, BYTE_UNITS = ("", "k", "M", "G", "T"), ("B", "KiB", "MiB", "GiB")
LONGEST_NAME = 20  # letters; the table then has room in 120
HEADS = ["layer", "output", "params", "flops", "memory", "ms", "back", "zeros", "mean", "spread", "d_params", "by"]


def trace_lines(trace: TraceData) -> Iterator[str]:
    """The lines of the table, and below it what its columns hold."""
    yield f"Trace of {trace.model.name!r}: {_what_passed(trace)}"
    yield ""
    with_labels = trace.losses is not None
    chosen = [head for head in HEADS if with_labels or head not in ("back", "d_params")]
    if all(layer.algorithm is None for layer in trace):
        chosen.remove("by")
    rows = [[_cells(layer)[head] for head in chosen] for layer in trace]
    yield from table(chosen, rows, left=[chosen.index(head) for head in chosen if head in ("layer", "output", "by")])
    yield ""
    yield from wrap(_legend(with_labels))


def _what_passed(trace: TraceData) -> str:
    count = len(trace.x)
    shape = " x ".join(map(str, trace.x.shape[1:]))
    loss = "" if trace.loss is None else f", loss {trace.loss:.6g}"
    return (
        f"{count} sample{'s' * (count > 1)} of {shape}, {trace.x.dtype}, engine {trace.model.engine!r}, "
        f"dropout {'on' if trace.training else 'off'}{loss}"
    )


def _cells(layer: LayerTrace) -> dict[str, str]:
    """One row, by the heads of the columns."""
    choice, name = layer.algorithm, layer.name
    seconds = layer.seconds
    return {
        "layer": name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…",
        "output": " x ".join(map(str, layer.shapes.output[1:])),
        "params": f"{layer.parameter_count:,}",
        "flops": scaled(layer.flops, FLOP_UNITS, 1000),
        "memory": scaled(layer.bytes, BYTE_UNITS, 1024),
        "ms": f"{1000 * seconds.forward:.2f}",
        "back": "-" if seconds.backward is None else f"{1000 * seconds.backward:.2f}",
        "zeros": f"{layer.zeros:.0%}",
        "mean": short(layer.mean),
        "spread": short(layer.spread),
        "d_params": short(layer.gradient_norm),
        "by": "" if choice is None else choice.forward,
    }


def _legend(with_labels: bool) -> str:
    back = "; back: the same, backward" if with_labels else ""
    gradient = "; d_params: length of the gradient by all its parameters" if with_labels else ""
    return (
        "output: shape for one sample; flops: of the forward pass, as the formula is written; memory: of the output; "
        f"ms: milliseconds forward{back}; zeros, mean, spread: share of zeros, mean and standard deviation of the "
        f"output{gradient}."
    )
