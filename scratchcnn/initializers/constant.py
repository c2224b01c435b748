"""Initializers without randomness: zeros, ones, a constant, and the identity matrix."""

from __future__ import annotations

import numpy as np

from scratchcnn.arguments import finite
from scratchcnn.configs import Configured
from scratchcnn.operands import Array, Shape


class Zeros(Configured):
    """All zeros; the default for biases."""

    def __init__(self) -> None:
        """Take no arguments."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Array:
        """Return zeros of this shape and dtype; `rng` is not used."""
        return np.zeros(shape, dtype)


class Ones(Configured):
    """All ones; the default for the scale and the moving variance of a batch normalization."""

    def __init__(self) -> None:
        """Take no arguments."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Array:
        """Return ones of this shape and dtype; `rng` is not used."""
        return np.ones(shape, dtype)


class Constant(Configured):
    """A constant.

    Parameters
    ----------
    value : float, default 0

    Raises
    ------
    ValueError
        The value is not a finite number.

    Examples
    --------
    >>> Constant(0.1)((2,), np.random.default_rng(0), np.dtype("float64"))
    array([0.1, 0.1])
    """

    def __init__(self, value: float = 0.0) -> None:
        self.value = finite("value", value)

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Array:
        """Return an array of this shape and dtype; `rng` is not used."""
        return np.full(shape, self.value, dtype)


class Identity(Configured):
    """A multiple of the identity matrix, for the kernel of a dense layer.

        w[i, j] = gain if i = j, and 0 otherwise

    Parameters
    ----------
    gain : float, default 1

    Raises
    ------
    ValueError
        The gain is not a finite number; or, when it is called, the shape is not that of a matrix.

    Examples
    --------
    >>> Identity(2.0)((2, 3), np.random.default_rng(0), np.dtype("float64"))
    array([[2., 0., 0.],
           [0., 2., 0.]])
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = finite("gain", gain)

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Array:
        """Return a matrix of this shape and dtype; `rng` is not used."""
        if len(shape) != 2:
            raise ValueError(
                f"Expected the shape of a matrix for Identity, received {shape}; use it for the kernel of Dense."
            )
        return (self.gain * np.eye(*shape)).astype(dtype)
