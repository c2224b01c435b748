"""A trace as a table: the output, the cost and the gradient norm of each layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scratchcnn.inspection.text.layout import wrap
from scratchcnn.inspection.text.numbers import scaled, short
from scratchcnn.inspection.text.table import table
from scratchcnn.inspection.tracing.layer_trace import LayerTrace

FLOP_UNITS, BYTE_UNITS = ("", "k", "M", "G", "T"), ("B", "KiB", "MiB", "GiB")
LONGEST_NAME = 20  # characters; the table then fits into 120
BACKWARD = ("ms back", "|grad|")
LEGEND = (
    "output: shape for one sample; flops: of the forward pass, as the formula is written; memory: of the output; ms: "
    "milliseconds of the forward pass{back}; zeros, mean, std: fraction of zeros, mean and standard deviation of the "
    "output{gradient}."
)


def table_of_layers(layers: Sequence[LayerTrace]) -> Iterator[str]:
    """Yield the lines of the table, one row for each layer, and the meaning of its columns."""
    labels, convolutions = layers[0].seconds.backward is not None, any(layer.algorithm is not None for layer in layers)
    rows = [_cells(layer) for layer in layers]
    heads = [head for head in rows[0] if (labels or head not in BACKWARD) and (convolutions or head != "algorithm")]
    left = [heads.index(head) for head in heads if head in ("layer", "output", "algorithm")]
    yield from table(heads, [[row[head] for head in heads] for row in rows], left)
    yield ""
    back, gradient = ("; ms back: of the backward pass", "; |grad|: L2 norm of the gradient w.r.t. its parameters")
    yield from wrap(LEGEND.format(back=back * labels, gradient=gradient * labels))


def _cells(layer: LayerTrace) -> dict[str, str]:
    """Return one row: the heads of the columns, and the text of each."""
    name, seconds = layer.name, layer.seconds
    return {
        "layer": name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…",
        "output": " x ".join(map(str, layer.shapes.output[1:])),
        "params": f"{layer.parameter_count:,}",
        "flops": scaled(layer.flops, FLOP_UNITS, 1000),
        "memory": scaled(layer.bytes, BYTE_UNITS, 1024),
        "ms": f"{1000 * seconds.forward:.2f}",
        "ms back": "-" if seconds.backward is None else f"{1000 * seconds.backward:.2f}",
        "zeros": f"{layer.zeros:.0%}",
        "mean": short(layer.mean),
        "std": short(layer.spread),
        "|grad|": short(layer.gradient_norm),
        "algorithm": "" if layer.algorithm is None else layer.algorithm.forward,
    }
