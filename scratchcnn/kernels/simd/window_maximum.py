"""The maximum of a pooling window and its argmax index, with the channels of a pixel in vector registers.

The obvious loop searches each window for its maximum, with branches that cannot be predicted. Here the loop over
channels is the inner one, and a comparison selects one of two values without a branch.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from scratchcnn.kernels.runtime.jit import intrinsic
from scratchcnn.kernels.simd.vectors import Vectorized


@intrinsic
def window_maximum(
    typing_context, x, corner, row_stride, column_stride, channels, width,
    first_row, last_row, first_column, last_column, y, winners, at,
):  # fmt: skip
    """The maximum of one window and its argmax index, for all channels, to y[at ...] and winners[at ...].

    The window's element (row, column) has the index row * width + column, and its channels begin at
    x[corner + row * row_stride + column * column_stride]; rows and columns count from the first to before the last.
    """
    integer = types.int64
    signature = types.void(x, *[integer] * 9, y, winners, integer)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kinds, args = dict(zip(_NAMES, signature.args, strict=True)), dict(zip(_NAMES, values, strict=True))
        code = _Maximum(context, builder, kinds, args)
        whole = builder.sub(args["channels"], builder.srem(args["channels"], _index(code.lanes)))
        code.emit(_index(0), whole)
        _Maximum(context, builder, kinds, args, lanes=1).emit(whole, args["channels"])
        return context.get_dummy_value()

    return signature, emit


_index = ir.IntType(64)
_NAMES = ("x", "corner", "row_stride", "column_stride", "channels", "width", "first_row", "last_row", "first_column",
          "last_column", "y", "winners", "at")  # fmt: skip


class _Maximum(Vectorized):
    """Emits the instructions of one window into the calling function."""

    def __init__(
        self, context: Any, builder: Any, kinds: dict[str, Any], args: dict[str, Any], lanes: int | None = None
    ) -> None:
        super().__init__(context, builder, kinds, args, lanes)
        self.args = args
        self.winner = ir.VectorType(context.get_value_type(kinds["winners"].dtype), self.lanes)

    def emit(self, first: Any, last: Any) -> None:
        """The maximum of the channels from `first` to before `last`, as many at a time as there are lanes."""
        builder, args = self.builder, self.args
        with cgutils.for_range_slice(builder, first, last, _index(self.lanes), _index) as (channel, _):
            best = cgutils.alloca_once(builder, self.vector)
            winner = cgutils.alloca_once(builder, self.winner)
            builder.store(self.element(args["first_row"], args["first_column"], channel), best)
            builder.store(self.index_of(args["first_row"], args["first_column"]), winner)
            with cgutils.for_range_slice(builder, args["first_row"], args["last_row"], _index(1), _index) as (row, _):
                ends = args["first_column"], args["last_column"]
                with cgutils.for_range_slice(builder, *ends, _index(1), _index) as (column, _):
                    self.keep_larger(row, column, channel, best, winner)
            builder.store(
                builder.load(best), self.vector_at(self.number_at("y", args["at"], channel), 0), self.itemsize
            )
            target = builder.bitcast(self.number_at("winners", args["at"], channel), self.winner.as_pointer())
            builder.store(builder.load(winner), target, align=1)

    def keep_larger(self, row: Any, column: Any, channel: Any, best: Any, winner: Any) -> None:
        """Replace the maximum so far by an element that is larger, or the first NaN."""
        builder = self.builder
        new, old = self.element(row, column, channel), builder.load(best)
        wins = self.wins(new, old)
        builder.store(builder.select(wins, new, old), best)
        builder.store(builder.select(wins, self.index_of(row, column), builder.load(winner)), winner)

    def element(self, row: Any, column: Any, channel: Any) -> Any:
        """The channels of one element of the window."""
        builder, args = self.builder, self.args
        down, right = builder.mul(row, args["row_stride"]), builder.mul(column, args["column_stride"])
        return self.load_vector(self.number_at("x", args["corner"], down, right, channel), 0)

    def index_of(self, row: Any, column: Any) -> Any:
        """The index of an element of the window, in every lane."""
        builder = self.builder
        index = builder.add(builder.mul(row, self.args["width"]), column)
        return self.broadcast(builder.trunc(index, self.winner.element), self.winner)
