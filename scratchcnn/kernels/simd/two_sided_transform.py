"""Two-sided transforms of small matrices, M d Mᵀ, in vector registers: the transforms of Winograd's convolution.

    out[i, j]  =  sum over a, b of  M[i, a] * d[a, b] * M[j, b]         for all channels, side by side in a vector

M is a constant of the generated code, so a zero costs nothing and a one costs an addition. A patch of 6 x 6 pixels
fills 36 vector registers for each vector of channels. It is read once, multiplied by M from the left, column by column,
then by Mᵀ from the right, row by row, and written once.

A transform comes in several sizes, as F(2 x 2, 3 x 3) and F(4 x 4, 3 x 3) do; its first argument selects one.

Cost for an (m, n) matrix: at most 2 * m * n * (n + m) FLOPs per channel. Numerics: sums run over a, then over b,
in order, in the dtype of the arrays, with fused multiply-add where the processor has it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from llvmlite import ir
from numba.core import cgutils

from scratchcnn.kernels.simd.vectors import INDEX, Vectorized, make_intrinsic

Matrix = Sequence[Sequence[float]]

UNDECIDED = 4  # added to the position of a maximum that rounding decides


def make_two_sided_transform(matrices: Mapping[int, Matrix]) -> Any:
    """Make the intrinsic that computes M d Mᵀ, with M = matrices[size].

    Its arguments are listed in `_TwoSidedTransform.arguments`: the patch's pixel (a, b) begins at
    source[source_start + a * source_row + b * source_column], and the result's pixel (i, j) is found alike in `target`.
    All arrays are one-dimensional; `vectors` is the number of vectors of channels.
    """
    return make_intrinsic(_TwoSidedTransform, matrices)


def make_output_transform(matrices: Mapping[int, Matrix]) -> Any:
    """Make the intrinsic that computes max(start + keep * (M d Mᵀ), floor), the outputs of a convolution.

    `start` has one element per channel. `keep` holds integers as wide as the elements, one per pixel of the result,
    whose pixel (i, j) is keep[keep_start + i * keep_row + j]: -1 (all bits set) keeps what the transform computed, and
    0 replaces it by an exact zero.
    """
    return make_intrinsic(_OutputTransform, matrices)


def make_pooled_output_transform(matrices: Mapping[int, Matrix]) -> Any:
    """Make the same with a 2 x 2 max pooling: maxima go to `target`, their positions (0 to 3) to `winners`.

    Near ties are marked by adding `UNDECIDED` to the position of the maximum. There is a near tie
    if the largest element exceeds `floor - tolerance`, and another one, or zero, is closer to it than
    tolerance = spread * magnitude; `spread` has one element per channel. Penalties are added before: those of elements
    1 to 3 of each window to these, and that of element 0 to the distance from zero. `penalties` contains their bits, in
    the order of `keep`. The bits of `undecided[tile]` are set where any position is undecided.
    """
    return make_intrinsic(_PooledOutputTransform, matrices)


class _TwoSidedTransform(Vectorized):
    """Emits a two-sided transform, once for each size."""

    arguments: ClassVar[tuple[str, ...]] = (
        "size", "source", "source_start", "source_row", "source_column",
        "target", "target_start", "target_row", "target_column", "vectors",
    )  # fmt: skip

    def emit(self, matrices: Mapping[int, Matrix]) -> None:
        """Emit one branch per size."""
        for size, matrix in matrices.items():
            with self.builder.if_then(self.builder.icmp_signed("==", self.args["size"], INDEX(size))):
                self.emit_transform(matrix)

    def emit_transform(self, matrix: Matrix) -> None:
        """For each vector of channels: read the patch, transform its columns, then its rows, and write the result."""
        builder, size = self.builder, len(matrix[0])
        with cgutils.for_range(builder, self.args["vectors"]) as channels:
            channel = builder.mul(channels.index, INDEX(self.lanes))
            columns = [[self.load_vector(self.pixel("source", a, b, channel), 0) for a in range(size)]
                       for b in range(size)]  # fmt: skip
            halves = [self.product(matrix, column) for column in columns]
            self.write([self.product(matrix, [half[i] for half in halves]) for i in range(len(matrix))], channel)

    def write(self, results: list[list[Any]], channel: Any) -> None:
        """Store the results, row by row."""
        for i, row in enumerate(results):
            for j, value in enumerate(row):
                at = self.vector_at(self.pixel("target", i, j, channel), 0)
                self.builder.store(value, at, align=self.itemsize)

    def pixel(self, array: str, row: int, column: int, channel: Any) -> Any:
        """Address of a pixel of the source or the target."""
        return self.number_at(array, self.args[f"{array}_start"], self.offset(array, row, column), channel)

    def offset(self, array: str, row: int, column: int) -> Any:
        """Distance of a pixel from the first one."""
        down = self.builder.mul(self.args[f"{array}_row"], INDEX(row))
        return self.builder.add(down, self.builder.mul(self.args[f"{array}_column"], INDEX(column)))

    def product(self, matrix: Matrix, vector: list[Any]) -> list[Any]:
        """The matrix times a column of the patch."""
        return [self.weighted_sum(weights, vector) for weights in matrix]

    def weighted_sum(self, weights: Sequence[float], vector: list[Any]) -> Any:
        """The sum of weights[a] * vector[a], without the zeros and without multiplications by one."""
        total = None
        for weight, value in zip(weights, vector, strict=True):
            if weight == 0:
                continue
            if total is None:
                total = value if weight == 1 else self.builder.fmul(self.constant(weight), value)
            elif abs(weight) == 1:
                total = (self.builder.fadd if weight > 0 else self.builder.fsub)(total, value)
            else:
                total = self.multiply_add(self.constant(weight), value, total)
        return self.constant(0.0) if total is None else total


class _OutputTransform(_TwoSidedTransform):
    """Emits a transform whose results are outputs of a convolution: with bias and ReLU, exact for empty windows."""

    arguments = (*_TwoSidedTransform.arguments, "start", "floor", "keep", "keep_start", "keep_row")

    def write(self, results: list[list[Any]], channel: Any) -> None:
        """Store the results after the epilogue."""
        super().write(self.epilogues(results, channel), channel)

    def epilogues(self, results: list[list[Any]], channel: Any) -> list[list[Any]]:
        """The outputs of a tile from its sums of products."""
        return [[self.epilogue(value, i, j, channel) for j, value in enumerate(row)] for i, row in enumerate(results)]

    def epilogue(self, value: Any, row: int, column: int, channel: Any) -> Any:
        """The output: the total, but at least the floor."""
        start = self.load_vector(self.number_at("start", channel), 0)
        return self.at_least(self.broadcast(self.args["floor"]), self.total(value, row, column, start))

    def total(self, value: Any, row: int, column: int, start: Any) -> Any:
        """Replace the sum by zero where the window is empty, and add the start."""
        builder = self.builder
        bits = ir.VectorType(ir.IntType(8 * self.itemsize), self.lanes)
        at = builder.add(builder.mul(self.args["keep_row"], INDEX(row)), INDEX(column))
        keep = self.broadcast(builder.load(self.number_at("keep", self.args["keep_start"], at)), bits)
        kept = builder.bitcast(builder.and_(builder.bitcast(value, bits), keep), self.vector)
        return builder.fadd(kept, start)

    def at_least(self, floor: Any, value: Any) -> Any:
        """max(value, floor), where a NaN stays NaN."""
        return self.builder.select(self.builder.fcmp_ordered("<", value, floor), floor, value)


class _Window(NamedTuple):
    """A 2 x 2 pooling window of a tile."""

    totals: list[Any]
    row: int  # of its first element in the tile
    column: int
    largest: Any
    winner: Any  # the position of the largest, stored at `winner_at`
    winner_at: Any


class _PooledOutputTransform(_OutputTransform):
    """Emits the same, pooled 2 x 2 before anything is stored, with near ties marked."""

    arguments = (
        *_OutputTransform.arguments, "winners", "spread", "magnitude", "penalties", "undecided", "tile",
    )  # fmt: skip

    def write(self, results: list[list[Any]], channel: Any) -> None:
        """Store the maximum of every 2 x 2 outputs and its position; then mark near ties."""
        start = self.load_vector(self.number_at("start", channel), 0)
        totals = [[self.total(value, i, j, start) for j, value in enumerate(row)] for i, row in enumerate(results)]
        windows = []
        for i in range(0, len(totals), 2):
            for j in range(0, len(totals), 2):
                window = [totals[i][j], totals[i][j + 1], totals[i + 1][j], totals[i + 1][j + 1]]
                windows.append(self.write_window(window, i, j, channel))
        self.mark_near_ties(windows, channel)

    def write_window(self, totals: list[Any], row: int, column: int, channel: Any) -> _Window:
        """Store the maximum of a window and its position."""
        builder, floor = self.builder, self.broadcast(self.args["floor"])
        bytes_ = ir.VectorType(ir.IntType(8), self.lanes)
        largest, winner = totals[0], ir.Constant(bytes_, [0] * self.lanes)
        for position, candidate in enumerate(totals[1:], start=1):
            wins = self.wins(candidate, largest)
            largest = builder.select(wins, candidate, largest)
            winner = builder.select(wins, ir.Constant(bytes_, [position] * self.lanes), winner)
        clipped = builder.fcmp_ordered("<=", largest, floor)
        output = builder.select(clipped, self.at_least(floor, totals[0]), largest)
        winner = builder.select(clipped, ir.Constant(bytes_, [0] * self.lanes), winner)
        target = self.args["target_start"], self.offset("target", row // 2, column // 2), channel
        builder.store(output, self.vector_at(self.number_at("target", *target), 0), self.itemsize)
        winner_at = builder.bitcast(self.number_at("winners", *target), bytes_.as_pointer())
        builder.store(winner, winner_at, align=1)
        return _Window(totals, row, column, largest, winner, winner_at)

    def mark_near_ties(self, windows: list[_Window], channel: Any) -> None:
        """Mark the windows with a near tie whose largest element is above the floor and no NaN, if there are any."""
        builder, flag = self.builder, self.number_at("undecided", self.args["tile"])
        spread = self.load_vector(self.number_at("spread", channel), 0)
        tolerance = builder.fmul(spread, self.broadcast(self.args["magnitude"]))
        distances = [self.distance(window) for window in windows]
        nearest = functools.reduce(lambda one, other: self.sorted(one, other)[0], distances)
        with builder.if_then(self.any_lane(builder.fcmp_ordered("<", nearest, tolerance)), likely=False):
            lowest = builder.fsub(self.broadcast(self.args["floor"]), tolerance)
            for window, distance in zip(windows, distances, strict=True):
                near = builder.fcmp_ordered("<", distance, tolerance)
                near = builder.and_(near, builder.fcmp_ordered(">", window.largest, lowest))
                marked = builder.or_(window.winner, ir.Constant(window.winner.type, [UNDECIDED] * self.lanes))
                builder.store(builder.select(near, marked, window.winner), window.winner_at, align=1)
                found = builder.zext(builder.bitcast(near, ir.IntType(self.lanes)), INDEX)
                builder.store(builder.or_(builder.load(flag), found), flag)

    def distance(self, window: _Window) -> Any:
        """How far the largest element is from the second largest, or from zero, whichever is less, with penalties."""
        builder = self.builder
        of_zero, *penalties = [self.penalty(window.row + k // 2, window.column + k % 2) for k in range(4)]
        totals = [window.totals[0], *map(builder.fadd, window.totals[1:], penalties)]
        (low_1, high_1), (low_2, high_2) = self.sorted(*totals[:2]), self.sorted(*totals[2:])
        high, best = self.sorted(high_1, high_2)
        second = self.sorted(self.sorted(low_1, low_2)[1], high)[1]
        return self.sorted(builder.fsub(best, second), builder.fadd(self.magnitude(best), of_zero))[0]

    def penalty(self, row: int, column: int) -> Any:
        """The penalty of an output, in every lane."""
        at = self.builder.add(self.builder.mul(self.args["keep_row"], INDEX(row)), INDEX(column))
        bits = self.builder.load(self.number_at("penalties", self.args["keep_start"], at))
        return self.broadcast(self.builder.bitcast(bits, self.number))

    def any_lane(self, mask: Any) -> Any:
        """Whether any lane of a mask is set."""
        word = ir.IntType(self.lanes)
        return self.builder.icmp_unsigned("!=", self.builder.bitcast(mask, word), word(0))

    def sorted(self, a: Any, b: Any) -> tuple[Any, Any]:
        """The smaller and the larger of two, in each lane; both are b if any is NaN."""
        less, greater = (self.builder.fcmp_ordered(sign, a, b) for sign in "<>")
        return self.builder.select(less, a, b), self.builder.select(greater, a, b)

    def magnitude(self, a: Any) -> Any:
        """The absolute values."""
        kind = ir.VectorType(ir.IntType(8 * self.itemsize), self.lanes)
        without_sign = ir.Constant(kind, [(1 << (8 * self.itemsize - 1)) - 1] * self.lanes)
        return self.builder.bitcast(self.builder.and_(self.builder.bitcast(a, kind), without_sign), self.vector)
