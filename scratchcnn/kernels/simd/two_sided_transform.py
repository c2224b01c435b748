"""A small matrix on both sides of a patch of an image, M d Mᵀ, in vector registers: the transforms of Winograd.

    out[i, j]  =  sum over a, b of  M[i, a] * d[a, b] * M[j, b]         for all channels side by side

M is known when the code is made, so its zeros cost nothing and its ones cost an addition. A patch of 6 x 6 pixels is 36
vectors for each vector of channels; they are read once, multiplied by M from the left, column by column, then from the
right, row by row, and written once.

Cost for an (m, n) matrix: at most 2 * m * n * (n + m) FLOPs for each channel. Numerics: sums run over a, then over b,
in order, in the arrays' own dtype, with fused multiply-add where the processor has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from scratchcnn.kernels.runtime.jit import intrinsic
from scratchcnn.kernels.simd.vectors import Vectorized

Matrix = Sequence[Sequence[float]]

_index = ir.IntType(64)
_SOURCE = ("source", "source_start", "source_row", "source_column")
_TARGET = ("target", "target_start", "target_row", "target_column", "vectors")


def make_sandwich(matrix: Matrix) -> Callable[..., None]:
    """M d Mᵀ as a function for Numba.

    The function's arguments: `source`, one-dimensional, pixel (a, b) of the patch at source_start + a * source_row +
    b * source_column; `target` alike; and how many `vectors` of channels.
    """

    @intrinsic
    def sandwich(
        typing_context, source, source_start, source_row, source_column,
        target, target_start, target_row, target_column, vectors,
    ):  # fmt: skip
        kinds = (
            source, source_start, source_row, source_column, target, target_start, target_row, target_column, vectors,
        )  # fmt: skip
        return _signature_and_emitter(_Sandwich, matrix, _SOURCE + _TARGET, kinds)

    return sandwich


def make_last_sandwich(matrix: Matrix) -> Callable[..., None]:
    """The same with an epilogue: a number of `start` for each channel is added, and nothing lies below `floor`."""

    @intrinsic
    def sandwich(
        typing_context, source, source_start, source_row, source_column,
        target, target_start, target_row, target_column, vectors, start, floor,
    ):  # fmt: skip
        names = (*_SOURCE, *_TARGET, "start", "floor")
        kinds = (
            source, source_start, source_row, source_column, target, target_start, target_row, target_column, vectors,
            start, floor,
        )  # fmt: skip
        return _signature_and_emitter(_LastSandwich, matrix, names, kinds)

    return sandwich


def make_pooled_sandwich(matrix: Matrix) -> Callable[..., None]:
    """The same, and of every 2 x 2 results the largest goes to the target and its number, 0 to 3, to `winners`."""

    @intrinsic
    def sandwich(
        typing_context, source, source_start, source_row, source_column,
        target, target_start, target_row, target_column, vectors, start, floor, winners,
    ):  # fmt: skip
        names = (*_SOURCE, *_TARGET, "start", "floor", "winners")
        kinds = (
            source, source_start, source_row, source_column, target, target_start, target_row, target_column, vectors,
            start, floor, winners,
        )  # fmt: skip
        return _signature_and_emitter(_PooledSandwich, matrix, names, kinds)

    return sandwich


def _signature_and_emitter(
    emitter: type[_Sandwich], matrix: Matrix, names: tuple[str, ...], kinds: tuple[Any, ...]
) -> tuple[Any, Callable[..., Any]]:
    floats = (types.Array, types.Float)
    signature = types.void(*(kind if isinstance(kind, floats) else types.int64 for kind in kinds))

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        named_kinds, named_values = dict(zip(names, signature.args, strict=True)), dict(zip(names, values, strict=True))
        emitter(context, builder, named_kinds, named_values, matrix).emit()
        return context.get_dummy_value()

    return signature, emit


class _Sandwich(Vectorized):
    """Writes the instructions of one transform into the function that calls it."""

    def __init__(
        self, context: Any, builder: Any, kinds: dict[str, Any], values: dict[str, Any], matrix: Matrix
    ) -> None:
        super().__init__(context, builder, kinds, values)
        self.matrix, self.args = matrix, values

    def emit(self) -> None:
        """For each vector of channels: read the patch, transform its columns, then its rows, and write."""
        builder, size = self.builder, len(self.matrix[0])
        with cgutils.for_range(builder, self.args["vectors"]) as channels:
            channel = builder.mul(channels.index, _index(self.lanes))
            halves = [self.product([self.load_vector(self.pixel("source", a, b, channel), 0) for a in range(size)])
                      for b in range(size)]  # fmt: skip
            self.write([self.product([half[i] for half in halves]) for i in range(len(self.matrix))], channel)

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
        """How far a pixel lies from the first."""
        down = self.builder.mul(self.args[f"{array}_row"], _index(row))
        return self.builder.add(down, self.builder.mul(self.args[f"{array}_column"], _index(column)))

    def product(self, vector: list[Any]) -> list[Any]:
        """M times a column of the patch."""
        return [self.weighted_sum(weights, vector) for weights in self.matrix]

    def weighted_sum(self, weights: Sequence[float], vector: list[Any]) -> Any:
        """The sum of weights[a] * vector[a], leaving out zeros and multiplications by one."""
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

    def constant(self, number: float) -> Any:
        """A vector with the same number in every lane."""
        return ir.Constant(self.vector, [float(number)] * self.lanes)


class _LastSandwich(_Sandwich):
    """A transform whose results are those of a convolution: with bias and ReLU."""

    def write(self, results: list[list[Any]], channel: Any) -> None:
        """Store the results after the epilogue."""
        super().write([[self.epilogue(value, channel) for value in row] for row in results], channel)

    def epilogue(self, value: Any, channel: Any) -> Any:
        """Add the start and cut at the floor; a NaN stays NaN."""
        total = self.builder.fadd(value, self.load_vector(self.number_at("start", channel), 0))
        floor = self.broadcast(self.args["floor"])
        return self.builder.select(self.builder.fcmp_ordered("<", total, floor), floor, total)


class _PooledSandwich(_LastSandwich):
    """The same, pooled 2 x 2 before anything is stored."""

    def write(self, results: list[list[Any]], channel: Any) -> None:
        """Store the largest of every 2 x 2 results after the epilogue, and which it was."""
        builder = self.builder
        bytes_ = ir.VectorType(ir.IntType(8), self.lanes)
        outputs = [[self.epilogue(value, channel) for value in row] for row in results]
        for i in range(0, len(outputs), 2):
            for j in range(0, len(outputs), 2):
                window = [outputs[i][j], outputs[i][j + 1], outputs[i + 1][j], outputs[i + 1][j + 1]]
                best, winner = window[0], ir.Constant(bytes_, [0] * self.lanes)
                for number, candidate in enumerate(window[1:], start=1):
                    wins = self.wins(candidate, best)
                    best = builder.select(wins, candidate, best)
                    winner = builder.select(wins, ir.Constant(bytes_, [number] * self.lanes), winner)
                offset = self.offset("target", i // 2, j // 2)
                start = self.args["target_start"]
                builder.store(best, self.vector_at(self.number_at("target", start, offset, channel), 0), self.itemsize)
                at = builder.bitcast(self.number_at("winners", start, offset, channel), bytes_.as_pointer())
                builder.store(winner, at, align=1)
