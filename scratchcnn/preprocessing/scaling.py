"""Min-max scaling: from [minimum, maximum] to [0, 1], and back."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

# Values per block: float64 buffers of this length stay in the processor's cache.
BLOCK = 16_384


class Scaler(NamedTuple):
    """The range that is scaled to [0, 1]."""

    minimum: float
    maximum: float


AnyScaler = Scaler | Sequence[float] | npt.NDArray[Any]
Block = npt.NDArray[np.float64]
Scaled = npt.NDArray[np.float32 | np.float64]


def create_scaler(*partitions: npt.ArrayLike) -> Scaler:
    """Return the minimum and maximum over all partitions of a data set.

    Give all partitions (training, validation, test) in one call, or the range itself as in `create_scaler([0, 255])`,
    so that all of them are scaled equally.

    Parameters
    ----------
    *partitions : array-like
        At least one, each of any shape and real dtype, not empty.

    Returns
    -------
    Scaler
        (minimum, maximum) as Python floats.

    Raises
    ------
    TypeError
        A partition does not consist of numbers.
    ValueError
        There is no partition, one is empty or contains NaN or infinity, or all values are equal.

    References
    ----------
    "Digit classification using CNN, Keras deep learning framework", Towards AI, 2020.

    Examples
    --------
    >>> create_scaler([3, 7], [[5, 11]])
    Scaler(minimum=3.0, maximum=11.0)
    """
    if not partitions:
        raise ValueError("Expected at least one partition, received none; call create_scaler([0, 255]) or with arrays.")
    ends: list[float] = []
    for place, partition in enumerate(partitions):
        values = _numbers(partition, f"partition {place}")
        if values.size == 0:
            raise ValueError(
                f"Expected values in partition {place}, received an empty one of shape {values.shape}; leave it out."
            )
        smallest, largest = float(values.min()), float(values.max())
        if not (math.isfinite(smallest) and math.isfinite(largest)):  # NaN anywhere makes both NaN
            raise ValueError(
                f"Expected finite values in partition {place}, received {smallest} to {largest}; replace NaN and "
                "infinity in the data first, for example with numpy.nan_to_num."
            )
        ends += [smallest, largest]
    return _check(min(ends), max(ends))


def normalizer(scaler: AnyScaler, x: npt.ArrayLike) -> Scaled:
    """Scale values from [minimum, maximum] to [0, 1]: (x - minimum) / (maximum - minimum).

    Parameters
    ----------
    scaler : Scaler or [minimum, maximum]
        The range, for example from `create_scaler`.
    x : array-like
        Of any shape and real dtype. Values outside the range are scaled to values below 0 or above 1.

    Returns
    -------
    ndarray
        A new array of x's shape: float32, or float64 if x is float64, as a list of Python floats is.

    Raises
    ------
    TypeError
        The scaler or x does not consist of numbers.
    ValueError
        The scaler is not two finite numbers with minimum < maximum.

    Notes
    -----
    Computed in float64, block by block, and rounded once. So integers do not overflow, and no float64 copy of the data
    set is needed. NaN and infinity are preserved.

    Examples
    --------
    >>> normalizer([0, 4], [0, 1, 4])
    array([0.  , 0.25, 1.  ], dtype=float32)
    """
    minimum, maximum = _as_scaler(scaler)
    return _by_blocks(x, lambda block: (block - minimum) / (maximum - minimum))


def denormalizer(scaler: AnyScaler, x: npt.ArrayLike) -> Scaled:
    """Scale values from [0, 1] back to [minimum, maximum]: x (maximum - minimum) + minimum.

    The inverse of `normalizer`.

    Parameters
    ----------
    scaler : Scaler or [minimum, maximum]
        The range that was given to `normalizer`.
    x : array-like
        Of any shape and real dtype.

    Returns
    -------
    ndarray
        A new array of x's shape: float32, or float64 if x is float64. To obtain uint8 pixels, round it first:
        `np.rint(...).astype(np.uint8)`, since `astype` alone truncates 4.9999 to 4.

    Raises
    ------
    TypeError
        The scaler or x does not consist of numbers.
    ValueError
        The scaler is not two finite numbers with minimum < maximum.

    Examples
    --------
    >>> denormalizer([0, 4], [0, 0.25, 1])
    array([0., 1., 4.])
    """
    minimum, maximum = _as_scaler(scaler)
    return _by_blocks(x, lambda block: block * (maximum - minimum) + minimum)


def _by_blocks(x: npt.ArrayLike, scale: Callable[[Block], Block]) -> Scaled:
    """Apply a function to float64 blocks of x; the result has the dtype that `normalizer` documents."""
    values = _numbers(x, "x")
    wide = values.dtype.kind == "f" and values.dtype.itemsize >= 8
    result = np.empty(values.shape, np.float64 if wide else np.float32)
    source, target = values.reshape(-1), result.reshape(-1)
    for start in range(0, len(source), BLOCK):
        target[start : start + BLOCK] = scale(source[start : start + BLOCK].astype(np.float64))
    return result


def _numbers(x: npt.ArrayLike, name: str) -> npt.NDArray[Any]:
    """Return x as an array of real numbers."""
    try:
        values = np.asarray(x)
    except ValueError as error:
        raise TypeError(f"Expected {name} as an array of numbers, received rows of unequal length; pad them") from error
    if values.dtype.kind not in "biuf":
        raise TypeError(f"Expected {name} as real numbers, received dtype {values.dtype}; use astype(float).")
    return values


def _as_scaler(scaler: AnyScaler) -> Scaler:
    """Check a scaler given as a sequence."""
    ends = _numbers(scaler, "the scaler")
    if ends.shape != (2,):
        raise ValueError(f"Expected a scaler [minimum, maximum], received shape {ends.shape}; use create_scaler(x).")
    return _check(float(ends[0]), float(ends[1]))


def _check(minimum: float, maximum: float) -> Scaler:
    """Return the scaler after checking that its range is finite and not empty."""
    ends = f"minimum {minimum} and maximum {maximum}"
    if not math.isfinite(maximum - minimum):
        raise ValueError(f"Expected a finite range, received {ends}; give two finite numbers, as in [0, 255].")
    if minimum >= maximum:
        fix = "all values are equal, so give the range itself" if minimum == maximum else "exchange the two"
        raise ValueError(f"Expected minimum < maximum, received {ends}; {fix}, as in [0, 255].")
    return Scaler(minimum, maximum)
