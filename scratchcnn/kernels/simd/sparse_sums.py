"""Sums over scaled patches of an array: the inner loops of a gradient in which most elements are zero.

A compressed column (`compress`) has values g[j] and, as indices, offsets o[j]; at each offset begins a patch of an
array x: some rows, `row_stride` apart. A second, contiguous patch of the same size belongs to the column. Two loops:

    sum_patches       patch[r, n]                    +=  sum over j of  g[j] * x[o[j] + r * row_stride + n]
    add_to_patches    x[o[j] + r * row_stride + n]   +=  g[j] * patch[r, n]     for every j, in order

Columns may be short, so one call goes through all of them. In both loops a block of the column's own patch stays in
vector registers while j runs, as much of it as there are registers for. A step then costs one load per vector and, in
`add_to_patches`, one store.

Cost: 2 FLOPs per element of each patch. Numerics: sums run over j in order, in the dtype of the arrays, with fused
multiply-add where the processor has it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba.core import cgutils

from scratchcnn.kernels.gemm.micro_kernel import COLUMNS
from scratchcnn.kernels.runtime.jit import serial
from scratchcnn.kernels.simd.vectors import INDEX, VECTOR_BYTES, Vectorized, make_intrinsic
from scratchcnn.operands import Array

# With 32 registers, 3 rows of 6 vectors stay in 18 of them; with 16, one row of 6 leaves room for the products.
ROWS_AT_ONCE = 3 if COLUMNS == 4 else 1
BLOCKS = [(rows, vectors) for rows in sorted({ROWS_AT_ONCE, 1}, reverse=True) for vectors in (6, 3, 1)]


class Patches(NamedTuple):
    """Contiguous patches, one per column: `rows` rows of `length` elements, which are whole vectors, from `start` on.

    `values` is one-dimensional.
    """

    values: Array
    start: int
    rows: int
    length: int


@serial
def sum_patches(columns, count, x, row_stride, patches):
    """Add to the patch of each of the first `count` compressed columns the scaled patches of x."""
    _each_block(np.int64(1), columns, count, x, row_stride, patches)


@serial
def add_to_patches(columns, count, x, row_stride, patches):
    """Add the patch of each of the first `count` compressed columns, scaled, to the patches of x."""
    _each_block(np.int64(0), columns, count, x, row_stride, patches)


@serial
def _each_block(sums, columns, count, x, row_stride, patches):
    """Cover the patches by blocks that fit into the registers; for each block go through all columns.

    `sums` is an int64, because Numba would compile the function once for each literal.
    """
    values, start, rows, length = patches
    lanes = VECTOR_BYTES // x.itemsize
    row = 0
    while row < rows:
        together = ROWS_AT_ONCE if rows - row >= ROWS_AT_ONCE else 1
        at = 0
        while at < length:
            left = (length - at) // lanes
            vectors = 6 if left >= 6 else 3 if left >= 3 else 1
            _block(
                sums, together, vectors, columns.values, columns.indices, columns.size, columns.counts, count,
                x, row * row_stride + at, row_stride, values, start + row * length + at, length, rows * length,
            )  # fmt: skip
            at += vectors * lanes
        row += together


class _Block(Vectorized):
    """Emits one of the two loops (`sums`: 1 for sum_patches, 0 for add_to_patches) over a block of all patches."""

    arguments = (
        "sums", "rows", "vectors", "g", "o", "size", "counts", "columns",
        "x", "x_start", "row_stride", "patch", "patch_start", "patch_stride", "patch_size",
    )  # fmt: skip

    def emit(self) -> None:
        """Emit one branch for each loop and each size of a block."""
        for sums in (True, False):
            for rows, vectors in BLOCKS:
                chosen = [("sums", int(sums)), ("rows", rows), ("vectors", vectors)]
                tests = [self.builder.icmp_signed("==", self.args[name], INDEX(value)) for name, value in chosen]
                with (
                    self.builder.if_then(self.builder.and_(tests[0], self.builder.and_(tests[1], tests[2]))),
                    cgutils.for_range(self.builder, self.args["columns"]) as column,
                ):
                    self.emit_column(column.index, rows, vectors, sums)

    def emit_column(self, i: Any, rows: int, vectors: int, sums: bool) -> None:
        """Load the column's own block; for each value multiply and add; store the block if it was the sum."""
        builder, args = self.builder, self.args
        places = [(row, v) for row in range(rows) for v in range(vectors)]

        def row_at(start: Any, stride: str, row: int) -> Any:
            return builder.gep(start, [builder.mul(args[stride], INDEX(row))])

        first, count = builder.mul(i, args["size"]), builder.load(self.number_at("counts", i))
        patch_at = self.number_at("patch", args["patch_start"], builder.mul(i, args["patch_size"]))
        patch = [self.load_vector(row_at(patch_at, "patch_stride", row), v) for row, v in places]
        before, loop, after = (builder.block, *(builder.append_basic_block(name) for name in ("values", "values.end")))
        builder.cbranch(builder.icmp_signed(">", count, INDEX(0)), loop, after)

        builder.position_at_end(loop)
        j = builder.phi(INDEX)
        kept = [builder.phi(self.vector) for _ in patch] if sums else patch
        place = builder.add(first, j)
        scale = self.broadcast(builder.load(self.number_at("g", place)))
        offset = builder.zext(builder.load(self.number_at("o", place)), INDEX)
        x_at = self.number_at("x", args["x_start"], offset)
        totals = []
        for (row, v), number in zip(places, kept, strict=True):
            at = row_at(x_at, "row_stride", row)
            there = self.load_vector(at, v)
            if sums:
                totals.append(self.multiply_add(scale, there, number))
            else:
                total = self.multiply_add(scale, number, there)
                builder.store(total, self.vector_at(at, v), align=self.itemsize)
        following = builder.add(j, INDEX(1))
        j.add_incoming(INDEX(0), before)
        j.add_incoming(following, loop)
        for phi, initial, total in zip(kept, patch, totals, strict=False):
            phi.add_incoming(initial, before)
            phi.add_incoming(total, loop)
        builder.cbranch(builder.icmp_signed("<", following, count), loop, after)

        builder.position_at_end(after)
        results = [builder.phi(self.vector) for _ in totals]
        for (row, v), result, initial, total in zip(places, results, patch, totals, strict=False):
            result.add_incoming(initial, before)
            result.add_incoming(total, loop)
            at = self.vector_at(row_at(patch_at, "patch_stride", row), v)
            builder.store(result, at, align=self.itemsize)


_block = make_intrinsic(_Block)
