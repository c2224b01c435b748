"""An exhibit of the bug zoo: a classic bug, its symptom, a hint, the check that finds it, and the fix."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from scratchcnn.inspection.bug_zoo.case import Case, Measured, healthy
from scratchcnn.inspection.text.layout import facts, wrap
from scratchcnn.operands import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Report(Protocol):
    """The result of a check."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""


class Check(NamedTuple):
    """A check of `inspection`: the call as a student writes it, and the function that makes it for a case."""

    call: str
    run: Callable[[Case], Report]


@dataclass(frozen=True)
class Diagnosis:
    """Result of an exhibit's check.

    Attributes
    ----------
    tool : str
    report : result of the check
    """

    tool: str
    report: Report

    @property
    def found(self) -> bool:
        """Whether the check found something wrong."""
        return not self.report.ok

    def __str__(self) -> str:
        return f"{self.tool} {'found a bug' if self.found else 'found nothing wrong'}:\n\n{self.report}"


@dataclass(frozen=True)
class Symptom:
    """A quantity measured without and with the bug; `plot` draws the training losses.

    Attributes
    ----------
    name : str
    quantity : str
    healthy, faulty : float
        Its values without and with the bug.
    healthy_losses, faulty_losses : float64 (steps,)
        Training losses; empty if nothing was trained.
    visible : bool
        Whether the values differ by at least the exhibit's `shift`.
    text : str
        Description of the symptom.
    """

    name: str
    quantity: str
    healthy: float
    faulty: float
    healthy_losses: Array
    faulty_losses: Array
    visible: bool
    text: str

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw both losses over the steps; write them to an image file if one is given.

        Raises
        ------
        ValueError
            Nothing was trained for this symptom, or the file has an unknown suffix.
        """
        from scratchcnn.inspection.bug_zoo.symptom_figure import plot_symptom

        if not len(self.healthy_losses):
            raise ValueError(f"Expected a symptom of training, received {self.name!r}, which is measured without it.")
        values = f"healthy {self.healthy:.3g}, with the bug {self.faulty:.3g}"
        losses = {"healthy": self.healthy_losses, "with the bug": self.faulty_losses}
        return plot_symptom([self.name, self.quantity, values], losses, to_file)

    def __str__(self) -> str:
        values = f"{self.quantity}: healthy {self.healthy:.4g}, with the bug {self.faulty:.4g}."
        return "\n".join([values, *wrap(self.text)])


@dataclass(frozen=True)
class Exhibit:
    """A bug that can be planted in a case.

    Attributes
    ----------
    name, title : str
    bug, fix : str
        The wrong line of code, and the correct one.
    symptom_text, hint : str
    check : Check
        The check that finds it.
    plant : callable
        Returns a copy of a case with the bug; ValueError if the model has nothing that can have it.
    quantity : str
        Name of what `measure` measures.
    measure : callable
    shift : float
        With the bug, the quantity is larger by at least this much, or smaller if it is negative.
    in_data : bool
        Whether the bug is in the data, not in the model.
    """

    name: str
    title: str
    bug: str
    fix: str
    symptom_text: str
    hint: str
    check: Check
    plant: Callable[[Case], Case]
    quantity: str
    measure: Callable[[Case], Measured]
    shift: float
    in_data: bool = False

    @property
    def tool(self) -> str:
        """The call of the check."""
        return self.check.call

    def find(self, case: Case | None = None) -> Diagnosis:
        """Run the check on a case; default: the healthy one with this bug planted."""
        report = self.check.run(self.plant(healthy()) if case is None else case)
        return Diagnosis(self.tool, report)

    def symptom(self) -> Symptom:
        """Measure the quantity without and with the bug; takes a few seconds."""
        case = healthy()
        one, two = self.measure(case), self.measure(self.plant(case))
        visible = two.value >= one.value + self.shift if self.shift > 0 else two.value <= one.value + self.shift
        return Symptom(
            self.name, self.quantity, one.value, two.value, one.losses, two.losses, visible, self.symptom_text
        )

    def __str__(self) -> str:
        texts = {"bug": self.bug, "fix": self.fix, "symptom": self.symptom_text, "hint": self.hint, "check": self.tool}
        return "\n".join([f"{self.name}: {self.title}", "", *facts(list(texts.items()))])
