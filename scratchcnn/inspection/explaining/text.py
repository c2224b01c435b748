"""Terms as plain text: all of them or the largest, the exponentials of a softmax, and the receptive field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from scratchcnn.descriptions.terms import Terms
from scratchcnn.descriptions.words import plural
from scratchcnn.inspection.attribution.receptive_field import Reach
from scratchcnn.inspection.text.layout import WIDTH
from scratchcnn.inspection.text.numbers import aligned
from scratchcnn.inspection.text.table import table
from scratchcnn.operands import Array

MOST_CELLS, MOST_SLABS = 49, 3  # of a window that is printed in full: elements of a channel, and channels
MOST_TERMS = 12  # of a sum that is printed in full; of a longer one, the LARGEST
LARGEST = 8
SYMBOLS = {
    "x": "input of the layer", "z": "preactivation", "y": "output of the layer", "p": "output of the model",
    "q": "p / total", "total": "sum of p", "target": "label as probabilities", "N": "number of samples",
    "rate": "probability that dropout zeroes a value", **{
        f"d{name}": f"gradient of the loss w.r.t. {name}" for name in ("x", "z", "y", "p", "q", "kernel", "bias")
    }, "i": "index of an input or a unit", "j": "index of a unit", "[i = j]": "1 if i = j, else 0",
}  # fmt: skip


class SoftmaxRow(NamedTuple):
    """The row of logits of a softmax.

    Attributes
    ----------
    logits : (J,)
    largest : float
        The largest logit, which is subtracted from all.
    exponentials : float64 (J,)
        exp(logit - largest).
    total : float
        Their sum.
    """

    logits: Array
    largest: float
    exponentials: Array
    total: float


def softmax_row(logits: Array) -> SoftmaxRow:
    """Compute the exponentials of some logits (J,) and their sum, in float64."""
    with np.errstate(all="ignore"):
        exponentials = np.exp(logits.astype(np.float64) - float(logits.max()))
        return SoftmaxRow(logits, float(logits.max()), exponentials, float(exponentials.sum()))


def symbols_of(formula: str) -> str:
    """Return the meaning of each symbol of a formula.

    >>> symbols_of("y = x / (1 - rate) if kept, else 0")
    'y: output of the layer; x: input of the layer; rate: probability that dropout zeroes a value'
    """
    names = re.findall(r"\[i = j\]|[A-Za-z]+", formula)
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
    """Return the array and the index of the input of a term, as 'conv2d.input[0, 3, 4, 1]'."""
    names, index = terms.source.split(", "), terms.sources.reshape(-1, terms.sources.shape[-1])[term]
    return f"{names[term % len(names)]}[{', '.join(map(str, index.tolist()))}]"


def term_lines(terms: Terms, with_sums: bool) -> Iterator[str]:
    """Yield the terms: a small window in full, otherwise a table of the largest.

    Parameters
    ----------
    terms : Terms
    with_sums : bool
        Whether the products of a window are also summed over the channels.
    """
    shape, count = terms.inputs.shape, terms.inputs.size
    slabs = shape[2] if len(shape) == 3 else 1
    if count > 1 and len(shape) in (2, 3) and shape[0] * shape[1] <= MOST_CELLS and slabs <= MOST_SLABS:
        yield from _matrices(terms, slabs)
        return
    flat = terms.products.ravel()
    order = _shown(flat)
    if count > MOST_TERMS:
        yield f"The {len(order)} largest of {count:,} products:"
    yield from _table(terms, order)
    if count > MOST_TERMS:
        with np.errstate(all="ignore"):
            rest = float(np.delete(flat, order).sum())
        yield f"sum of the other {count - len(order):,}: {rest:.6g}"
    if len(shape) == 3 and 1 < shape[0] * shape[1] <= MOST_CELLS and with_sums:
        yield ""
        yield from _block(f"products, summed over the {terms.axes[2]}s", number_cells(terms.products.sum(axis=2)))


def _shown(values: Array) -> Array:
    """Return the indices of the values that are printed: all, or the largest absolute values of a long sum."""
    if values.size <= MOST_TERMS:
        return np.arange(values.size)
    return np.argsort(-np.abs(values), kind="stable")[:LARGEST]


def _matrices(terms: Terms, slabs: int) -> Iterator[str]:
    """Yield a window in full: inputs * weights = products, one channel below the other."""
    shape = (*terms.inputs.shape[:2], slabs)
    arrays = [array.reshape(shape) for array in (terms.inputs, terms.weights, terms.products, terms.inside)]
    for slab in range(slabs):
        inputs, weights, products, inside = (array[..., slab] for array in arrays)
        last = f", {terms.axes[2]} {slab}" if slabs > 1 else ""
        names = (terms.source + last, (terms.weight_name or "weights") + last, "products")
        if slab:
            yield ""
        cells = (number_cells(inputs, inside), number_cells(weights), number_cells(products, inside))
        yield from _side_by_side([_block(name, cell) for name, cell in zip(names, cells, strict=True)], "*=")


def _block(title: str, cells: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a matrix below its title, all of one width."""
    width = max(len(cell) for row in cells for cell in row)
    rows = ["  ".join(cell.rjust(width) for cell in row) for row in cells]
    whole = max(len(title), len(rows[0]))
    return [title.ljust(whole), *(row.ljust(whole) for row in rows)]


def _side_by_side(blocks: Sequence[Sequence[str]], signs: str) -> list[str]:
    """Join blocks of equal height by signs in their middle row; below each other if they are too wide for a line."""
    height = len(blocks[0])
    if sum(len(each[0]) for each in blocks) + 5 * len(signs) > WIDTH:
        return [line for number, each in enumerate(blocks) for line in ([""] if number else []) + list(each)]
    middle = 1 + (height - 2) // 2
    lines = []
    for row in range(height):
        parts = [blocks[0][row]]
        for sign, each in zip(signs, blocks[1:], strict=True):
            parts += [sign if row == middle else " ", each[row]]
        lines.append("  ".join(parts).rstrip())
    return lines


def _table(terms: Terms, order: Array) -> list[str]:
    """Return a table of terms: the origin, the input, the weight, and the product of each."""
    arrays = [array.ravel()[order] for array in (terms.inputs, terms.weights, terms.products)]
    columns = [
        [origin_of(terms, term) for term in order.tolist()],
        *([row[0] for row in number_cells(each[:, None])] for each in arrays),
    ]
    heads = ("input", "value", terms.weight_name or "weight", "product")
    return table(heads, list(zip(*columns, strict=True)))


def softmax_lines(row: SoftmaxRow, own: int) -> Iterator[str]:
    """Yield a table of exponentials; of a long row, the largest."""
    count = len(row.logits)
    shown = sorted({own, *_shown(row.exponentials).tolist()})
    cells = [
        (f"{j}" + (" <" if j == own else ""), f"{row.logits[j]:.6g}", f"{row.exponentials[j]:.6g}",
         f"{row.exponentials[j] / row.total:.6g}")
        for j in shown
    ]  # fmt: skip
    yield "softmax of the row: exp(z - max z), divided by the sum of the exponentials"
    yield from table(("unit", "z", "exp(z - max z)", "softmax"), cells)
    more = f" (the {len(shown)} largest of {count} are shown)" if len(shown) < count else ""
    yield f"sum of the exponentials: {row.total:.6g}{more}"


def chain_lines(reaches: Sequence[Reach], value: str = "value") -> Iterator[str]:
    """Yield the receptive field of a value, described by that noun phrase, in each layer that changes it."""
    last, of = reaches[-1], "" if value == "value" else f" of the {value}"
    if last.mask.all():
        yield f"Receptive field{of}: the whole input ({plural(last.count, 'value')})."
        return
    shown = [
        one for one, after in zip(reaches, [*reaches[1:], None], strict=True) if after is None or not _same(one, after)
    ]
    width = max(len(reach.layer) for reach in shown) + len(".input")
    yield f"The {value} depends only on these inputs:"
    for reach in shown:
        yield f"  {(reach.layer + '.input').ljust(width)}  {reach}"
    yield f"Receptive field{of}: {last.count:,} of the {last.mask.size:,} values of the input."


def _same(one: Reach, other: Reach) -> bool:
    return one.mask.shape == other.mask.shape and bool((one.mask == other.mask).all())
