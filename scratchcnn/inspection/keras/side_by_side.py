"""Two runs compared: the largest difference of each array, and the first value that differs by more than rounding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scratchcnn.inspection.keras.run import Place
from scratchcnn.inspection.text.table import table
from scratchcnn.operands import Array, Shape

MOST_LETTERS = 30  # of a name in the table
LOOSE = 0.01  # a tolerance above this fraction of the largest value of an array is called loose
HEADS = ("stage", "array", "shape", "difference", "relative", "tolerance", "verdict")
HINTS = {
    "output": "Everything before this layer agrees: compare its options (activation, padding, strides, order of the "
    "weights).",
    "loss": "All outputs agree: compare the losses (from_logits, mean or sum over the batch, labels).",
    "gradient": "Outputs and loss agree: the error is in the backward pass of this layer, or of a later one.",
    "weights": "Outputs, loss and gradients agree: compare the optimizers (learning rate, betas, epsilon, momentum).",
}


@dataclass(frozen=True, eq=False)
class Row:
    """The comparison of one array of both runs.

    Attributes
    ----------
    place : Place
        Stage, step, layer and parameter.
    shape : tuple of int
    difference : float
        Largest |ours - theirs|; NaN where only one value is finite, or the infinities have different signs.
    largest : float
        The largest magnitude of the array in Keras.
    tolerance : float
        How far rounding alone may move an element of this array.
    index : tuple of int
        Where the largest difference is.
    """

    place: Place
    shape: Shape
    difference: float
    largest: float
    tolerance: float
    index: tuple[int, ...]

    @property
    def relative(self) -> float:
        """The difference divided by the largest magnitude of the array."""
        return self.difference / self.largest if self.largest else self.difference

    @property
    def agrees(self) -> bool:
        """Whether rounding explains the difference."""
        return self.difference <= self.tolerance  # False for NaN

    @property
    def loose(self) -> bool:
        """Whether the tolerance is above 1 % of the largest magnitude of the array."""
        return self.tolerance > LOOSE * self.largest > 0

    @property
    def share_of_tolerance(self) -> float:
        """The difference divided by the tolerance; infinite for NaN."""
        return np.inf if np.isnan(self.difference) else self.difference / self.tolerance


@dataclass(frozen=True, eq=False)
class FirstDifference:
    """The first value, in the order of computation, that differs by more than rounding.

    Attributes
    ----------
    row : Row
        The array.
    index : tuple of int
        The first such element of the array, in C order.
    ours, theirs : float
        Its values.
    count : int
        The number of elements that differ by more than rounding.
    """

    row: Row
    index: tuple[int, ...]
    ours: float
    theirs: float
    count: int

    @property
    def place(self) -> Place:
        """Stage, step, layer and parameter."""
        return self.row.place

    @property
    def size(self) -> int:
        """Number of elements of the array."""
        return math.prod(self.row.shape)

    def __str__(self) -> str:
        difference, tolerance = abs(self.ours - self.theirs), self.row.tolerance
        times = f", {difference / tolerance:.3g} times the tolerance" if np.isfinite(difference) else ""
        return (
            f"First difference beyond rounding: {self.place}, index {self.index}\n"
            f"  scratchcnn  {self.ours:+.9g}\n"
            f"  Keras       {self.theirs:+.9g}\n"
            f"  difference  {difference:.3g}{times}; {self.count:,} of {self.size:,} elements of this array differ\n"
            f"  largest     {self.row.difference:.3g}, at index {self.row.index}\n"
            f"{HINTS[self.place.stage]}"
        )


def compare(place: Place, ours: Array, theirs: Array, tolerance: float) -> tuple[Row, FirstDifference | None]:
    """Compare one array of both runs; return its row, and the first difference beyond the tolerance, if any."""
    distances = differences(ours, theirs)
    worst = int(np.argmax(np.where(np.isnan(distances), np.inf, distances)))
    largest = float(abs(theirs.astype(np.float64)).max())
    row = Row(place, ours.shape, float(distances.flat[worst]), largest, tolerance, _index(worst, ours.shape))
    if row.agrees:
        return row, None
    beyond = ~(distances <= tolerance)
    index = _index(int(np.argmax(beyond)), ours.shape)
    return row, FirstDifference(row, index, float(ours[index]), float(theirs[index]), int(beyond.sum()))


def differences(ours: Array, theirs: Array) -> Array:
    """Return |ours - theirs| in float64; 0 where both are the same infinity or both NaN."""
    one, other = ours.astype(np.float64), theirs.astype(np.float64)
    with np.errstate(invalid="ignore"):
        return np.where((one == other) | (np.isnan(one) & np.isnan(other)), 0.0, abs(one - other))


def _index(flat: int, shape: Shape) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, shape))


def table_of(rows: Sequence[Row], steps: int) -> list[str]:
    """Format the rows of `cells_of` as the lines of a table."""
    return table(HEADS, cells_of(rows, steps), left=(0, 1, 2, 6))


def cells_of(rows: Sequence[Row], steps: int) -> list[list[str]]:
    """Return a row of cells for each output and gradient, and for the weights after each step.

    After the first and the last step, all weights have a row; after the others, only those nearest to their tolerance.
    """
    shown = [(row.place.stage, row) for row in rows if row.place.stage != "weights"]
    for step in range(1, steps + 1):
        of_step = [row for row in rows if row.place.stage == "weights" and row.place.step == step]
        if step in (1, steps) or len(of_step) < 2:
            shown += [(f"step {step}", row) for row in of_step]
        else:
            shown.append((f"step {step}, worst", max(of_step, key=lambda row: row.share_of_tolerance)))
    return [[stage, *_cells(row)] for stage, row in shown]


def _cells(row: Row) -> list[str]:
    name = row.place.name or "first batch"
    if len(name) > MOST_LETTERS:
        name = f"{name[: MOST_LETTERS // 2]}…{name[-MOST_LETTERS // 2 + 1 :]}"
    verdict = "DIFFERS" if not row.agrees else "agrees (loose)" if row.loose else "agrees"
    numbers = (f"{number:.2e}" for number in (row.difference, row.relative, row.tolerance))
    return [name, str(row.shape), *numbers, verdict]
