"""Sums over a list of scaled patches: the inner loops of a gradient that is nearly all zeros.

A list has numbers g[j] and offsets o[j]; at each offset begins a patch of an array: some rows, `row_stride` apart. A
second patch, of as many rows without gaps, meets them all. Two loops:

    sum_patches       out[r, n]                      +=  sum over j of  g[j] * x[o[j] + r * row_stride + n]
    add_to_patches    x[o[j] + r * row_stride + n]   +=  g[j] * patch[r, n]     for every j, in order

In both, the patch that stays (`out`, `patch`) is held in vector registers while j runs, as much of it as there are
registers for, so a step costs one load for each vector and, in `add_to_patches`, one store.

Cost: 2 FLOPs for each number of each patch. Numerics: sums run over j in order, in the arrays' own dtype, with fused
multiply-add where the processor has it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types

from scratchcnn.kernels.jit import intrinsic, serial
from scratchcnn.kernels.tile import COLUMNS
from scratchcnn.kernels.vectorized import VECTOR_BYTES, Vectorized


def _make(rows: int, vectors: int, sums: bool) -> Callable[..., None]:
    """One of the two loops for patches of `rows` rows of `vectors` vectors, as a function for Numba."""

    @intrinsic
    def loop(typing_context, g, o, first, count, x, x_start, row_stride, patch, patch_start, patch_stride):
        number = types.int64
        signature = types.void(g, o, number, number, x, number, number, patch, number, number)

        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            names = ("g", "o", "first", "count", "x", "x_start", "row_stride", "patch", "patch_start", "patch_stride")
            args = dict(zip(names, values, strict=True))
            code = Vectorized(context, builder, dict(zip(names, signature.args, strict=True)), args)
            _emit(code, args, rows, vectors, sums)
            return context.get_dummy_value()

        return signature, emit

    return loop


def _emit(code: Vectorized, args: dict[str, Any], rows: int, vectors: int, sums: bool) -> None:
    """Load the patch that stays; for each entry of the list, multiply and add; store the patch if it was the sum."""
    builder, index = code.builder, ir.IntType(64)
    places = [(row, v) for row in range(rows) for v in range(vectors)]

    def row_at(start: Any, stride: str, row: int) -> Any:
        return builder.gep(start, [builder.mul(args[stride], index(row))])

    patch_at = code.number_at("patch", args["patch_start"])
    patch = [code.load_vector(row_at(patch_at, "patch_stride", row), v) for row, v in places]
    before, loop, after = (builder.block, *(builder.append_basic_block(name) for name in ("patches", "patches.end")))
    builder.cbranch(builder.icmp_signed(">", args["count"], index(0)), loop, after)

    builder.position_at_end(loop)
    j = builder.phi(index)
    kept = [builder.phi(code.vector) for _ in patch] if sums else patch
    place = builder.add(args["first"], j)
    scale = code.broadcast(builder.load(code.number_at("g", place)))
    x_at = code.number_at("x", args["x_start"], builder.load(code.number_at("o", place)))
    totals = []
    for (row, v), number in zip(places, kept, strict=True):
        at = row_at(x_at, "row_stride", row)
        there = code.load_vector(at, v)
        if sums:
            totals.append(code.multiply_add(scale, there, number))
        else:
            builder.store(code.multiply_add(scale, number, there), code.vector_at(at, v), align=code.itemsize)
    following = builder.add(j, index(1))
    j.add_incoming(index(0), before)
    j.add_incoming(following, loop)
    for phi, initial, total in zip(kept, patch, totals, strict=False):
        phi.add_incoming(initial, before)
        phi.add_incoming(total, loop)
    builder.cbranch(builder.icmp_signed("<", following, args["count"]), loop, after)

    builder.position_at_end(after)
    results = [builder.phi(code.vector) for _ in totals]
    for (row, v), result, initial, total in zip(places, results, patch, totals, strict=False):
        result.add_incoming(initial, before)
        result.add_incoming(total, loop)
        builder.store(result, code.vector_at(row_at(patch_at, "patch_stride", row), v), align=code.itemsize)


# With 32 registers, 3 rows of 6 vectors stay in 18 of them; with 16, one row of 6 leaves room for the products.
ROWS_AT_ONCE = 3 if COLUMNS == 4 else 1

_sum_6, _sum_2, _sum_1 = (_make(ROWS_AT_ONCE, vectors, sums=True) for vectors in (6, 2, 1))
_add_6, _add_2, _add_1 = (_make(ROWS_AT_ONCE, vectors, sums=False) for vectors in (6, 2, 1))
_sum_row_6, _sum_row_2, _sum_row_1 = (_make(1, vectors, sums=True) for vectors in (6, 2, 1))
_add_row_6, _add_row_2, _add_row_1 = (_make(1, vectors, sums=False) for vectors in (6, 2, 1))


@serial
def sum_patches(g, o, first, count, x, x_start, row_stride, out, out_start, rows, length):
    """out[r, n] += sum of g[j] * x[o[j] + r * row_stride + n] over `count` entries of the list from `first`.

    `rows` rows of `length` numbers, which are whole vectors.
    """
    row = 0
    while row < rows:
        together = ROWS_AT_ONCE if rows - row >= ROWS_AT_ONCE else 1
        _sum_rows(
            g, o, first, count, x, x_start + row * row_stride, row_stride,
            out, out_start + row * length, together, length,
        )  # fmt: skip
        row += together


@serial
def _sum_rows(g, o, first, count, x, x_start, row_stride, out, out_start, together, length):
    lanes = VECTOR_BYTES // x.itemsize
    at = 0
    while at < length:
        left = (length - at) // lanes
        here, there = x_start + at, out_start + at
        if together == 1:
            if left >= 6:
                _sum_row_6(g, o, first, count, x, here, row_stride, out, there, length)
            elif left >= 2:
                _sum_row_2(g, o, first, count, x, here, row_stride, out, there, length)
            else:
                _sum_row_1(g, o, first, count, x, here, row_stride, out, there, length)
        elif left >= 6:
            _sum_6(g, o, first, count, x, here, row_stride, out, there, length)
        elif left >= 2:
            _sum_2(g, o, first, count, x, here, row_stride, out, there, length)
        else:
            _sum_1(g, o, first, count, x, here, row_stride, out, there, length)
        at += (6 if left >= 6 else 2 if left >= 2 else 1) * lanes


@serial
def add_to_patches(g, o, first, count, x, x_start, row_stride, patch, patch_start, rows, length):
    """x[o[j] + r * row_stride + n] += g[j] * patch[r, n] for `count` entries of the list from `first`.

    `rows` rows of `length` numbers, which are whole vectors.
    """
    row = 0
    while row < rows:
        together = ROWS_AT_ONCE if rows - row >= ROWS_AT_ONCE else 1
        _add_to_rows(
            g, o, first, count, x, x_start + row * row_stride, row_stride,
            patch, patch_start + row * length, together, length,
        )  # fmt: skip
        row += together


@serial
def _add_to_rows(g, o, first, count, x, x_start, row_stride, patch, patch_start, together, length):
    lanes = VECTOR_BYTES // x.itemsize
    at = 0
    while at < length:
        left = (length - at) // lanes
        here, there = x_start + at, patch_start + at
        if together == 1:
            if left >= 6:
                _add_row_6(g, o, first, count, x, here, row_stride, patch, there, length)
            elif left >= 2:
                _add_row_2(g, o, first, count, x, here, row_stride, patch, there, length)
            else:
                _add_row_1(g, o, first, count, x, here, row_stride, patch, there, length)
        elif left >= 6:
            _add_6(g, o, first, count, x, here, row_stride, patch, there, length)
        elif left >= 2:
            _add_2(g, o, first, count, x, here, row_stride, patch, there, length)
        else:
            _add_1(g, o, first, count, x, here, row_stride, patch, there, length)
        at += (6 if left >= 6 else 2 if left >= 2 else 1) * lanes
