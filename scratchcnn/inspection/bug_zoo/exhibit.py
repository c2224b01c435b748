"""An exhibit of the bug zoo: a classic bug, its symptom, a hint, the check that finds it, and the fix."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from scratchcnn.display.blocks import Block, Facts, Group, Paragraph, Title
from scratchcnn.display.displayed import Displayed
from scratchcnn.inspection.bug_zoo.case import Case, Measured, healthy
from scratchcnn.inspection.gradients.findings import Findings
from scratchcnn.inspection.gradients.table import GradientCheck
from scratchcnn.operands import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Check(NamedTuple):
    """A check of `inspection`: the call as a student writes it, and the function that makes it for a case."""

    call: str
    run: Callable[[Case], Findings | GradientCheck]


@dataclass(frozen=True, repr=False)
class Diagnosis(Displayed):
    """The result of an exhibit's check, and the call of the check."""

    tool: str
    report: Findings | GradientCheck

    @property
    def found(self) -> bool:
        """Whether the check found something wrong."""
        return not self.report.ok

    def blocks(self) -> list[Block]:
        """Return the verdict and the report of the check."""
        return [Title(f"{self.tool} {'found a bug' if self.found else 'found nothing wrong'}:"), *self.report.blocks()]


@dataclass(frozen=True, repr=False)
class Symptom(Displayed):
    """A quantity measured without and with the bug; `text` describes the symptom, `plot` draws the training losses."""

    name: str
    quantity: str
    healthy: float
    faulty: float
    healthy_losses: Array  # float64 (steps,); empty if nothing was trained
    faulty_losses: Array
    visible: bool  # whether the values differ by at least the exhibit's `shift`
    text: str

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw both losses over the steps, and write them to a file; ValueError if nothing was trained."""
        from scratchcnn.inspection.bug_zoo.symptom_figure import plot_symptom

        if not len(self.healthy_losses):
            raise ValueError(f"Expected a symptom of training, received {self.name!r}, which is measured without it.")
        values = f"healthy {self.healthy:.3g}, with the bug {self.faulty:.3g}"
        losses = {"healthy": self.healthy_losses, "with the bug": self.faulty_losses}
        return plot_symptom([self.name, self.quantity, values], losses, to_file)

    def blocks(self) -> list[Block]:
        """Return the two values, and the text."""
        values = f"{self.quantity}: healthy {self.healthy:.4g}, with the bug {self.faulty:.4g}."
        return [Group(Title(values), Paragraph(self.text))]


@dataclass(frozen=True, repr=False)
class Exhibit(Displayed):
    """A classic bug, the check that finds it, and a quantity that shows it."""

    name: str
    title: str
    bug: str  # the wrong line of code
    fix: str  # the correct one
    symptom_text: str
    hint: str
    check: Check
    plant: Callable[[Case], Case]  # a copy with the bug; ValueError if the model has nothing that can have it
    quantity: str  # the name of what `measure` measures
    measure: Callable[[Case], Measured]
    shift: float  # with the bug, the quantity is larger by at least this much, or smaller if it is negative
    in_data: bool = False  # whether the bug is in the data, not in the model

    def find(self, case: Case | None = None) -> Diagnosis:
        """Run the check on a case; default: the healthy one with this bug planted."""
        return Diagnosis(self.check.call, self.check.run(self.plant(healthy()) if case is None else case))

    def symptom(self) -> Symptom:
        """Measure the quantity without and with the bug; takes a few seconds."""
        case = healthy()
        one, two = self.measure(case), self.measure(self.plant(case))
        visible = two.value >= one.value + self.shift if self.shift > 0 else two.value <= one.value + self.shift
        values = (one.value, two.value, one.losses, two.losses)
        return Symptom(self.name, self.quantity, *values, visible, self.symptom_text)

    def blocks(self) -> list[Block]:
        """Return the name and title of the bug, and its texts."""
        texts = {"bug": self.bug, "fix": self.fix, "symptom": self.symptom_text, "hint": self.hint}
        return [Title(f"{self.name}: {self.title}"), Facts([*texts.items(), ("check", self.check.call)])]
