"""Two training runs compared: their arrays, the difference of each, and the first value beyond its rounding error."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from scratchcnn.operands import Array, Shape
from scratchcnn.sequential import Sequential

LOOSE = 0.01  # a tolerance above this fraction of the largest value of an array is called loose
HEADS = ("stage", "array", "shape", "difference", "relative", "tolerance", "verdict")
HINTS = {
    "output": "Everything before this layer agrees: compare its options (activation, padding, strides, order of the "
    "weights).",
    "loss": "All outputs agree: compare the losses (from_logits, mean or sum over the batch, labels).",
    "gradient": "Outputs and loss agree: the error is in the backward pass of this layer, or of a later one.",
    "weights": "Outputs, loss and gradients agree: compare the optimizers (learning rate, betas, epsilon, momentum).\n"
    "If only moving averages differ, compare the momentum of BatchNormalization, and the divisor of the variance.",
}


class Place(NamedTuple):
    """Identifies an array of a run."""

    stage: str  # 'output', 'loss' or 'gradient' of the first batch; 'weights' after a step
    step: int  # 0 before the first step; n after step n
    layer: str = ""
    parameter: str = ""

    @property
    def name(self) -> str:
        """Layer and parameter, for example 'dense/kernel'; empty for the loss."""
        return "/".join(filter(None, (self.layer, self.parameter)))

    def __str__(self) -> str:
        return {
            "output": f"the output of {self.name}",
            "loss": "the loss of the first batch",
            "gradient": f"the gradient of {self.name}",
            "weights": f"{self.name} after step {self.step}",
        }[self.stage]


class Run(NamedTuple):
    """The recorded arrays, in layer order: gradients w.r.t. trainable parameters; weights of the trainable layers."""

    outputs: list[Array]
    loss: float
    gradients: list[Array]
    weights: list[list[Array]]  # after each step

    def arrays(self, model: Sequential) -> Iterator[tuple[Place, Array]]:
        """Yield every array with its place, in the order of computation: gradients from the last layer to the first."""
        layers = list(zip(model.leaf_names, model.leaf_layers, strict=True))
        named = [(unique, name) for unique, layer in layers for name in layer.trainable_params]
        with_statistics = [(unique, name) for unique, layer in layers if layer.trainable for name in layer.params]
        for unique, output in zip(model.leaf_names, self.outputs, strict=True):
            yield Place("output", 0, unique), output
        yield Place("loss", 0), np.array([self.loss])
        for names, gradient in reversed(list(zip(named, self.gradients, strict=True))):
            yield Place("gradient", 0, *names), gradient
        for step, weights in enumerate(self.weights, 1):
            for names, array in zip(with_statistics, weights, strict=True):
                yield Place("weights", step, *names), array


@dataclass(frozen=True, eq=False)
class Row:
    """The comparison of one array of both runs."""

    place: Place  # stage, step, layer and parameter
    shape: Shape
    difference: float  # largest |ours - theirs|; NaN where only one is finite, or the infinities have different signs
    largest: float  # the largest magnitude of the array in Keras
    tolerance: float  # how far rounding alone may move an element of this array
    index: tuple[int, ...]  # where the largest difference is

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
    """The first value, in the order of computation, that differs by more than rounding."""

    row: Row  # the array
    index: tuple[int, ...]  # the first such element of the array, in C order
    ours: float
    theirs: float
    count: int  # number of elements that differ by more than rounding

    @property
    def place(self) -> Place:
        """Stage, step, layer and parameter."""
        return self.row.place

    def __str__(self) -> str:
        difference, size = abs(self.ours - self.theirs), math.prod(self.row.shape)
        times = f", {difference / self.row.tolerance:.3g} times the tolerance" if np.isfinite(difference) else ""
        return (
            f"First difference beyond rounding: {self.place}, index {self.index}\n"
            f"  scratchcnn  {self.ours:+.9g}\n"
            f"  Keras       {self.theirs:+.9g}\n"
            f"  difference  {difference:.3g}{times}; {self.count:,} of {size:,} elements of this array differ\n"
            f"  largest     {self.row.difference:.3g}, at index {self.row.index}\n"
            f"{HINTS[self.place.stage]}"
        )


def compare(place: Place, ours: Array, theirs: Array, tolerance: float) -> tuple[Row, FirstDifference | None]:
    """Compare one array of both runs; return its row, and the first difference beyond the tolerance, if any."""
    distances = differences(ours, theirs)
    sizes = np.where(np.isnan(distances), np.inf, distances)
    worst, largest = _first(sizes == sizes.max()), float(abs(theirs.astype(np.float64)).max())
    row = Row(place, ours.shape, float(distances[worst]), largest, tolerance, worst)
    if row.agrees:
        return row, None
    beyond = sizes > tolerance
    index = _first(beyond)
    return row, FirstDifference(row, index, float(ours[index]), float(theirs[index]), int(beyond.sum()))


def differences(ours: Array, theirs: Array) -> Array:
    """Return |ours - theirs| in float64; 0 where both are the same infinity or both NaN."""
    one, other = ours.astype(np.float64), theirs.astype(np.float64)
    with np.errstate(invalid="ignore"):
        return np.where((one == other) | (np.isnan(one) & np.isnan(other)), 0.0, abs(one - other))


def _first(chosen: Array) -> tuple[int, ...]:
    return tuple(np.argwhere(chosen)[0].tolist())


def shown(rows: Sequence[Row], steps: int) -> list[tuple[str, Row]]:
    """Return the rows of text and figure with their stages, in order of computation.

    After the first and the last step, all weights have a row; after the others, only those nearest to their tolerance.
    """
    found = [(row.place.stage, row) for row in rows if row.place.stage != "weights"]
    for step in range(1, steps + 1):
        of_step = [row for row in rows if row.place.stage == "weights" and row.place.step == step]
        if step in (1, steps) or len(of_step) < 2:
            found += [(f"step {step}", row) for row in of_step]
        else:
            found.append((f"step {step}, worst", max(of_step, key=lambda row: row.share_of_tolerance)))
    return found


def cells_of(rows: Sequence[Row], steps: int) -> list[list[str]]:
    """Return the cells of the rows that are shown, below `HEADS`."""
    cells = []
    for stage, row in shown(rows, steps):
        verdict = "DIFFERS" if not row.agrees else "agrees (loose)" if row.loose else "agrees"
        numbers = (f"{number:.2e}" for number in (row.difference, row.relative, row.tolerance))
        cells.append([stage, row.place.name or "first batch", str(row.shape), *numbers, verdict])
    return cells
