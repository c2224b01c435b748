"""Weights as a page stores them: float16 times a power of two; their rounding error, and a model that has them."""

from __future__ import annotations

import base64
import math
from typing import Any, NamedTuple

import numpy as np

from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential

LARGEST_EXPONENT = 14  # the largest magnitude is stored as a number from 2**14 to 2**15; float16 ends below 2**16


class RoundingError(NamedTuple):
    """The largest rounding error of a parameter."""

    parameter: str  # 'conv2d/kernel'
    absolute: float
    relative: float  # to the largest magnitude of the parameter; 0 if all elements are 0


def store(array: Array, name: str = "array") -> dict[str, Any]:
    """Return the elements of an array as float16 for JSON: `{shape, scale, data}`.

        element[i] = scale * float16[i]

    The scale is a power of two with which the largest magnitude is close to the largest number of float16. Elements
    down to 2**-28 times the largest one then have the full precision of float16, a relative error of at most 2**-11.

    Parameters
    ----------
    array : any shape, finite
    name : str
        For the error message.

    Returns
    -------
    dict
        'shape', 'scale', and 'data', the float16 numbers in C order, little-endian, in base64.

    Raises
    ------
    ValueError
        An element is not finite.

    Examples
    --------
    >>> spec = store(np.array([0.5, -3.0]))
    >>> spec["shape"], spec["scale"] == 2**-13
    ([2], True)
    """
    halves, scale = _halves(array, name)
    data = base64.b64encode(halves.astype("<f2").tobytes()).decode("ascii")
    return {"shape": list(array.shape), "scale": scale, "data": data}


def rounded(array: Array, name: str = "array") -> Array:
    """Return the array with the values that `store` keeps, in its own dtype.

    Examples
    --------
    >>> rounded(np.array([1.0, 1.0001]))  # float16 has 11 significant bits
    array([1., 1.])
    """
    halves, scale = _halves(array, name)
    return halves.astype(array.dtype) * array.dtype.type(scale)


def _halves(array: Array, name: str) -> tuple[Array, float]:
    """Return the float16 numbers and the scale."""
    largest = float(np.abs(array).max(initial=0.0))
    if not math.isfinite(largest):
        raise ValueError(f"Expected finite weights in {name}, received infinity or NaN; train with a smaller step.")
    exponent = math.frexp(largest)[1] - 1 if largest else 0  # largest = m * 2**exponent with 1 <= m < 2
    exponent = max(exponent - LARGEST_EXPONENT, np.finfo(np.float32).minexp)  # the scale is exact in float32, too
    return np.ldexp(array.astype(np.float64), -exponent).astype(np.float16), math.ldexp(1.0, exponent)


def with_stored_weights(model: Sequential) -> Sequential:
    """Return a copy of a built model that has the weights of its page: those of `rounded`."""
    copied = model.clone()
    for name, layer in zip(copied.leaf_names, copied.leaf_layers, strict=True):
        layer.set_weights([rounded(array, f"{name}/{key}") for key, array in layer.params.items()])
    return copied


def rounding_errors(model: Sequential) -> list[RoundingError]:
    """Return the largest rounding error of each parameter of a built model."""
    found = []
    for name, layer in zip(model.leaf_names, model.leaf_layers, strict=True):
        for key, array in layer.params.items():
            exact, label = array.astype(np.float64), f"{name}/{key}"
            error = float(np.abs(rounded(exact, label) - exact).max(initial=0.0))
            largest = float(np.abs(exact).max(initial=0.0))
            found.append(RoundingError(label, error, error / largest if largest else 0.0))
    return found


def largest_rounding(model: Sequential) -> float:
    """Return the largest relative rounding error of all parameters; 0 for a model without parameters."""
    return max((each.relative for each in rounding_errors(model)), default=0.0)
