"""Looking things up by name, with an error that says which names exist and which one is nearest."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

Thing = TypeVar("Thing")


def look_up(kind: str, name: object, things: Mapping[str, Thing]) -> Thing:
    """The thing of that name.

    Raises
    ------
    ValueError
        There is none; the message names all that exist, and the nearest.
    """
    if isinstance(name, str) and name in things:
        return things[name]
    near = difflib.get_close_matches(name.lower(), things, n=1, cutoff=0.5) if isinstance(name, str) else []
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"Expected {kind} as one of {', '.join(map(repr, things))}, received {name!r}.{hint}")
