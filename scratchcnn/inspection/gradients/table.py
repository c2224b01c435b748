"""What a gradient check found: a row for each array, and the table that is printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from scratchcnn.inspection.gradients.verdicts import Verdict
from scratchcnn.inspection.text.layout import wrap
from scratchcnn.inspection.text.table import table
from scratchcnn.names import look_up
from scratchcnn.operands import Array, Shape


class Element(NamedTuple):
    """One number of an array.

    Attributes
    ----------
    at : tuple of int
        Its index.
    analytic, numeric : float
        The gradient by backward, and by differences (NaN at a kink).
    allowed : float
        How far apart they may lie: truncation and rounding.
    verdict : {'ok', 'BUG', 'kink'}
    step : float
        h.
    """

    at: tuple[int, ...]
    analytic: float
    numeric: float
    allowed: float
    verdict: Verdict
    step: float

    @property
    def error(self) -> float:
        """How far they do lie apart."""
        return abs(self.analytic - self.numeric)

    @property
    def relative_error(self) -> float:
        """The same, as a share of the larger of the two; 0 if both are zero."""
        largest = max(abs(self.analytic), abs(self.numeric))
        return self.error / largest if largest else 0.0


class Float32Gap(NamedTuple):
    """How far the gradients in float32 lie from those in float64.

    Attributes
    ----------
    share : float
        The largest distance, as a share of its array's largest gradient.
    array : str
        Where it is.
    switched : int
        How many ReLUs and poolings stand otherwise, since they are near zero or near a tie.
    """

    share: float
    array: str
    switched: int

    def __str__(self) -> str:
        why = "rounding."
        if self.switched:
            why = (
                f"{self.switched:,} units near zero or near a tie switch the other way; the rest is rounding. That is "
                "no bug: at a kink either side is as good."
            )
        return (
            f"In float32, as it is run, the same gradients are up to {self.share:.1g} of their array's largest away "
            f"from these (in {self.array}): {why}"
        )


@dataclass(frozen=True)
class ArrayCheck:
    """What was found in one array.

    Attributes
    ----------
    name : str
        'conv2d kernel', or 'input'.
    shape : tuple of int
    elements : tuple of Element
        All that were looked at.
    verdict : {'ok', 'BUG', 'kink'}
        BUG if one element is; kink if all are.
    fault : str
        What is wrong with the array as a whole; mostly ''.
    """

    name: str
    shape: Shape
    elements: tuple[Element, ...]
    verdict: Verdict
    fault: str = ""

    @classmethod
    def of(cls, name: str, shape: Shape, elements: Sequence[Element]) -> ArrayCheck:
        """The row of these elements."""
        verdicts = {element.verdict for element in elements}
        verdict: Verdict = "BUG" if "BUG" in verdicts else "kink" if verdicts == {"kink"} else "ok"
        return cls(name, shape, tuple(elements), verdict)

    @classmethod
    def at_fault(cls, name: str, shape: Shape, fault: str) -> ArrayCheck:
        """The row of an array that is wrong as a whole."""
        return cls(name, shape, (), "BUG", fault)

    @property
    def size(self) -> int:
        """How many numbers the array has."""
        return int(np.prod(self.shape))

    def count(self, verdict: Verdict) -> int:
        """How many elements have this verdict."""
        return sum(element.verdict == verdict for element in self.elements)

    @property
    def worst(self) -> Element | None:
        """The element that is furthest off: of wrong ones by its error, of right ones by its share of the allowed."""
        wrong = [element for element in self.elements if element.verdict == "BUG"]
        if wrong:
            return max(wrong, key=lambda element: np.nan_to_num(element.error, nan=np.inf))
        right = [element for element in self.elements if element.verdict == "ok"]
        return max(right, key=lambda element: element.error / (element.allowed or 1.0), default=None)

    @property
    def analytic(self) -> Array:
        """The gradients by backward, of the elements looked at."""
        return np.array([element.analytic for element in self.elements])

    @property
    def numeric(self) -> Array:
        """The gradients by differences."""
        return np.array([element.numeric for element in self.elements])


@dataclass(frozen=True)
class GradientCheck:
    """Backward against differences, array by array; `print` shows the table.

    Attributes
    ----------
    title : str
    rows : tuple of ArrayCheck
        Every parameter, and last the input; `check['dense bias']` is one of them.
    step : float
        The largest h.
    loss : float
        The number whose gradient is looked at.
    dropped : bool
        Whether the pass was one of training.
    batch : int
        How many samples.
    float32_gap : Float32Gap or None
        How far the gradients in float32 lie from these; None if the model or layer is not float32.
    remarks : tuple of str
        What the errors look like, and where the mistake may be.
    """

    title: str
    rows: tuple[ArrayCheck, ...]
    step: float
    loss: float
    dropped: bool
    batch: int
    float32_gap: Float32Gap | None
    remarks: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether no element is wrong."""
        return all(row.verdict != "BUG" for row in self.rows)

    def __getitem__(self, name: str) -> ArrayCheck:
        """The row of that name."""
        return look_up("array", name, {row.name: row for row in self.rows})

    def __str__(self) -> str:
        return "\n".join([*wrap(self._head()), "", *_table(self.rows), "", *self._tail()])

    def _head(self) -> str:
        passes = "a pass of training, with the same units dropped each time" if self.dropped else "a pass as in predict"
        return (
            f"Gradient check of {self.title}. Backward (analytic) against differences of the loss (numeric), step "
            f"{self.step:g}, in float64; {passes}; {self.batch} samples, loss {self.loss:.6g}."
        )

    def _tail(self) -> list[str]:
        lines = [line for remark in self.remarks for line in wrap(remark, rest="  ")]
        kinks = sum(row.count("kink") for row in self.rows)
        if kinks:
            lines += wrap(
                f"Kinks: for {kinks} element{'s' * (kinks > 1)} a ReLU or a pooling switches within the step, or at "
                "the very point (a zero, two equal numbers): there is no derivative to compare with. Beside it, where "
                "every number has been moved a little, they are right, or at a kink again.", rest="  ",
            )  # fmt: skip
        if self.float32_gap is not None:
            lines += wrap(str(self.float32_gap), rest="  ")
        wrong = [row.name for row in self.rows if row.verdict == "BUG"]
        return [*lines, *wrap(f"Wrong: {', '.join(wrong)}." if wrong else "No gradient is wrong.", rest="  ")]


def _table(rows: Sequence[ArrayCheck]) -> list[str]:
    heads = ("array", "shape", "checked", "worst at", "analytic", "numeric", "rel. error", "verdict")
    return table(heads, [_cells(row) for row in rows], left=(0, 1, 2, 3, 7))


def _cells(row: ArrayCheck) -> tuple[str, ...]:
    name = row.name if len(row.name) <= 26 else f"{row.name[:12]}...{row.name[-11:]}"
    checked = f"{len(row.elements)} of {row.size:,}" if len(row.elements) < row.size else f"all {row.size:,}"
    verdict = row.verdict if row.verdict != "BUG" or row.fault else f"BUG in {row.count('BUG')}"
    if row.verdict == "ok" and row.count("kink"):
        verdict = f"ok, {row.count('kink')} at kinks"
    elif row.verdict == "ok" and not any(element.analytic for element in row.elements):
        verdict = "ok, but all are zero"
    numbers = ("", "", "", "")
    if row.worst is not None:
        worst = row.worst
        place = "[" + ", ".join(map(str, worst.at)) + "]"
        numbers = (place, f"{worst.analytic:.4g}", f"{worst.numeric:.4g}", f"{worst.relative_error:.1e}")
    return (name, str(row.shape), "-" if row.fault else checked, *numbers, verdict)
