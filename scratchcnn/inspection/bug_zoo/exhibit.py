"""An exhibit of the zoo: a classic mistake, the symptom a student sees, a hint, and the tool that finds it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from scratchcnn.inspection.bug_zoo.case import Case, Measured, healthy
from scratchcnn.inspection.bug_zoo.symptom_data import SymptomData
from scratchcnn.inspection.text.layout import wrap

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Report(Protocol):
    """What every tool of `inspection` answers with."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""


@dataclass(frozen=True)
class Diagnosis:
    """What the exhibit's tool says about a case.

    Attributes
    ----------
    found : bool
        Whether it found something wrong.
    tool : str
    report : what the tool returned
    """

    found: bool
    tool: str
    report: Report

    def __str__(self) -> str:
        return f"{self.tool} {'found something' if self.found else 'found nothing wrong'}:\n\n{self.report}"


@dataclass(frozen=True)
class Symptom(SymptomData):
    """One quantity of the healthy case and of the sick one, measured just now; `plot` draws their losses.

    Attributes
    ----------
    name : str
    quantity : str
    healthy, sick : float
    healthy_losses, sick_losses : float64 (steps,)
        Of each step of training; empty if nothing was trained.
    visible : bool
        Whether they differ as much as the exhibit says.
    text : str
        The symptom in words.
    """

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the loss of both over the steps; write it to a picture file if one is given.

        Raises
        ------
        ValueError
            Nothing was trained for this symptom; or another ending of the file.
        """
        from scratchcnn.inspection.bug_zoo.symptom_figure import plot_symptom

        return plot_symptom(self, to_file)

    def __str__(self) -> str:
        numbers = f"{self.quantity}: healthy {self.healthy:.4g}, with the mistake {self.sick:.4g}."
        return "\n".join([numbers, *wrap(self.text)])


@dataclass(frozen=True)
class Exhibit:
    """A mistake that can be planted in a case.

    Attributes
    ----------
    name, title : str
    wrong, right : str
        The line of code, as it is made wrongly, and as it should be.
    symptom_text, hint, tool : str
    place : {'model', 'data'}
        Where the mistake is made.
    quantity : str
        What `symptom` measures.
    shift : float
        The sick value is at least so much above the healthy one, or, if negative, below it.
    """

    name: str
    title: str
    wrong: str
    right: str
    symptom_text: str
    hint: str
    tool: str
    place: str
    quantity: str
    shift: float
    sicken: Callable[[Case], Case]
    examine: Callable[[Case], Any]
    measure: Callable[[Case], Measured]

    def plant(self, case: Case) -> Case:
        """A new case with the mistake in it; the one given stays as it is.

        Raises
        ------
        ValueError
            Its model has nothing that this mistake can be made in.
        """
        return self.sicken(case)

    def find(self, case: Case | None = None) -> Diagnosis:
        """Let the tool look at a case; default: the healthy one with this mistake planted in it."""
        report = self.examine(self.plant(healthy()) if case is None else case)
        return Diagnosis(not report.ok, self.tool, report)

    def symptom(self) -> Symptom:
        """Measure, in a few seconds, what a student would see: in the healthy case and in the sick one."""
        whole = healthy()
        well, ill = self.measure(whole), self.measure(self.plant(whole))
        visible = ill.value >= well.value + self.shift if self.shift > 0 else ill.value <= well.value + self.shift
        return Symptom(
            self.name, self.quantity, well.value, ill.value, well.losses, ill.losses, visible, self.symptom_text
        )

    def __str__(self) -> str:
        rows = (
            ("wrong", self.wrong), ("right", self.right), ("symptom", self.symptom_text), ("hint", self.hint),
            ("tool", self.tool),
        )  # fmt: skip
        lines = [f"{self.name}: {self.title}", ""]
        for label, text in rows:
            lines += wrap(text, f"{label:<9}")
        return "\n".join(lines)
