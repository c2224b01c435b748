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

from scratchcnn.kernels.jit import intrinsic
from scratchcnn.kernels.vectorized import Vectorized

Matrix = Sequence[Sequence[float]]

_index = ir.IntType(64)
_NAMES = ("source", "source_start", "source_row", "source_column",
          "target", "target_start", "target_row", "target_column", "vectors", "start", "floor")  # fmt: skip


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
        return _signature_and_emitter(
            matrix,
            (source, source_start, source_row, source_column, target, target_start, target_row, target_column, vectors),
        )

    return sandwich


def make_last_sandwich(matrix: Matrix) -> Callable[..., None]:
    """The same with an epilogue: a number of `start` for each channel is added, and nothing lies below `floor`."""

    @intrinsic
    def sandwich(
        typing_context, source, source_start, source_row, source_column,
        target, target_start, target_row, target_column, vectors, start, floor,
    ):  # fmt: skip
        return _signature_and_emitter(
            matrix,
            (source, source_start, source_row, source_column, target, target_start, target_row, target_column, vectors,
             start, floor),
        )  # fmt: skip

    return sandwich


def _signature_and_emitter(matrix: Matrix, kinds: tuple[Any, ...]) -> tuple[Any, Callable[..., Any]]:
    floats = (types.Array, types.Float)
    signature = types.void(*(kind if isinstance(kind, floats) else types.int64 for kind in kinds))

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        named = dict(zip(_NAMES, values, strict=False))
        _SandwichEmitter(context, builder, dict(zip(_NAMES, signature.args, strict=False)), named, matrix).emit()
        return context.get_dummy_value()

    return signature, emit


class _SandwichEmitter(Vectorized):
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
            columns = [[self.load_vector(self.pixel("source", a, b, channel), 0) for a in range(size)]
                       for b in range(size)]  # fmt: skip
            halves = [self.product(column) for column in columns]
            for i in range(len(self.matrix)):
                for j, value in enumerate(self.product([half[i] for half in halves])):
                    at = self.vector_at(self.pixel("target", i, j, channel), 0)
                    builder.store(self.epilogue(value, channel), at, align=self.itemsize)

    def pixel(self, array: str, row: int, column: int, channel: Any) -> Any:
        """Address of a pixel of the source or the target."""
        builder, args = self.builder, self.args
        down = builder.mul(args[f"{array}_row"], _index(row))
        right = builder.mul(args[f"{array}_column"], _index(column))
        return self.number_at(array, args[f"{array}_start"], down, right, channel)

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

    def epilogue(self, value: Any, channel: Any) -> Any:
        """Add the start and cut at the floor, if there are any; a NaN stays NaN."""
        if "start" not in self.args:
            return value
        total = self.builder.fadd(value, self.load_vector(self.number_at("start", channel), 0))
        floor = self.broadcast(self.args["floor"])
        return self.builder.select(self.builder.fcmp_ordered("<", total, floor), floor, total)
