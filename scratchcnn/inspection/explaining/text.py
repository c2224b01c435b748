"""Terms as blocks of text: all of them or the largest, the exponentials of a softmax, and the receptive field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from scratchcnn.descriptions.terms import Terms
from scratchcnn.descriptions.words import plural
from scratchcnn.display.blocks import WIDTH, Block, Group, Lines, Paragraph, Table
from scratchcnn.inspection.attribution.receptive_field import Reach
from scratchcnn.inspection.text.numbers import aligned
from scratchcnn.operands import Array

MOST_CELLS, MOST_SLABS = 49, 3  # of a window that is printed in full: elements of a channel, and channels
MOST_TERMS = 12  # of a sum that is printed in full; of a longer one, the LARGEST
LARGEST = 8
SYMBOLS = {
    "x": "input of the layer", "z": "preactivation", "y": "output of the layer", "p": "output of the model",
    "q": "p / total", "total": "sum of p", "target": "label as probabilities", "N": "number of samples",
    "rate": "probability that dropout zeroes a value", **{
        f"d{name}": f"gradient of the loss w.r.t. {name}"
        for name in ("x", "z", "y", "p", "q", "kernel", "bias", "gamma", "beta")
    }, "alpha": "parameter of elu", "negative_slope": "parameter of leaky_relu", "erf": "error function",
    "sigmoid": "1 / (1 + exp(-z))", "i": "index of an input or a unit", "j": "index of a unit",
    "[i = j]": "1 if i = j, else 0", "gamma": "learned scale of the channel", "M": "values of the channel in the batch",
    "variance": "that of the channel in the batch, or its moving average", "epsilon": "keeps the divisor above 0",
    "normalized": "(x - mean) / sqrt(variance + epsilon)",
    "count": "number of values in the window, without the padding", "J": "number of outputs",
}  # fmt: skip


class SoftmaxRow(NamedTuple):
    """The logits (J,) of a softmax, the largest of them, exp(logit - largest) in float64 (J,), and the sum of these."""

    logits: Array
    largest: float
    exponentials: Array
    total: float


def symbols_of(formula: str) -> str:
    """Return the meaning of each symbol of a formula.

    >>> symbols_of("y = x / (1 - rate) if kept, else 0")
    'y: output of the layer; x: input of the layer; rate: probability that dropout zeroes a value'
    """
    names = re.findall(r"\[i = j\]|[A-Za-z_]+", formula)
    names += [name[1:] for name in names if name in SYMBOLS and name[1:] in SYMBOLS]
    return "; ".join(f"{name}: {SYMBOLS[name]}" for name in dict.fromkeys(names) if name in SYMBOLS)


def number_cells(numbers: Array, present: Array | None = None) -> list[list[str]]:
    """Return the elements of a matrix as text, with equal decimals; '.' where absent.

    >>> number_cells(np.array([[0.5, -12.0], [0.0, 3.0]]))
    [['0.50', '-12.00'], ['0', '3.00']]
    """
    shown = np.ones(numbers.shape, bool) if present is None else present
    texts = np.full(numbers.shape, ".", object)
    texts[shown] = aligned(numbers[shown])
    return texts.tolist()


def origin_of(terms: Terms, term: int) -> str:
    """Return the array and the index of the input of a term, as 'conv2d.input[0, 3, 4, 1]'; or 'padding'."""
    if not terms.inside.ravel()[term]:
        return "padding"
    names, index = terms.source.split(", "), terms.sources.reshape(-1, terms.sources.shape[-1])[term]
    return f"{names[term % len(names)]}{index.tolist()}"


def largest(values: Array, most: int) -> Array:
    """Return the flat indices of the largest absolute values, at most `most` of them, the largest first."""
    return np.argsort(-np.abs(values), axis=None, kind="stable")[:most]


def _listed(values: Array) -> Array:
    """Return the indices of the values that are printed: all of them, or the `LARGEST` of many."""
    return largest(values, LARGEST) if values.size > MOST_TERMS else np.arange(values.size)


def term_blocks(terms: Terms, with_sums: bool) -> Iterator[Block]:
    """Yield a small window in full, otherwise a table of the largest terms and, if wanted, the sums over channels."""
    shape, flat = terms.inputs.shape, terms.products.ravel()
    slabs = shape[2] if len(shape) == 3 else 1
    small = len(shape) in (2, 3) and shape[0] * shape[1] <= MOST_CELLS
    if small and flat.size > 1 and slabs <= MOST_SLABS:
        yield Lines(_matrices(terms))
        return
    listed = _listed(flat)
    rest = flat.size - len(listed)
    table = _table(terms, listed)
    if rest:
        with np.errstate(all="ignore"):
            others = f"sum of the other {rest:,}: {float(np.delete(flat, listed).sum()):.6g}"
        heading = f"The {len(listed)} largest of {flat.size:,} products:"
        yield Group(Paragraph(heading), table, Paragraph(others))
    else:
        yield table
    if small and 1 < shape[0] * shape[1] < flat.size and with_sums:
        yield Lines(_block(f"products, summed over the {terms.axes[2]}s", number_cells(terms.products.sum(axis=2))))


def _matrices(terms: Terms) -> Iterator[str]:
    """Yield a window in full: inputs * weights = products, one channel below the other."""
    arrays = [np.atleast_3d(array) for array in (terms.inputs, terms.weights, terms.products, terms.inside)]
    slabs = arrays[0].shape[2]
    for slab in range(slabs):
        inputs, weights, products, inside = (array[..., slab] for array in arrays)
        last = f", {terms.axes[2]} {slab}" if slabs > 1 else ""
        blocks = [
            _block(terms.source + last, number_cells(inputs, inside)),
            _block((terms.weight_name or "weights") + last, number_cells(weights)),
            _block("products", number_cells(products, inside)),
        ]
        if slab:
            yield ""
        yield from _side_by_side(blocks, "*=")


def _block(title: str, cells: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a matrix below its title, all of one width."""
    width = max(len(cell) for row in cells for cell in row)
    rows = [title, *("  ".join(cell.rjust(width) for cell in row) for row in cells)]
    whole = max(map(len, rows))
    return [row.ljust(whole) for row in rows]


def _side_by_side(blocks: Sequence[Sequence[str]], signs: str) -> list[str]:
    """Join blocks of equal height by signs in their middle row; below each other if they are too wide for a line."""
    if sum(len(block[0]) for block in blocks) + 5 * len(signs) > WIDTH:
        return [line for block in blocks for line in ("", *block)][1:]
    middle = len(blocks[0]) // 2
    lines = []
    for row, (first, *others) in enumerate(zip(*blocks, strict=True)):
        parts = [f"  {sign if row == middle else ' '}  {part}" for sign, part in zip(signs, others, strict=True)]
        lines.append((first + "".join(parts)).rstrip())
    return lines


def _table(terms: Terms, listed: Array) -> Table:
    """Return a table of terms: the origin, the input, the weight, and the product of each."""
    arrays = [array.ravel()[listed] for array in (terms.inputs, terms.weights, terms.products)]
    origins = [origin_of(terms, term) for term in listed.tolist()]
    heads = ("input", "value", terms.weight_name or "weight", "product")
    return Table(heads, zip(origins, *map(aligned, arrays), strict=True))


def softmax_block(row: SoftmaxRow, own: int) -> Block:
    """Return a table of exponentials; of a long row, the largest and that of the unit itself."""
    count, listed = len(row.logits), _listed(row.exponentials).tolist()
    heading = [Paragraph("softmax of the row: exp(z - max z), divided by the sum of the exponentials")]
    if len(listed) < count:
        added = "" if own in listed else f", and that of unit {own}"
        heading.append(Paragraph(f"The {len(listed)} largest of {count:,} exponentials{added}:"))
    rows = [
        (f"{j} <" if j == own else f"{j}", f"{row.logits[j]:.6g}", f"{row.exponentials[j]:.6g}",
         f"{row.exponentials[j] / row.total:.6g}")
        for j in sorted({own, *listed})
    ]  # fmt: skip
    table = Table(("unit", "z", "exp(z - max z)", "softmax"), rows)
    return Group(*heading, table, Paragraph(f"sum of the exponentials: {row.total:.6g}"))


def chain_block(reaches: Sequence[Reach], value: str = "value") -> Block:
    """Return the receptive field of a value, described by that noun phrase, in each layer that changes it."""
    last, of = reaches[-1], "" if value == "value" else f" of the {value}"
    if last.mask.all():
        return Paragraph(f"Receptive field{of}: the whole input ({plural(last.count, 'value')}).")
    changing = [
        one for one, after in zip(reaches, [*reaches[1:], None], strict=True)
        if after is None or not np.array_equal(one.mask, after.mask)
    ]  # fmt: skip
    width = max(len(reach.layer) for reach in changing) + len(".input")
    return Group(
        Paragraph(f"The {value} depends only on these inputs:"),
        Lines(f"  {reach.layer + '.input':{width}}  {reach}" for reach in changing),
        Paragraph(f"Receptive field{of}: {last.count:,} of the {last.mask.size:,} values of the input."),
    )
