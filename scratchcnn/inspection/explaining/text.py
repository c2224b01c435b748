"""An explanation in plain text: the terms, written out or the largest of them, and the arithmetic step by step."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scratchcnn.inspection.attribution.receptive_field import Reach
from scratchcnn.inspection.explaining.data import ExplanationData
from scratchcnn.inspection.explaining.matrices import block, number_cells, side_by_side
from scratchcnn.inspection.text.layout import WIDTH, wrap
from scratchcnn.inspection.text.table import table
from scratchcnn.operands import Array

INDENT = "  "
MOST_CELLS, MOST_SLABS = 49, 3  # of a patch that is written out: numbers of a channel, and channels
MOST_TERMS = 12  # of a row that is written out; of a longer one, the LARGEST
LARGEST = 8


def explanation_lines(found: ExplanationData) -> Iterator[str]:
    """The lines of the text."""
    yield _headline(found)
    yield f"{INDENT}{found.terms.formula}"
    yield ""
    yield from (INDENT + line if line else "" for line in _terms(found))
    yield ""
    yield from (INDENT + line for line in _arithmetic(found))
    if found.row is not None:
        yield ""
        yield from (INDENT + line for line in _softmax(found))
    for note in found.terms.notes:
        yield from wrap(note, first=INDENT)
    if found.parameter is None:
        yield ""
        yield from (INDENT + line for line in _chain(found))


def _headline(found: ExplanationData) -> str:
    """What is asked about, and its value."""
    of = found.what if found.parameter is None else f"gradients[{found.parameter!r}]"
    index = ", ".join(map(str, found.position))
    return f"{found.layer.name}.{of}[{index}] = {found.stored:.6g}    ({found.layer.kind})"


def _terms(found: ExplanationData) -> Iterator[str]:
    terms, shape, count = found.terms, found.inputs.shape, found.inputs.size
    slabs = shape[2] if len(shape) == 3 else 1
    if count > 1 and len(shape) in (2, 3) and shape[0] * shape[1] <= MOST_CELLS and slabs <= MOST_SLABS:
        yield from _matrices(found)
        return
    products = found.products.ravel()
    order = np.arange(count) if count <= MOST_TERMS else np.argsort(-np.abs(products), kind="stable")[:LARGEST]
    if count > MOST_TERMS:
        yield f"The {len(order)} largest of {count:,} products:"
    yield from _listed(found, order)
    if count > MOST_TERMS:
        with np.errstate(all="ignore"):
            rest = float(np.delete(products, order).sum())
        yield f"the other {count - len(order):,}: {rest:.6g} in all"
    if len(shape) == 3 and 1 < shape[0] * shape[1] <= MOST_CELLS and found.parameter is None:
        yield ""
        yield from block(f"products, summed over the {terms.axes[2]}s", number_cells(found.products.sum(axis=2)))


def _matrices(found: ExplanationData) -> Iterator[str]:
    """A patch written out: inputs * weights = products, one channel below the other."""
    shape, terms = found.inputs.shape, found.terms
    slabs = shape[2] if len(shape) == 3 else 1
    arrays = [array.reshape(*shape[:2], slabs) for array in (found.inputs, found.weights, found.products, terms.inside)]
    for slab in range(slabs):
        inputs, weights, products, inside = (array[..., slab] for array in arrays)
        last = f", {terms.axes[2]} {slab}" if slabs > 1 else ""
        names = (terms.source + last, (terms.weight_name or "weights") + last, "products")
        if slab:
            yield ""
        cells = (number_cells(inputs, inside), number_cells(weights), number_cells(products, inside))
        blocks = [block(name, cell) for name, cell in zip(names, cells, strict=True)]
        yield from side_by_side(blocks, ["*", "="], WIDTH - len(INDENT))


def _listed(found: ExplanationData, order: Array) -> Iterator[str]:
    """Terms one below the other: where each is from, its input, its weight, its product."""
    terms = found.terms
    inputs, weights, products = (array.ravel()[order] for array in (found.inputs, found.weights, found.products))
    sources = terms.sources.reshape(-1, terms.sources.shape[-1])[order]
    names = terms.source.split(", ") if ", " in terms.source else [terms.source] * len(order)
    columns = [
        [f"{name}[{', '.join(map(str, source))}]" for name, source in zip(names, sources.tolist(), strict=True)],
        *([row[0] for row in number_cells(each[:, None])] for each in (inputs, weights, products)),
    ]
    heads = ("from", "value", terms.weight_name or "weight", "product")
    yield from table(heads, list(zip(*columns, strict=True)))


def _arithmetic(found: ExplanationData) -> Iterator[str]:
    rows: list[tuple[str, float]] = []
    if found.inputs.size > 1 or found.bias:
        rows.append((f"sum of {found.inputs.size:,} products" if found.inputs.size > 1 else "product", found.sum))
    if found.bias:
        rows.append(("+ offset" if found.layer.kind == "Rescaling" else "+ bias", found.bias))
    rows.append(("= z" if found.row is not None or found.output != found.preactivation else "=", found.preactivation))
    if found.what == "output" and found.layer.activation not in (None, "linear"):
        rows[-1] = ("= z", found.preactivation)
        rows.append((f"{found.layer.activation}(z)", found.output))
    rows.append(("stored", found.stored))
    width = max(len(name) for name, _ in rows)
    numbers = [f"{value:.9g}" if found.layer.dtype == np.float32 else f"{value:.15g}" for _, value in rows]
    across = max(map(len, numbers))
    lines = [f"{name.ljust(width)}   {number.rjust(across)}" for (name, _), number in zip(rows, numbers, strict=True)]
    yield from lines[:-1]
    yield f"{lines[-1]}   {_verdict(found)}"


def _verdict(found: ExplanationData) -> str:
    if not found.known:
        return f"differs by {found.difference:.2g}; the slopes are measured, so nothing is promised"
    if found.difference == 0:
        return "the same number"
    right = "" if found.adds_up else " THIS DOES NOT ADD UP"
    return f"differs by {found.difference:.2g}; rounding allows {found.bound:.2g}{right}"


def _softmax(found: ExplanationData) -> Iterator[str]:
    """The row of exponentials; of a long one, the largest."""
    row = found.row
    assert row is not None
    own, count = found.position[-1], len(row.logits)
    order = np.arange(count) if count <= MOST_TERMS else np.argsort(-row.exponentials, kind="stable")[:LARGEST]
    shown = sorted({own, *order.tolist()})
    cells = [
        (f"{j}" + (" <" if j == own else ""), f"{row.logits[j]:.6g}", f"{row.exponentials[j]:.6g}",
         f"{row.exponentials[j] / row.total:.6g}")
        for j in shown
    ]  # fmt: skip
    yield "softmax of the row: exp(z - largest z), divided by their sum"
    yield from table(("unit", "z", "exp(z - max)", "share"), cells)
    more = f" (the {len(shown)} largest of {count} are shown)" if len(shown) < count else ""
    yield f"sum of the exponentials: {row.total:.6g}{more}"


def _chain(found: ExplanationData) -> Iterator[str]:
    """Back to the pixels, by the layers that change what is seen."""
    reaches = found.chain()
    last = reaches[-1]
    if last.mask.all():
        yield f"Receptive field: the whole input, {last.count:,} number{'s' * (last.count != 1)}."
        return
    shown = [
        one for one, after in zip(reaches, [*reaches[1:], None], strict=True) if after is None or not _same(one, after)
    ]
    width = max(len(reach.layer) for reach in shown) + len(".input")
    yield "Back to the pixels: it can depend on these alone"
    for reach in shown:
        yield f"  {(reach.layer + '.input').ljust(width)}  {reach}"
    yield f"Receptive field: {last.count:,} of the {last.mask.size:,} numbers of the input."


def _same(one: Reach, other: Reach) -> bool:
    return one.mask.shape == other.mask.shape and bool((one.mask == other.mask).all())
