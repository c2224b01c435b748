"""Two runs side by side: how far each array of one is from the other's, and the first number that is too far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scratchcnn.inspection.runs import Place
from scratchcnn.inspection.text.table import table
from scratchcnn.operands import Array, Shape

MOST_LETTERS = 30  # of a name in the table
LOOSE = 0.01  # of the largest number of an array: what rounding may move by more tells little
LOOSELY = (
    "loosely: rounding alone may move these numbers by more than 1 % of the largest. Somewhere a ReLU or a pool is so\n"
    "near its kink that rounding decides, or Adam divides by a gradient that is nearly zero. Later steps tell less."
)
HINTS = {
    "output": "Everything before this layer agrees: compare its options (activation, padding, strides, order of the "
    "weights).",
    "loss": "All outputs agree: compare the losses (from_logits, mean or sum over the batch, labels).",
    "gradient": "Outputs and loss agree: it is the backward pass of this layer, or of one after it.",
    "weights": "Outputs, loss and gradients agree: compare the optimizers (learning rate, betas, epsilon, momentum).",
}


@dataclass(frozen=True, eq=False)
class Row:
    """One array of both runs, compared.

    Attributes
    ----------
    place : Place
        Stage, step, layer and parameter.
    shape : tuple of int
    difference : float
        Largest |ours - theirs|; NaN where one side is not finite and the other is not the same.
    largest : float
        The largest magnitude of the array in Keras.
    tolerance : float
        How far rounding alone may move a number of this array.
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
        """The difference, as a share of the largest number."""
        return self.difference / self.largest if self.largest else self.difference

    @property
    def agrees(self) -> bool:
        """Whether rounding explains the difference."""
        return self.difference <= self.tolerance  # False for NaN

    @property
    def loose(self) -> bool:
        """Whether rounding may move the numbers by more than a hundredth of the largest."""
        return self.tolerance > LOOSE * self.largest > 0


@dataclass(frozen=True, eq=False)
class Parting:
    """The first number, in the order of computation, that differs by more than rounding.

    Attributes
    ----------
    place : Place
    index : tuple of int
        The first such number of the array, in its memory's order.
    ours, theirs, tolerance : float
    beyond, size : int
        How many numbers of the array differ so, of how many.
    worst_index : tuple of int
        Where the largest difference of the array is.
    worst : float
        How large it is.
    """

    place: Place
    index: tuple[int, ...]
    ours: float
    theirs: float
    tolerance: float
    beyond: int
    size: int
    worst_index: tuple[int, ...]
    worst: float

    def __str__(self) -> str:
        name = f"{told(self.place)}, index {self.index}"
        apart = abs(self.ours - self.theirs)
        times = f", {apart / self.tolerance:.3g} times the tolerance" if self.tolerance > 0 else ""
        return (
            f"The first place where they part: {name}\n"
            f"  scratchcnn  {self.ours:+.9g}\n"
            f"  Keras       {self.theirs:+.9g}\n"
            f"  apart by    {apart:.3g}{times}; so do {self.beyond:,} of the {self.size:,} numbers of this array\n"
            f"  at most by  {self.worst:.3g}, at index {self.worst_index}\n"
            f"{HINTS[self.place.stage]}"
        )


def row_of(place: Place, ours: Array, theirs: Array, tolerance: float) -> Row:
    """One array of both runs, compared."""
    apart = _apart(ours, theirs)
    worst = int(np.argmax(np.where(np.isnan(apart), np.inf, apart)))
    difference = float(apart.flat[worst])
    largest = float(abs(wide(theirs)).max())
    index = tuple(int(i) for i in np.unravel_index(worst, apart.shape))
    return Row(place, apart.shape, difference, largest, tolerance, index)


def parting_of(place: Place, ours: Array, theirs: Array, tolerance: float) -> Parting:
    """The first number of two arrays that differs by more than the tolerance; there must be one."""
    beyond = ~(_apart(ours, theirs) <= tolerance)
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(beyond)), beyond.shape))
    row = row_of(place, ours, theirs, tolerance)
    return Parting(
        place, index, float(ours[index]), float(theirs[index]), tolerance, int(beyond.sum()), beyond.size,
        row.index, row.difference,
    )  # fmt: skip


def _apart(ours: Array, theirs: Array) -> Array:
    """|ours - theirs| in float64; 0 where both are the same infinity or both NaN."""
    one, other = wide(ours), wide(theirs)
    with np.errstate(invalid="ignore"):
        return np.where((one == other) | (np.isnan(one) & np.isnan(other)), 0.0, abs(one - other))


def wide(array: Array) -> Array:
    """The numbers in float64."""
    return np.asarray(array, np.float64)


# Text


def told(place: Place) -> str:
    """A place in words: 'the gradient of dense/kernel'."""
    parameter = f"{place.layer}/{place.parameter}"
    return {
        "output": f"the output of {place.layer}",
        "loss": "the loss of the first batch",
        "gradient": f"the gradient of {parameter}",
        "weights": f"{parameter} after step {place.step}",
    }[place.stage]


def _verdict(row: Row) -> str:
    return "DIFFERS" if not row.agrees else "agrees, loosely" if row.loose else "agrees"


def share_of_tolerance(row: Row) -> float:
    """The difference by the tolerance; infinite for NaN."""
    return row.difference / row.tolerance if row.difference == row.difference else np.inf


HEADS = ("what", "of", "shape", "difference", "relative", "tolerance", "verdict")


def rows_told(rows: Sequence[Row], steps: int) -> list[str]:
    """The table of `cells_of`, as lines of text."""
    return table(HEADS, cells_of(rows, steps), left=(0, 1, 2, 6))


def cells_of(rows: Sequence[Row], steps: int) -> list[list[str]]:
    """Every output and gradient; of the weights, all after the first and the last step, the worst after the others."""
    shown = [(row.place.stage, row) for row in rows if row.place.stage != "weights"]
    for step in range(1, steps + 1):
        of_step = [row for row in rows if row.place.stage == "weights" and row.place.step == step]
        some = of_step if step in (1, steps) else [max(of_step, key=share_of_tolerance)] if of_step else []
        shown += [
            (f"step {step}" if len(some) > 1 or len(of_step) == 1 else f"step {step}, worst", row) for row in some
        ]
    return [[what, *_cells(row)] for what, row in shown]


def _cells(row: Row) -> list[str]:
    name = "/".join(part for part in (row.place.layer, row.place.parameter) if part) or "first batch"
    if len(name) > MOST_LETTERS:
        name = f"{name[: MOST_LETTERS // 2]}…{name[-MOST_LETTERS // 2 + 1 :]}"
    numbers = (f"{number:.2e}" for number in (row.difference, row.relative, row.tolerance))
    return [name, str(row.shape), *numbers, _verdict(row)]
