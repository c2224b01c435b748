"""Sums over a list of scaled rows: the inner loops of a gradient that is nearly all zeros.

A list has numbers g[j] and offsets o[j]; at each offset begins a row of an array. Two loops over it:

    sum_rows       out[n]         +=  sum over j of  g[j] * x[o[j] + n]       rows are read, their sum is kept
    add_to_rows    x[o[j] + n]    +=  g[j] * row[n]   for every j, in order   one row is read, added to many

In both, the row that stays (`out`, `row`) is held in up to 6 vector registers while j runs, so a step costs one load
for each vector and, in `add_to_rows`, one store.

Cost: 2 FLOPs for each number of each row. Numerics: sums run over j in order, in the arrays' own dtype, with fused
multiply-add where the processor has it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from scratchcnn.kernels.jit import serial
from scratchcnn.kernels.vectorized import VECTOR_BYTES, Vectorized


def _make(vectors: int, reads_rows: bool) -> Callable[..., None]:
    """One of the two loops for rows of `vectors` vectors, as a function for Numba."""

    @intrinsic
    def loop(typing_context, g, o, first, count, x, x_start, row, row_start):
        signature = types.void(g, o, types.int64, types.int64, x, types.int64, row, types.int64)

        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            names = ("g", "o", "first", "count", "x", "x_start", "row", "row_start")
            args = dict(zip(names, values, strict=True))
            code = Vectorized(context, builder, dict(zip(names, signature.args, strict=True)), args)
            _emit(code, args, vectors, reads_rows)
            return context.get_dummy_value()

        return signature, emit

    return loop


def _emit(code: Vectorized, args: dict[str, Any], vectors: int, reads_rows: bool) -> None:
    builder, index = code.builder, ir.IntType(64)
    kept_at = code.number_at("row", args["row_start"])
    kept = [code.load_vector(kept_at, v) for v in range(vectors)]
    before, loop, after = (builder.block, *(builder.append_basic_block(name) for name in ("rows", "rows.end")))
    builder.cbranch(builder.icmp_signed(">", args["count"], index(0)), loop, after)

    builder.position_at_end(loop)
    j = builder.phi(index)
    sums = [builder.phi(code.vector) for _ in kept] if reads_rows else kept
    place = builder.add(args["first"], j)
    scale = code.broadcast(builder.load(code.number_at("g", place)))
    at = code.number_at("x", args["x_start"], builder.load(code.number_at("o", place)))
    new_sums = []
    for v, number in enumerate(sums):
        there = code.load_vector(at, v)
        if reads_rows:
            new_sums.append(code.multiply_add(scale, there, number))
        else:
            builder.store(code.multiply_add(scale, number, there), code.vector_at(at, v), align=code.itemsize)
    following = builder.add(j, index(1))
    j.add_incoming(index(0), before)
    j.add_incoming(following, loop)
    if reads_rows:
        for phi, initial, new in zip(sums, kept, new_sums, strict=True):
            phi.add_incoming(initial, before)
            phi.add_incoming(new, loop)
    builder.cbranch(builder.icmp_signed("<", following, args["count"]), loop, after)

    builder.position_at_end(after)
    for v, (initial, new) in enumerate(zip(kept, new_sums, strict=False)):
        total = builder.phi(code.vector)
        total.add_incoming(initial, before)
        total.add_incoming(new, loop)
        kept[v] = total
    for v, total in enumerate(kept if reads_rows else []):
        builder.store(total, code.vector_at(kept_at, v), align=code.itemsize)


# Six vectors in one go leave room for the products, even where there are only 16 registers.
_sum_6, _sum_2, _sum_1 = (_make(vectors, reads_rows=True) for vectors in (6, 2, 1))
_add_6, _add_2, _add_1 = (_make(vectors, reads_rows=False) for vectors in (6, 2, 1))


@serial
def sum_rows(g, o, first, count, x, x_start, out, out_start, length):
    """out[n] += sum of g[j] * x[o[j] + n] over `count` entries of the list from `first`; `length` in whole vectors."""
    lanes = VECTOR_BYTES // x.itemsize
    at = 0
    while length - at >= 6 * lanes:
        _sum_6(g, o, first, count, x, x_start + at, out, out_start + at)
        at += 6 * lanes
    while length - at >= 2 * lanes:
        _sum_2(g, o, first, count, x, x_start + at, out, out_start + at)
        at += 2 * lanes
    if length - at >= lanes:
        _sum_1(g, o, first, count, x, x_start + at, out, out_start + at)


@serial
def add_to_rows(g, o, first, count, x, x_start, row, row_start, length):
    """x[o[j] + n] += g[j] * row[n] for `count` entries of the list from `first`; `length` in whole vectors."""
    lanes = VECTOR_BYTES // x.itemsize
    at = 0
    while length - at >= 6 * lanes:
        _add_6(g, o, first, count, x, x_start + at, row, row_start + at)
        at += 6 * lanes
    while length - at >= 2 * lanes:
        _add_2(g, o, first, count, x, x_start + at, row, row_start + at)
        at += 2 * lanes
    if length - at >= lanes:
        _add_1(g, o, first, count, x, x_start + at, row, row_start + at)
