"""Validation of scalar and shape arguments: each function returns the value in canonical form or raises an error."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import TypeGuard

import numpy as np

from scratchcnn.geometry import Padding, Pair
from scratchcnn.names import look_up
from scratchcnn.operands import Shape


def is_integer(value: object) -> TypeGuard[int]:
    """Return whether `value` is an integer of Python or NumPy, and not a boolean."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def positive_integer(name: str, value: object) -> int:
    """Return `value` as an int of at least 1; booleans and floats are not accepted."""
    if not is_integer(value) or value < 1:
        raise ValueError(f"Expected {name} as a whole number of at least 1, received {value!r}.")
    return int(value)


def whole_number(name: str, value: object) -> int:
    """Return `value` as an int of at least 0; booleans and floats are not accepted."""
    if not is_integer(value) or value < 0:
        raise ValueError(f"Expected {name} as a whole number of at least 0, received {value!r}.")
    return int(value)


def boolean(name: str, value: object) -> bool:
    """Return `value`, which must be True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"Expected {name} as True or False, received {value!r}.")
    return bool(value)


def seed_number(value: object) -> int | None:
    """Return `value` as an int of at least 0, or None."""
    if value is None:
        return None
    if not is_integer(value) or value < 0:
        raise ValueError(f"Expected seed as None or a whole number of at least 0, received {value!r}.")
    return int(value)


def integer_pair(name: str, value: object) -> Pair:
    """Return one integer or a pair of integers as (rows, columns), each at least 1."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) == 2:
            return positive_integer(name, value[0]), positive_integer(name, value[1])
    elif isinstance(value, numbers.Integral):
        return positive_integer(name, value), positive_integer(name, value)
    raise ValueError(
        f"Expected {name} as an integer or a pair of integers of at least 1, for example (3, 3), received {value!r}."
    )


def margins(name: str, value: object) -> tuple[Pair, Pair]:
    """Return rows and columns to add to an image as ((top, bottom), (left, right)), each at least 0.

    One integer stands for all four, a pair (rows, columns) for the same number on opposite sides.
    """
    sides = [value, value] if isinstance(value, numbers.Integral) else value
    if isinstance(sides, Sequence) and not isinstance(sides, str) and len(sides) == 2:
        pairs = [[side, side] if isinstance(side, numbers.Integral) else side for side in sides]
        if all(isinstance(pair, Sequence) and not isinstance(pair, str) and len(pair) == 2 for pair in pairs):
            (top, bottom), (left, right) = ((whole_number(name, each) for each in pair) for pair in pairs)
            return (top, bottom), (left, right)
    raise ValueError(
        f"Expected {name} as an integer, a pair (rows, columns) or a pair of pairs ((top, bottom), (left, right)), "
        f"each at least 0, received {value!r}."
    )


def target_shape(name: str, value: object) -> Shape:
    """Return `value` as the shape of one sample, in which one length may be -1: it follows from the others."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise ValueError(f"Expected {name} as a tuple such as (7, 7, 64) or (-1, 64), received {value!r}.")
    if sum(is_integer(length) and length == -1 for length in value) > 1:
        raise ValueError(f"Expected {name} with at most one -1, received {value!r}; give the other lengths.")
    return tuple(
        -1 if is_integer(length) and length == -1 else positive_integer(f"each length of {name}", length)
        for length in value
    )


def padding_name(value: object) -> Padding:
    """Return 'valid' or 'same', ignoring upper and lower case."""
    names: dict[str, Padding] = {"valid": "valid", "same": "same"}
    return look_up("padding", value.lower() if isinstance(value, str) else value, names)


def _is_number(value: object) -> TypeGuard[numbers.Real]:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def share(name: str, value: object) -> float:
    """Return `value` as a float in [0, 1)."""
    if not _is_number(value) or not 0 <= float(value) < 1:
        raise ValueError(f"Expected {name} as a number from 0 to below 1, received {value!r}.")
    return float(value)


def fraction(name: str, value: object) -> float:
    """Return `value` as a float in [0, 1]."""
    if not _is_number(value) or not 0 <= float(value) <= 1:
        raise ValueError(f"Expected {name} as a number from 0 to 1, received {value!r}.")
    return float(value)


def finite(name: str, value: object) -> float:
    """Return `value` as a finite float."""
    if not _is_number(value) or not math.isfinite(float(value)):
        raise ValueError(f"Expected {name} as a finite number, received {value!r}.")
    return float(value)


def non_negative(name: str, value: object) -> float:
    """Return `value` as a finite float of at least 0."""
    if not _is_number(value) or not 0 <= float(value) < math.inf:
        raise ValueError(f"Expected {name} as a finite number of at least 0, received {value!r}.")
    return float(value)


def positive(name: str, value: object) -> float:
    """Return `value` as a finite float above 0."""
    if not _is_number(value) or not 0 < float(value) < math.inf:
        raise ValueError(f"Expected {name} as a finite number above 0, received {value!r}.")
    return float(value)


def image_shape(name: str, value: object) -> Shape:
    """Return `value` as the shape of one sample, without the batch axis: a tuple of ints of at least 1."""
    if isinstance(value, numbers.Integral):
        value = (value,)
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise ValueError(f"Expected {name} as the shape of one sample, for example (28, 28, 1), received {value!r}.")
    if value[0] is None:
        raise ValueError(f"Expected {name} without the batch axis, as {tuple(value[1:])}, received {tuple(value)}.")
    return tuple(positive_integer(name, length) for length in value)


def channels_last(data_format: object, input_shape: object = None) -> None:
    """Check that `data_format` is None or 'channels_last', the only order of axes of this package.

    Raises
    ------
    ValueError
        'channels_first', with the transpose to use; or another value.
    """
    if data_format == "channels_first":
        shape: object = "(height, width, channels)"
        if isinstance(input_shape, Sequence) and len(input_shape) == 3:
            shape = (*input_shape[1:], input_shape[0])
        raise ValueError(
            f"Expected data_format 'channels_last', images of shape (N, H, W, C), received 'channels_first'; transpose "
            f"the images with x.transpose(0, 2, 3, 1), and use input_shape={shape}."
        )
    if data_format is not None:
        look_up("data_format", data_format, {"channels_last": data_format})
