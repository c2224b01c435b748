"""The register tile: the one inner product under every matrix product.

    C[m, n] = start[n] + sum over k of  A[m, k] * B[k, n]        6 rows m, up to 4 vectors of columns n

The 6 x 4 sums stay in vector registers while k runs: one step loads one row of B, and multiplies it by six numbers of
A, each copied to all lanes. So 24 multiply-adds need 10 loads, and a core can do its two multiply-adds per cycle
(Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication", section 6).

A need not be a matrix in memory. Its elements are found by two tables of offsets,

    A[m, k] = a[a_start + a_rows[m] + a_columns[k]]

and that is all that im2col is: the element of output pixel m and kernel element k lies at the pixel's corner plus a
way from there that is the same for every pixel. So a convolution is a matrix product that walks the image in place.

Cost: 2 * 6 * columns * lanes FLOPs per k. Numerics: each sum runs over k in order, in the arrays' own dtype, with
fused multiply-add where the processor has it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.core import cgutils

from scratchcnn.kernels.runtime.jit import intrinsic
from scratchcnn.kernels.runtime.processor import vectors
from scratchcnn.kernels.simd.vectors import Vectorized

ROWS = 6
COLUMNS = vectors().tile_columns

_index = ir.IntType(64)


class _Arguments(NamedTuple):
    """The tile's arguments, in order; first as Numba types, then as LLVM values."""

    a: Any  # numbers of A, one-dimensional
    a_start: Any
    a_rows: Any  # int64, offset of each row m
    row: Any  # first row of the tile ...
    row_count: Any  # ... and how many are wanted, 1 to 6
    a_columns: Any  # int64, offset of each k
    k: Any  # first k ...
    k_count: Any  # ... and how many, 1 or more
    b: Any  # numbers of B, one-dimensional; row k begins at b_start + (k - first k) * b_stride
    b_start: Any
    b_stride: Any
    start: Any  # one row of numbers, as wide as the tile, from start_at
    start_at: Any
    c: Any  # numbers of C, one-dimensional; row m begins at c_start + c_rows[m]
    c_start: Any
    c_rows: Any  # int64
    column_count: Any  # columns wanted, 1 to the width of the tile
    accumulate: Any  # 0: C becomes the sum; 1: the sum is added to C
    rectify: Any  # 1: ... and what is negative then becomes 0 (ReLU, while the numbers are still in registers)


def make_tile(columns: int) -> Callable[..., None]:
    """The tile of `columns` vectors as a function for Numba; its arguments are those of `_Arguments`."""

    @intrinsic
    def tile(
        typing_context, a, a_start, a_rows, row, row_count, a_columns, k, k_count,
        b, b_start, b_stride, start, start_at, c, c_start, c_rows, column_count, accumulate, rectify,
    ):  # fmt: skip
        args = _Arguments(
            a, a_start, a_rows, row, row_count, a_columns, k, k_count,
            b, b_start, b_stride, start, start_at, c, c_start, c_rows, column_count, accumulate, rectify,
        )  # fmt: skip
        signature = types.void(*(arg if isinstance(arg, types.Array) else types.int64 for arg in args))

        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            _TileEmitter(context, builder, _Arguments(*signature.args), _Arguments(*values), columns).emit()
            return context.get_dummy_value()

        return signature, emit

    return tile


class _TileEmitter(Vectorized):
    """Writes the instructions of one tile into the function that calls it."""

    def __init__(self, context: Any, builder: Any, kinds: _Arguments, values: _Arguments, columns: int) -> None:
        super().__init__(context, builder, kinds._asdict(), values._asdict())
        self.columns = columns
        self.tile = values

    def emit(self) -> None:
        """One pass over k with all sums in registers, then one pass over C."""
        builder, args = self.builder, self.tile
        a_rows = [self.number_at("a", args.a_start, self.row_offset("a_rows", m)) for m in range(ROWS)]
        b_row = self.number_at("b", args.b_start)
        sums = [self.load_vector(self.number_at("start", args.start_at), v) for v in range(self.columns)] * ROWS

        before, loop, after = builder.block, builder.append_basic_block("k"), builder.append_basic_block("k.end")
        builder.branch(loop)
        builder.position_at_end(loop)
        step = builder.phi(_index)
        sum_phis = [builder.phi(self.vector) for _ in sums]
        new_sums = self.add_products(a_rows, b_row, step, sum_phis)
        next_step = builder.add(step, _index(1))
        for phi, first, following in zip([step, *sum_phis], [_index(0), *sums], [next_step, *new_sums], strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(following, loop)
        builder.cbranch(builder.icmp_signed("<", next_step, args.k_count), loop, after)
        builder.position_at_end(after)
        self.store(new_sums)

    def add_products(self, a_rows: list[Any], b_row: Any, step: Any, sums: list[Any]) -> list[Any]:
        """The step k: sums[m, v] + A[m, k] * B[k, v], for all m and v."""
        builder, args = self.builder, self.tile
        a_column = builder.load(builder.gep(self.data["a_columns"], [builder.add(args.k, step)]))
        b_at = builder.gep(b_row, [builder.mul(step, args.b_stride)])
        b = [self.load_vector(b_at, v) for v in range(self.columns)]
        new_sums = []
        for m in range(ROWS):
            a = self.broadcast(builder.load(builder.gep(a_rows[m], [a_column])))
            new_sums += [self.multiply_add(a, b[v], sums[m * self.columns + v]) for v in range(self.columns)]
        return new_sums

    def store(self, sums: list[Any]) -> None:
        """Whole tiles go to C by vectors; a tile that is cut off on the right or below, number by number."""
        builder, args = self.builder, self.tile
        whole = builder.and_(
            builder.icmp_signed("==", args.row_count, _index(ROWS)),
            builder.icmp_signed("==", args.column_count, _index(self.columns * self.lanes)),
        )
        with builder.if_else(whole) as (then, otherwise):
            with then, builder.if_else(self.accumulates()) as (add, put):
                for branch, adds in ((add, True), (put, False)):
                    with branch:
                        self.store_vectors(sums, adds)
            with otherwise:
                self.store_numbers(sums)

    def store_vectors(self, sums: list[Any], adds: bool) -> None:
        """Store a whole tile, a vector at a time."""
        floor = self.broadcast(self.floor())
        for m in range(ROWS):
            c_row = self.number_at("c", self.tile.c_start, self.row_offset("c_rows", m))
            for v in range(self.columns):
                value, at = sums[m * self.columns + v], self.vector_at(c_row, v)
                if adds:
                    value = self.builder.fadd(self.builder.load(at, align=self.itemsize), value)
                self.builder.store(self.at_least(floor, value), at, align=self.itemsize)

    def store_numbers(self, sums: list[Any]) -> None:
        """Store what is wanted of a tile that is cut off: all of it to the stack, then number by number."""
        builder, args = self.builder, self.tile
        width = self.columns * self.lanes
        spilled = cgutils.alloca_once(builder, self.number, size=_index(ROWS * width))
        for i, value in enumerate(sums):
            builder.store(value, self.vector_at(spilled, i), align=self.itemsize)
        with cgutils.for_range(builder, args.row_count) as m:
            offset = builder.load(builder.gep(self.data["c_rows"], [builder.add(args.row, m.index)]))
            c_row = self.number_at("c", args.c_start, offset)
            with cgutils.for_range(builder, args.column_count) as n:
                value = builder.load(builder.gep(spilled, [builder.add(builder.mul(m.index, _index(width)), n.index)]))
                at = builder.gep(c_row, [n.index])
                total = builder.select(self.accumulates(), builder.fadd(builder.load(at), value), value)
                builder.store(self.at_least(self.floor(), total), at)

    def floor(self) -> Any:
        """What no result lies below: 0 with ReLU, else minus infinity."""
        rectifies = self.builder.icmp_signed("!=", self.tile.rectify, _index(0))
        return self.builder.select(rectifies, self.number(0.0), self.number(float("-inf")))

    def at_least(self, floor: Any, value: Any) -> Any:
        """max(value, floor), where a NaN stays NaN."""
        return self.builder.select(self.builder.fcmp_ordered("<", value, floor), floor, value)

    def accumulates(self) -> Any:
        return self.builder.icmp_signed("!=", self.tile.accumulate, _index(0))

    def row_offset(self, table: str, m: int) -> Any:
        """Entry `m` of the tile's rows in a table; rows that are not wanted repeat the last one that is."""
        builder, args = self.builder, self.tile
        last = builder.sub(args.row_count, _index(1))
        m_or_last = builder.select(builder.icmp_signed("<", _index(m), last), _index(m), last)
        return builder.load(builder.gep(self.data[table], [builder.add(args.row, m_or_last)]))
