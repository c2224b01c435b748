"""What the classes are called in a picture: the names a user gives, or their numbers."""

from __future__ import annotations

from collections.abc import Sequence


def class_names(names: Sequence[object] | None, classes: int) -> list[str]:
    """One name for each class, in one line each.

    Raises
    ------
    ValueError
        They are not as many as the classes.
    """
    if names is None:
        return [str(number) for number in range(classes)]
    if isinstance(names, str) or len(names) != classes:
        received = repr(names) if isinstance(names, str) else len(names)
        raise ValueError(f"Expected {classes} names, one for each class, received {received}; give a list of them.")
    return [" ".join(str(name).split()) for name in names]
