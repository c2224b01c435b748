"""Initializers with a distribution that is the same for every layer: normal, uniform, and orthogonal matrices."""

from __future__ import annotations

import math

import numpy as np

from scratchcnn.arguments import finite, non_negative
from scratchcnn.configs import Configured
from scratchcnn.initializers.base import truncated_standard_normal
from scratchcnn.operands import Array, Shape


class RandomNormal(Configured):
    """Normal distribution: w ~ Normal(mean, stddev**2).

    Parameters
    ----------
    mean : float, default 0
    stddev : float, default 0.05
        Standard deviation.

    Raises
    ------
    ValueError
        An argument is not finite, or the standard deviation is negative.

    Examples
    --------
    >>> RandomNormal(stddev=0.01)((2,), np.random.default_rng(0), np.dtype("float64")).round(5)
    array([ 0.00126, -0.00132])
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05) -> None:
        self.mean, self.stddev = finite("mean", mean), non_negative("stddev", stddev)

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Array:
        """Draw an array of this shape and dtype from `rng`."""
        return (self.mean + self.stddev * self._standard(shape, rng)).astype(dtype)

    def _standard(self, shape: Shape, rng: np.random.Generator) -> Array:
        return rng.standard_normal(shape)


class TruncatedNormal(RandomNormal):
    """Normal distribution truncated at two standard deviations: values beyond them are drawn again.

    The standard deviation of the values is therefore smaller than `stddev`: 0.88 times as large.

    Parameters
    ----------
    mean : float, default 0
    stddev : float, default 0.05
        Standard deviation before truncation.

    Raises
    ------
    ValueError
        As for `RandomNormal`.
    """

    def _standard(self, shape: Shape, rng: np.random.Generator) -> Array:
        return truncated_standard_normal(shape, rng)


class RandomUniform(Configured):
    """Uniform distribution: w ~ Uniform[minval, maxval).

    Parameters
    ----------
    minval, maxval : float, defaults -0.05 and 0.05

    Raises
    ------
    ValueError
        An argument is not finite, or minval is above maxval.

    Examples
    --------
    >>> RandomUniform(0.0, 1.0)((2,), np.random.default_rng(0), np.dtype("float64")).round(4)
    array([0.637 , 0.2698])
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05) -> None:
        self.minval, self.maxval = finite("minval", minval), finite("maxval", maxval)
        if self.minval > self.maxval:
            raise ValueError(
                f"Expected minval of at most maxval, received {self.minval} and {self.maxval}; exchange them."
            )

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Array:
        """Draw an array of this shape and dtype from `rng`."""
        return rng.uniform(self.minval, self.maxval, shape).astype(dtype)


class Orthogonal(Configured):
    """A random orthogonal matrix, times a gain: preserves the length of a vector that it is applied to.

    The array is a matrix with its last axis as columns. Its columns are orthonormal, or its rows if there are fewer of
    them; it is drawn uniformly from all such matrices, as Q of the QR decomposition of a normal matrix, with the signs
    of the diagonal of R.

    Parameters
    ----------
    gain : float, default 1

    Raises
    ------
    ValueError
        The gain is not a finite number; or, when it is called, the shape has fewer than two axes.

    References
    ----------
    Saxe, McClelland & Ganguli 2014, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks", arXiv 1312.6120; Mezzadri 2007, "How to generate random matrices from the classical compact groups".

    Examples
    --------
    >>> w = Orthogonal()((3, 2), np.random.default_rng(0), np.dtype("float64"))
    >>> (w.T @ w).round(12) + 0.0
    array([[1., 0.],
           [0., 1.]])
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = finite("gain", gain)

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Array:
        """Draw an array of this shape and dtype from `rng`."""
        if len(shape) < 2:
            raise ValueError(
                f"Expected a shape of at least two axes for Orthogonal, received {shape}; use it for a kernel."
            )
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        q = q * np.where(np.diag(r) < 0, -1, 1)
        return (self.gain * (q.T if rows < columns else q)).reshape(shape).astype(dtype)
