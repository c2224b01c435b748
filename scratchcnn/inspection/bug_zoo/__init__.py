"""What are the symptoms of a classic bug, and which check finds it? Each exhibit has the bug, symptom, check and fix.

    >>> from scratchcnn.inspection import bug_zoo
    >>> print(bug_zoo.describe("missing_1_over_n").splitlines()[0])
    missing_1_over_n: the gradient of the mean loss is not divided by N

`exhibit(name).symptom()` measures the effect on a small network, `exhibit(name).find()` runs the check, and
`plant(model, name)` adds the bug to a copy of your own model. The package itself is not changed: every bug is in a
class, a model or a data set of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from scratchcnn.inspection.bug_zoo import arithmetic_bugs, state_bugs, training_bugs
from scratchcnn.inspection.bug_zoo.case import Case, healthy
from scratchcnn.inspection.bug_zoo.exhibit import Diagnosis, Exhibit, Symptom
from scratchcnn.names import look_up
from scratchcnn.sequential import Sequential

__all__ = ["Case", "Diagnosis", "Exhibit", "Symptom", "describe", "exhibit", "healthy", "names", "plant"]

_EXHIBITS = {each.name: each for bugs in (arithmetic_bugs, state_bugs, training_bugs) for each in bugs.EXHIBITS}
_Thing = TypeVar("_Thing", Sequential, Case)


def names() -> list[str]:
    """Return the names of all exhibits."""
    return list(_EXHIBITS)


def exhibit(name: str) -> Exhibit:
    """Return the exhibit of that name; ValueError, with the most similar name, if there is none."""
    return look_up("exhibit", name, _EXHIBITS)


def describe(name: str) -> str:
    """Return bug, fix, symptom, hint and check as text; errors as for `exhibit`."""
    return str(exhibit(name))


def plant(thing: _Thing, name: str) -> _Thing:
    """Return a copy of a built and compiled model, or of a Case, a model with its data, with a bug in it.

    Raises
    ------
    TypeError
        Neither a model nor a Case.
    ValueError
        There is no such exhibit; it is a bug in the data, and a model was given; or the model has no layer, loss or
        optimizer that can have this bug.
    """
    chosen = exhibit(name)
    if isinstance(thing, Case):
        return chosen.plant(thing)
    if not isinstance(thing, Sequential):
        raise TypeError(f"Expected a model or a Case, received {thing!r}; bug_zoo.healthy() makes a Case.")
    if chosen.in_data:
        raise ValueError(f"Expected a Case for {name!r}, a bug in the data, received a model; give Case(model, ...).")
    return chosen.plant(replace(healthy(), model=thing)).model
