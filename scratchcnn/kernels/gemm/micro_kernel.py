"""The micro-kernel: the register-blocked inner product under every matrix product.

    C[m, n] = start[n] + sum over k of  A[m, k] * B[k, n]        6 rows m, up to 4 vectors of columns n

The 6 x 4 sums stay in vector registers while k runs: one step loads one row of B and multiplies it by six elements of
A, each broadcast to all lanes. So 24 multiply-adds need 10 loads, and a core can do its two multiply-adds per cycle
(Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication", section 6).

A tile of one or two rows, as for a single image in a dense layer, has a second version without the other four rows:
the micro-kernel would spend three times as long on their multiply-adds as the matrix B takes to arrive from memory.

A need not be a matrix in memory. Its elements are found by two tables of offsets,

    A[m, k] = a[a_start + a_rows[m] + a_columns[k]]

and that is all that im2col takes: the element of output pixel m and kernel element k has the offset of the window's
corner plus an offset inside the window, which is the same for every pixel. So a convolution is a matrix product that
reads the image in place (implicit GEMM).

Cost: 2 * 6 * columns * lanes FLOPs per k. Numerics: each sum runs over k in order, in the dtype of the arrays, with
fused multiply-add where the processor has it.
"""

from __future__ import annotations

from typing import Any

from numba.core import cgutils

from scratchcnn.kernels.runtime.processor import vectors
from scratchcnn.kernels.simd.vectors import INDEX, Vectorized, make_intrinsic

ROWS = 6
COLUMNS = vectors().tile_columns
FEW_ROWS = 2  # up to which the second version is used


class _MicroKernel(Vectorized):
    """Emits the micro-kernel, once for each number of vectors side by side."""

    arguments = (
        "vectors",  # of columns: 1 to COLUMNS
        "a",  # elements of A, one-dimensional
        "a_start",
        "a_rows",  # int64, offset of each row m
        "row",  # first row of the tile ...
        "row_count",  # ... and how many are computed, 1 to 6
        "a_columns",  # int64, offset of each k
        "k",  # first k ...
        "k_count",  # ... and how many, 1 or more
        "b",  # elements of B, one-dimensional; row k begins at b_start + (k - first k) * b_stride
        "b_start",
        "b_stride",
        "start",  # one row of elements, as wide as the tile, from start_at
        "start_at",
        "c",  # elements of C, one-dimensional; row m begins at c_start + c_rows[m]
        "c_start",
        "c_rows",  # int64
        "column_count",  # columns that are stored, 1 to the width of the tile
        "accumulate",  # 0: C becomes the sum; 1: the sum is added to C
        "rectify",  # 1: then the ReLU is applied, while the results are in registers
    )

    def emit(self) -> None:
        """Emit one branch for each number of vectors, and a second one for few rows of `COLUMNS` vectors."""
        builder, args = self.builder, self.args
        are_few = builder.icmp_signed("<=", args["row_count"], INDEX(FEW_ROWS))
        for columns in range(COLUMNS, 0, -1):
            with builder.if_then(builder.icmp_signed("==", args["vectors"], INDEX(columns))):
                if columns < COLUMNS:  # each sum waits for the previous one, and fewer sums take as long
                    self.emit_tile(ROWS, columns)
                    continue
                with builder.if_else(are_few) as (few, many):
                    with few:
                        self.emit_tile(FEW_ROWS, columns)
                    with many:
                        self.emit_tile(ROWS, columns)

    def emit_tile(self, rows: int, columns: int) -> None:
        """One pass over k with all sums in registers, then one pass over C."""
        builder, args = self.builder, self.args
        a_rows = [self.number_at("a", args["a_start"], self.row_offset("a_rows", m)) for m in range(rows)]
        b_row = self.number_at("b", args["b_start"])
        sums = [self.load_vector(self.number_at("start", args["start_at"]), v) for v in range(columns)] * rows

        before, loop, after = builder.block, builder.append_basic_block("k"), builder.append_basic_block("k.end")
        builder.branch(loop)
        builder.position_at_end(loop)
        step = builder.phi(INDEX)
        sum_phis = [builder.phi(self.vector) for _ in sums]
        new_sums = self.add_products(a_rows, b_row, step, sum_phis)
        next_step = builder.add(step, INDEX(1))
        for phi, first, following in zip([step, *sum_phis], [INDEX(0), *sums], [next_step, *new_sums], strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(following, loop)
        builder.cbranch(builder.icmp_signed("<", next_step, args["k_count"]), loop, after)
        builder.position_at_end(after)
        self.store(new_sums, columns)

    def add_products(self, a_rows: list[Any], b_row: Any, step: Any, sums: list[Any]) -> list[Any]:
        """The step k: sums[m, v] + A[m, k] * B[k, v], for all m and v."""
        builder, args, columns = self.builder, self.args, len(sums) // len(a_rows)
        a_column = builder.load(builder.gep(self.data["a_columns"], [builder.add(args["k"], step)]))
        b_at = builder.gep(b_row, [builder.mul(step, args["b_stride"])])
        b = [self.load_vector(b_at, v) for v in range(columns)]
        new_sums = []
        for m, a_row in enumerate(a_rows):
            a = self.broadcast(builder.load(builder.gep(a_row, [a_column])))
            new_sums += [self.multiply_add(a, b[v], sums[m * columns + v]) for v in range(columns)]
        return new_sums

    def store(self, sums: list[Any], columns: int) -> None:
        """Store a whole tile by vectors, and a tile that is cut off on the right or below element by element."""
        builder, args, rows = self.builder, self.args, len(sums) // columns
        whole = builder.and_(
            builder.icmp_signed("==", args["row_count"], INDEX(rows)),
            builder.icmp_signed("==", args["column_count"], INDEX(columns * self.lanes)),
        )
        with builder.if_else(whole) as (then, otherwise):
            with then, builder.if_else(self.accumulates()) as (add, put):
                for branch, adds in ((add, True), (put, False)):
                    with branch:
                        self.store_vectors(sums, columns, adds)
            with otherwise:
                self.store_elements(sums, columns)

    def store_vectors(self, sums: list[Any], columns: int, adds: bool) -> None:
        """Store a whole tile, a vector at a time."""
        floor = self.broadcast(self.floor())
        for m in range(len(sums) // columns):
            c_row = self.number_at("c", self.args["c_start"], self.row_offset("c_rows", m))
            for v in range(columns):
                value, at = sums[m * columns + v], self.vector_at(c_row, v)
                if adds:
                    value = self.builder.fadd(self.builder.load(at, align=self.itemsize), value)
                self.builder.store(self.at_least(floor, value), at, align=self.itemsize)

    def store_elements(self, sums: list[Any], columns: int) -> None:
        """Store a tile that is cut off: all of it to the stack, then the part inside C element by element."""
        builder, args = self.builder, self.args
        width = columns * self.lanes
        spilled = cgutils.alloca_once(builder, self.number, size=INDEX(len(sums) * self.lanes))
        for i, value in enumerate(sums):
            builder.store(value, self.vector_at(spilled, i), align=self.itemsize)
        with cgutils.for_range(builder, args["row_count"]) as m:
            offset = builder.load(builder.gep(self.data["c_rows"], [builder.add(args["row"], m.index)]))
            c_row = self.number_at("c", args["c_start"], offset)
            with cgutils.for_range(builder, args["column_count"]) as n:
                value = builder.load(builder.gep(spilled, [builder.add(builder.mul(m.index, INDEX(width)), n.index)]))
                at = builder.gep(c_row, [n.index])
                total = builder.select(self.accumulates(), builder.fadd(builder.load(at), value), value)
                builder.store(self.at_least(self.floor(), total), at)

    def floor(self) -> Any:
        """The smallest result: 0 with ReLU, else minus infinity."""
        rectifies = self.builder.icmp_signed("!=", self.args["rectify"], INDEX(0))
        return self.builder.select(rectifies, self.number(0.0), self.number(float("-inf")))

    def at_least(self, floor: Any, value: Any) -> Any:
        """max(value, floor), where a NaN stays NaN."""
        return self.builder.select(self.builder.fcmp_ordered("<", value, floor), floor, value)

    def accumulates(self) -> Any:
        return self.builder.icmp_signed("!=", self.args["accumulate"], INDEX(0))

    def row_offset(self, table: str, m: int) -> Any:
        """Entry `m` of the tile's rows in a table; rows beyond the last one that is computed repeat it."""
        builder, args = self.builder, self.args
        last = builder.sub(args["row_count"], INDEX(1))
        m_or_last = builder.select(builder.icmp_signed("<", INDEX(m), last), INDEX(m), last)
        return builder.load(builder.gep(self.data[table], [builder.add(args["row"], m_or_last)]))


micro_kernel = make_intrinsic(_MicroKernel)
