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
from typing import overload

from scratchcnn.inspection.bug_zoo import data_bugs, gradient_bugs, order_bugs, state_bugs, training_bugs
from scratchcnn.inspection.bug_zoo.case import Case, healthy
from scratchcnn.inspection.bug_zoo.exhibit import Diagnosis, Exhibit, Symptom
from scratchcnn.names import look_up
from scratchcnn.sequential import Sequential

__all__ = [
    "Case",
    "Diagnosis",
    "Exhibit",
    "Symptom",
    "describe",
    "exhibit",
    "healthy",
    "names",
    "plant",
    "planted",
]

_MODULES = (gradient_bugs, order_bugs, state_bugs, training_bugs, data_bugs)
_EXHIBITS = {each.name: each for module in _MODULES for each in module.EXHIBITS}


def names() -> list[str]:
    """Return the names of all exhibits."""
    return list(_EXHIBITS)


def exhibit(name: str) -> Exhibit:
    """Return the exhibit of that name; ValueError, with the most similar name, if there is none."""
    return look_up("exhibit", name, _EXHIBITS)


def describe(name: str) -> str:
    """Return bug, fix, symptom, hint and check as text; errors as for `exhibit`."""
    return str(exhibit(name))


def planted(name: str) -> Case:
    """Return the model and data of `healthy()` with this bug; errors as for `exhibit`."""
    return exhibit(name).plant(healthy())


@overload
def plant(thing: Sequential, name: str) -> Sequential: ...
@overload
def plant(thing: Case, name: str) -> Case: ...
def plant(thing: Sequential | Case, name: str) -> Sequential | Case:
    """Add a bug to a copy of a model, or of a model with its data.

    Parameters
    ----------
    thing : Sequential or Case
        A built and compiled model; a Case for bugs in the data. It is not modified.
    name : str

    Returns
    -------
    As `thing`

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
