"""How parameters begin: Glorot uniform, He normal, zeros; the formulas and names are Keras's."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from scratchcnn.configs import Configured, name_or_self
from scratchcnn.names import look_up
from scratchcnn.operands import Array, Shape

Initializer = Callable[[Shape, np.random.Generator, np.dtype[np.floating]], Array]


def fans(shape: Shape) -> tuple[int, int]:
    """Numbers that flow into and out of one unit: (fan in, fan out).

    For a dense kernel (I, J) that is I and J. In a convolution kernel (KH, KW, C, F), an output sees KH * KW * C
    numbers, and an input is seen KH * KW * F times.

    >>> fans((3, 3, 32, 64))
    (288, 576)
    """
    receptive_field = math.prod(shape[:-2])
    return receptive_field * shape[-2], receptive_field * shape[-1]


class GlorotUniform(Configured):
    """Uniform in ±sqrt(6 / (fan in + fan out)): keeps the variance from layer to layer, forward and backward.

    Source: Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", eq. 16.
    """

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Array:
        """An array of `shape` and `dtype`, drawn from `rng`."""
        limit = math.sqrt(6 / sum(fans(shape)))
        return rng.uniform(-limit, limit, shape).astype(dtype)


class HeNormal(Configured):
    """Normal with standard deviation sqrt(2 / fan in), cut off at two of the uncut deviations: for layers with ReLU.

    Source: He et al. 2015, "Delving deep into rectifiers", arXiv 1502.01852, section 2.2; the cut is Keras's.
    """

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Array:
        """An array of `shape` and `dtype`, drawn from `rng`."""
        deviation_when_cut = 0.87962566103423978  # of a standard normal cut off at ±2
        values = rng.standard_normal(shape)
        while (outside := np.abs(values) > 2).any():
            values[outside] = rng.standard_normal(int(outside.sum()))
        return (values * math.sqrt(2 / fans(shape)[0]) / deviation_when_cut).astype(dtype)


class Zeros(Configured):
    """All zeros: for biases."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Array:
        """An array of `shape` and `dtype`; nothing is drawn."""
        return np.zeros(shape, dtype)


KNOWN: dict[str, Initializer] = {"glorot_uniform": GlorotUniform(), "he_normal": HeNormal(), "zeros": Zeros()}


def get(identifier: str | Initializer) -> Initializer:
    """The initializer of that name, or `identifier` itself if it is one.

    Raises
    ------
    ValueError
        There is no initializer of that name.
    """
    if callable(identifier):
        return identifier
    return look_up("initializer", identifier, KNOWN)


def serialize(initializer: Initializer) -> str | Initializer:
    """The name of an initializer, for a config; a user's own stays as it is."""
    return name_or_self(initializer, KNOWN)
