"""The bug zoo: classic mistakes, each with the symptom a student sees, a hint, and the tool that finds it.

    >>> from scratchcnn.inspection import bug_zoo
    >>> "missing_1_over_n" in bug_zoo.names()
    True
    >>> print(bug_zoo.describe("missing_1_over_n").splitlines()[0])
    missing_1_over_n: the gradient of the mean loss is not divided by N

`exhibit(name).symptom()` measures what it does to a small network, `exhibit(name).find()` lets the tool look for it,
and `plant(model, name)` makes the mistake in a copy of a model of your own. Nothing in the package itself is changed:
every mistake lives in a class, a model or a data set of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import overload

from scratchcnn.inspection.bug_zoo import wrong_data, wrong_gradients, wrong_orders, wrong_states, wrong_training
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

_ROOMS = (wrong_gradients, wrong_orders, wrong_states, wrong_training, wrong_data)
_EXHIBITS = {each.name: each for room in _ROOMS for each in room.EXHIBITS}


def names() -> list[str]:
    """The names of all exhibits."""
    return list(_EXHIBITS)


def exhibit(name: str) -> Exhibit:
    """The exhibit of that name.

    Raises
    ------
    ValueError
        There is none; the message has the nearest name.
    """
    return look_up("exhibit", name, _EXHIBITS)


def describe(name: str) -> str:
    """The wrong line and the right one, symptom, hint and tool, as text; errors as for `exhibit`."""
    return str(exhibit(name))


def planted(name: str) -> Case:
    """A small network and its data with this mistake in it; without, they are `healthy()`. Errors as for `exhibit`."""
    return exhibit(name).plant(healthy())


@overload
def plant(thing: Sequential, name: str) -> Sequential: ...
@overload
def plant(thing: Case, name: str) -> Case: ...
def plant(thing: Sequential | Case, name: str) -> Sequential | Case:
    """Make a mistake in a copy of a model, or of a model with its data; what is given stays as it is.

    Parameters
    ----------
    thing : Sequential or Case
        A built and compiled model; a Case for mistakes in the data.
    name : str

    Returns
    -------
    As `thing`

    Raises
    ------
    TypeError
        Neither.
    ValueError
        There is no such exhibit; its mistake is one of data, and a model was given; or the model has nothing that it
        can be made in.
    """
    chosen = exhibit(name)
    if isinstance(thing, Case):
        return chosen.plant(thing)
    if not isinstance(thing, Sequential):
        raise TypeError(f"Expected a model or a Case, received {thing!r}; bug_zoo.healthy() makes a Case.")
    if chosen.place == "data":
        raise ValueError(
            f"Expected a Case for {name!r}, a mistake in the data, received a model; give Case(model, ...)."
        )
    empty = healthy()
    return chosen.plant(replace(empty, model=thing)).model
