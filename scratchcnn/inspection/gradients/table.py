"""The result of a gradient check: one row for each array, and the printed table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from scratchcnn.descriptions.words import plural
from scratchcnn.display.blocks import Block, Group, Paragraph, Table, Title
from scratchcnn.display.displayed import Displayed
from scratchcnn.inspection.gradients.probe import Element, Verdict
from scratchcnn.names import look_up
from scratchcnn.operands import Array, Shape


class Float32Gap(NamedTuple):
    """Difference between the gradients in float32 and in float64.

    Attributes
    ----------
    relative_error : float  the largest difference, relative to the largest gradient of the array
    array : str  name of that array
    switched : int  number of ReLU masks and argmax indices that differ
    """

    relative_error: float
    array: str
    switched: int

    def __str__(self) -> str:
        why = "rounding."
        if self.switched:
            why = (
                f"{self.switched:,} ReLU masks or argmax indices differ, at inputs near zero or near a tie. This is "
                "not a bug, since at a kink both one-sided derivatives are valid; the rest is rounding."
            )
        return (
            f"In float32 the gradients differ from these by up to {self.relative_error:.1g} times the largest gradient "
            f"of the array ({self.array}): {why}"
        )


@dataclass(frozen=True)
class ArrayCheck:
    """The comparisons of one array.

    Attributes
    ----------
    name : str  such as 'conv2d kernel', or 'input'
    shape : tuple of int
    elements : tuple of Element  all that were compared
    fault : str or None  an error of the array as a whole
    """

    name: str
    shape: Shape
    elements: tuple[Element, ...]
    fault: str | None = None

    @property
    def verdict(self) -> Verdict:
        """'BUG' if one element is wrong, 'kink' if all are at kinks, otherwise 'ok'."""
        if self.fault or self.count("BUG"):
            return "BUG"
        return "kink" if self.elements and self.count("kink") == len(self.elements) else "ok"

    @property
    def size(self) -> int:
        """Number of elements of the array."""
        return int(np.prod(self.shape))

    def of(self, verdict: Verdict) -> list[Element]:
        """Return the elements with this verdict."""
        return [element for element in self.elements if element.verdict == verdict]

    def count(self, verdict: Verdict) -> int:
        """Return the number of elements with this verdict."""
        return len(self.of(verdict))

    @property
    def worst(self) -> Element | None:
        """The wrong element with the largest error; without one, the correct element with the largest error / bound."""
        wrong = self.of("BUG")
        if wrong:
            return max(wrong, key=lambda element: np.nan_to_num(element.error, nan=np.inf))
        return max(self.of("ok"), key=lambda element: element.error / (element.allowed or 1), default=None)

    @property
    def analytic(self) -> Array:
        """The analytic gradient at the compared elements."""
        return np.array([element.analytic for element in self.elements])

    @property
    def numeric(self) -> Array:
        """The numerical gradient at the compared elements."""
        return np.array([element.numeric for element in self.elements])

    def cells(self) -> list[str]:
        """Return the row of the printed table."""
        name = self.name if len(self.name) <= 26 else f"{self.name[:12]}...{self.name[-11:]}"
        checked = f"{len(self.elements)} of {self.size:,}" if len(self.elements) < self.size else f"all {self.size:,}"
        verdict: str = self.verdict
        if self.count("BUG"):
            verdict = f"BUG in {self.count('BUG')}"
        elif verdict == "ok" and self.count("kink"):
            verdict = f"ok, {self.count('kink')} at kinks"
        elif verdict == "ok" and not self.analytic.any():
            verdict = "ok, but all are zero"
        found, cells = self.worst, [name, str(self.shape), "-" if self.fault else checked]
        if found is None:
            return [*cells, "", "", "", "", verdict]
        numbers = f"{found.analytic:.4g}", f"{found.numeric:.4g}", f"{found.relative_error:.1e}"
        return [*cells, str(list(found.at)), *numbers, verdict]


@dataclass(frozen=True, repr=False)
class GradientCheck(Displayed):
    """Gradients of the backward pass compared with differences of the loss, array by array; `print` shows the table.

    Attributes
    ----------
    title : str
    rows : tuple of ArrayCheck  every parameter, and last the input; `check['dense bias']` is one of them
    loss : float  the value of the function that is differentiated
    float32_gap : Float32Gap or None  difference from the gradients in float32; None if the model is not float32
    remarks : tuple of str  the kind of each error, and where its cause may be
    """

    title: str
    rows: tuple[ArrayCheck, ...]
    loss: float
    float32_gap: Float32Gap | None
    remarks: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether no gradient is wrong."""
        return all(row.verdict != "BUG" for row in self.rows)

    def __getitem__(self, name: str) -> ArrayCheck:
        """Return the row of that name."""
        return look_up("array", name, {row.name: row for row in self.rows})

    def blocks(self) -> list[Block]:
        """Return the title, the table of arrays, and what was found."""
        paragraphs = list(self.remarks)
        kinks = sum(row.count("kink") for row in self.rows)
        if kinks:
            paragraphs.append(
                f"Kinks: for {plural(kinks, 'element')} a ReLU or max pooling switches within the step, or "
                "exactly at the point (a zero or a tie), so that there is no derivative to compare with. At a nearby "
                "point, after a small random change of every value, their gradients are correct, or at a kink again."
            )
        if self.float32_gap is not None:
            paragraphs.append(str(self.float32_gap))
        wrong = ", ".join(row.name for row in self.rows if row.verdict == "BUG")
        paragraphs.append(f"Wrong: {wrong}." if wrong else "No gradient is wrong.")
        heads = ("array", "shape", "checked", "worst at", "analytic", "numeric", "rel. error", "verdict")
        rows = Table(heads, [row.cells() for row in self.rows], left=(0, 1, 2, 3, 7))
        return [Title(self.title), rows, Group(*(Paragraph(text, rest="  ") for text in paragraphs))]
