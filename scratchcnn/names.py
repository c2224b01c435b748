"""Look-up by name: an unknown name raises an error that lists the known names and suggests the closest one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

Value = TypeVar("Value")


def look_up(kind: str, name: object, known: Mapping[str, Value]) -> Value:
    """Return the value registered under a name.

    Parameters
    ----------
    kind : str
        What is looked up, for the error message: 'optimizer', 'loss'.
    name : object
        The name; values that are not strings are reported like unknown names.
    known : mapping of str to any type

    Raises
    ------
    ValueError
        The name is unknown; the message lists all known names and suggests the closest one.

    Examples
    --------
    >>> look_up("padding", "vaild", {"valid": 0, "same": 1})
    Traceback (most recent call last):
    ValueError: Expected padding as one of 'valid', 'same', received 'vaild'. Did you mean 'valid'?
    """
    if isinstance(name, str) and name in known:
        return known[name]
    raise ValueError(
        f"Expected {kind} as one of {', '.join(map(repr, known))}, received {name!r}.{nearest(name, known)}"
    )


def nearest(name: object, known: Iterable[str]) -> str:
    """Return " Did you mean 'adam'?" with the known name that is most similar to `name`; '' if none is similar."""
    closest = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5) if isinstance(name, str) else []
    return f" Did you mean {closest[0]!r}?" if closest else ""
