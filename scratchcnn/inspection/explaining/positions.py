"""Positions: the index of one value in an array of a trace, with or without the sample."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from scratchcnn.arguments import is_integer
from scratchcnn.operands import Shape

AXES = {2: ("sample", "unit"), 4: ("sample", "row", "column", "channel")}


def position_in_batch(position: object, shape: Shape, what: str) -> Shape:
    """Return `position` as an index into a batch of arrays; the sample may be omitted if there is only one.

    Parameters
    ----------
    position : int or sequence of int
    shape : tuple of int
        Of the batch, (N, ...).
    what : str
        The array, for messages.

    Raises
    ------
    TypeError
        Not integers.
    ValueError
        Another number of indices, or an index out of range.

    Examples
    --------
    >>> position_in_batch((3, 3, 0), (1, 26, 26, 32), "output")
    (0, 3, 3, 0)
    """
    axes = AXES.get(len(shape)) or ("sample", *(f"axis {axis}" for axis in range(1, len(shape))))
    forms = [(axes, shape)] if shape[0] > 1 else [(axes[1:], shape[1:]), (axes, shape)]
    found = _index(position, forms, f"the position in {what}")
    return found if len(found) == len(shape) else (0, *found)


def position_in_parameter(position: object, shape: Shape, what: str) -> Shape:
    """Return `position` as an index into a parameter; raises as `position_in_batch`."""
    return _index(position, [(tuple(f"axis {axis}" for axis in range(len(shape))), shape)], f"the position in {what}")


def _index(position: object, forms: Sequence[tuple[tuple[str, ...], Shape]], what: str) -> Shape:
    """Return an index of one of the forms, each of which is names of axes and their lengths."""
    given: Any = position.tolist() if isinstance(position, np.ndarray) else position
    given = (given,) if isinstance(given, numbers.Integral) else given
    expected = " or ".join(f"({', '.join(axes)})" for axes, _ in forms)
    example = tuple(length // 2 for length in forms[0][1])
    advice = f"for example {example[0] if len(example) == 1 else example}"
    if not isinstance(given, Sequence) or isinstance(given, str) or not all(map(is_integer, given)):
        raise TypeError(f"Expected {what} as integers {expected}, received {position!r}; {advice}.")
    for axes, shape in forms:
        if len(given) == len(shape):
            for name, index, length in zip(axes, given, shape, strict=True):
                if not 0 <= index < length:
                    raise ValueError(
                        f"Expected {what} as {expected} with {name} from 0 to {length - 1}, received {tuple(given)}; "
                        f"{advice}."
                    )
            return tuple(map(int, given))
    raise ValueError(f"Expected {what} as {expected}, received {tuple(given)}; {advice}.")
