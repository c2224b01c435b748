"""Sums over a list of scaled patches: the inner loops of a gradient that is nearly all zeros.

A list has numbers g[j] and offsets o[j]; at each offset begins a patch of an array: some rows, `row_stride` apart. A
second patch, of as many rows without gaps, meets them all. Two loops:

    sum_patches       out[r, n]                      +=  sum over j of  g[j] * x[o[j] + r * row_stride + n]
    add_to_patches    x[o[j] + r * row_stride + n]   +=  g[j] * patch[r, n]     for every j, in order

There are many lists, each with a patch of its own, and they are gone through in one call: a list may be short.
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
from numba.core import cgutils

from scratchcnn.kernels.gemm.micro_kernel import COLUMNS
from scratchcnn.kernels.runtime.jit import intrinsic, serial
from scratchcnn.kernels.simd.vectors import VECTOR_BYTES, Vectorized

_NAMES = (
    "g", "o", "list_size", "counts", "lists", "x", "x_start", "row_stride", "patch", "patch_start", "patch_stride",
    "patch_size",
)  # fmt: skip


def _make(rows: int, vectors: int, sums: bool) -> Callable[..., None]:
    """One of the two loops for patches of `rows` rows of `vectors` vectors, as a function for Numba."""

    @intrinsic
    def loop(
        typing_context, g, o, list_size, counts, lists, x, x_start, row_stride, patch, patch_start, patch_stride,
        patch_size,
    ):  # fmt: skip
        number = types.int64
        signature = types.void(g, o, number, counts, number, x, number, number, patch, number, number, number)

        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            args = dict(zip(_NAMES, values, strict=True))
            code = Vectorized(context, builder, dict(zip(_NAMES, signature.args, strict=True)), args)
            with cgutils.for_range(builder, args["lists"]) as number_of_list:
                _emit_list(code, args, number_of_list.index, rows, vectors, sums)
            return context.get_dummy_value()

        return signature, emit

    return loop


def _emit_list(code: Vectorized, args: dict[str, Any], i: Any, rows: int, vectors: int, sums: bool) -> None:
    """Load the patch that stays; for each entry of the list, multiply and add; store the patch if it was the sum."""
    builder, index = code.builder, ir.IntType(64)
    places = [(row, v) for row in range(rows) for v in range(vectors)]

    def row_at(start: Any, stride: str, row: int) -> Any:
        return builder.gep(start, [builder.mul(args[stride], index(row))])

    first, count = builder.mul(i, args["list_size"]), builder.load(code.number_at("counts", i))
    patch_at = code.number_at("patch", args["patch_start"], builder.mul(i, args["patch_size"]))
    patch = [code.load_vector(row_at(patch_at, "patch_stride", row), v) for row, v in places]
    before, loop, after = (builder.block, *(builder.append_basic_block(name) for name in ("patches", "patches.end")))
    builder.cbranch(builder.icmp_signed(">", count, index(0)), loop, after)

    builder.position_at_end(loop)
    j = builder.phi(index)
    kept = [builder.phi(code.vector) for _ in patch] if sums else patch
    place = builder.add(first, j)
    scale = code.broadcast(builder.load(code.number_at("g", place)))
    offset = builder.zext(builder.load(code.number_at("o", place)), index)
    x_at = code.number_at("x", args["x_start"], offset)
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
    builder.cbranch(builder.icmp_signed("<", following, count), loop, after)

    builder.position_at_end(after)
    results = [builder.phi(code.vector) for _ in totals]
    for (row, v), result, initial, total in zip(places, results, patch, totals, strict=False):
        result.add_incoming(initial, before)
        result.add_incoming(total, loop)
        builder.store(result, code.vector_at(row_at(patch_at, "patch_stride", row), v), align=code.itemsize)


# With 32 registers, 3 rows of 6 vectors stay in 18 of them; with 16, one row of 6 leaves room for the products.
ROWS_AT_ONCE = 3 if COLUMNS == 4 else 1

_sum_6, _sum_3, _sum_1 = (_make(ROWS_AT_ONCE, vectors, sums=True) for vectors in (6, 3, 1))
_add_6, _add_3, _add_1 = (_make(ROWS_AT_ONCE, vectors, sums=False) for vectors in (6, 3, 1))
_sum_row_6, _sum_row_3, _sum_row_1 = (_make(1, vectors, sums=True) for vectors in (6, 3, 1))
_add_row_6, _add_row_3, _add_row_1 = (_make(1, vectors, sums=False) for vectors in (6, 3, 1))


@serial
def sum_patches(g, o, list_size, counts, lists, x, row_stride, out, out_start, rows, length):
    """out[i, r, n] += sum over list i of g[j] * x[o[j] + r * row_stride + n], for all lists i.

    List i is the `counts[i]` entries of g and o from i * list_size. `out`, from out_start, holds `lists` patches of
    `rows` rows of `length` numbers, which are whole vectors. All arrays are one-dimensional.
    """
    row = 0
    while row < rows:
        together = ROWS_AT_ONCE if rows - row >= ROWS_AT_ONCE else 1
        _sum_rows(
            g, o, list_size, counts, lists, x, row * row_stride, row_stride,
            out, out_start + row * length, together, length, rows * length,
        )  # fmt: skip
        row += together


@serial
def _sum_rows(
    g, o, list_size, counts, lists, x, x_start, row_stride, out, out_start, together, length, size
):  # fmt: skip
    lanes = VECTOR_BYTES // x.itemsize
    at = 0
    while at < length:
        left = (length - at) // lanes
        here, there = x_start + at, out_start + at
        if together == 1:
            if left >= 6:
                _sum_row_6(g, o, list_size, counts, lists, x, here, row_stride, out, there, length, size)
            elif left >= 3:
                _sum_row_3(g, o, list_size, counts, lists, x, here, row_stride, out, there, length, size)
            else:
                _sum_row_1(g, o, list_size, counts, lists, x, here, row_stride, out, there, length, size)
        elif left >= 6:
            _sum_6(g, o, list_size, counts, lists, x, here, row_stride, out, there, length, size)
        elif left >= 3:
            _sum_3(g, o, list_size, counts, lists, x, here, row_stride, out, there, length, size)
        else:
            _sum_1(g, o, list_size, counts, lists, x, here, row_stride, out, there, length, size)
        at += (6 if left >= 6 else 3 if left >= 3 else 1) * lanes


@serial
def add_to_patches(g, o, list_size, counts, lists, x, row_stride, patch, patch_start, rows, length):
    """x[o[j] + r * row_stride + n] += g[j] * patch[i, r, n] for all entries j of list i, for all lists i.

    Lists and patches are as in `sum_patches`.
    """
    row = 0
    while row < rows:
        together = ROWS_AT_ONCE if rows - row >= ROWS_AT_ONCE else 1
        _add_to_rows(
            g, o, list_size, counts, lists, x, row * row_stride, row_stride,
            patch, patch_start + row * length, together, length, rows * length,
        )  # fmt: skip
        row += together


@serial
def _add_to_rows(
    g, o, list_size, counts, lists, x, x_start, row_stride, patch, patch_start, together, length, size
):  # fmt: skip
    lanes = VECTOR_BYTES // x.itemsize
    at = 0
    while at < length:
        left = (length - at) // lanes
        here, there = x_start + at, patch_start + at
        if together == 1:
            if left >= 6:
                _add_row_6(g, o, list_size, counts, lists, x, here, row_stride, patch, there, length, size)
            elif left >= 3:
                _add_row_3(g, o, list_size, counts, lists, x, here, row_stride, patch, there, length, size)
            else:
                _add_row_1(g, o, list_size, counts, lists, x, here, row_stride, patch, there, length, size)
        elif left >= 6:
            _add_6(g, o, list_size, counts, lists, x, here, row_stride, patch, there, length, size)
        elif left >= 3:
            _add_3(g, o, list_size, counts, lists, x, here, row_stride, patch, there, length, size)
        else:
            _add_1(g, o, list_size, counts, lists, x, here, row_stride, patch, there, length, size)
        at += (6 if left >= 6 else 3 if left >= 3 else 1) * lanes
