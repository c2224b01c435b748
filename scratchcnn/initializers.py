"""Initializers: initial values of kernels and biases. Names and formulas are those of Keras."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from scratchcnn.configs import Configured, name_or_self
from scratchcnn.names import look_up, names_of_module
from scratchcnn.operands import Array, Shape

Initializer = Callable[[Shape, np.random.Generator, np.dtype[np.floating]], Array]

# Standard deviation of a standard normal distribution truncated to [-2, 2]
TRUNCATED_DEVIATION = 0.87962566103423978


def fans(shape: Shape) -> tuple[int, int]:
    """Return (fan_in, fan_out), the numbers of connections into and out of one unit of a kernel.

    For a dense kernel (I, J) these are I and J. For a convolution kernel (KH, KW, C, F), each output depends on
    KH * KW * C inputs, and each input affects KH * KW * F outputs (with stride 1).

    >>> fans((3, 3, 32, 64))
    (288, 576)
    """
    receptive_field = math.prod(shape[:-2])
    return receptive_field * shape[-2], receptive_field * shape[-1]


class GlorotUniform(Configured):
    """Glorot (Xavier) uniform: keeps the variance from layer to layer, forward and backward.

        w ~ Uniform[-limit, limit),   limit = sqrt(6 / (fan_in + fan_out))

    References
    ----------
    Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", equation 16.
    """

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Array:
        """Draw an array of this shape and dtype from `rng`."""
        limit = math.sqrt(6 / sum(fans(shape)))
        return rng.uniform(-limit, limit, shape).astype(dtype)


class HeNormal(Configured):
    """He (Kaiming) normal: keeps the variance of the activations in layers with ReLU.

        w ~ Normal(0, 2 / fan_in), truncated

    The normal distribution is truncated at two standard deviations, as in Keras, and scaled so that the variance after
    truncation is 2 / fan_in.

    References
    ----------
    He et al. 2015, "Delving deep into rectifiers", arXiv 1502.01852, section 2.2; the truncation is that of Keras.
    """

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Array:
        """Draw an array of this shape and dtype from `rng`."""
        values = rng.standard_normal(shape)
        while (outside := np.abs(values) > 2).any():
            values[outside] = rng.standard_normal(int(outside.sum()))
        return (values * math.sqrt(2 / fans(shape)[0]) / TRUNCATED_DEVIATION).astype(dtype)


class Zeros(Configured):
    """All zeros; the default for biases."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Array:
        """Return zeros of this shape and dtype; `rng` is not used."""
        return np.zeros(shape, dtype)


class Ones(Configured):
    """All ones; the default for the scale and the moving variance of a batch normalization."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Array:
        """Return ones of this shape and dtype; `rng` is not used."""
        return np.ones(shape, dtype)


KNOWN: dict[str, Initializer] = {
    "glorot_uniform": GlorotUniform(), "he_normal": HeNormal(), "ones": Ones(), "zeros": Zeros(),
}  # fmt: skip


def get(identifier: str | Initializer) -> Initializer:
    """Return the initializer with this name, or `identifier` itself if it is callable.

    Raises
    ------
    ValueError
        There is no initializer with this name.
    """
    if callable(identifier):
        return identifier
    return look_up("initializer", identifier, KNOWN)


def serialize(initializer: Initializer) -> str | Initializer:
    """Return the name of a built-in initializer, for a config; any other initializer is returned unchanged."""
    return name_or_self(initializer, KNOWN)


if not TYPE_CHECKING:  # a type checker would take every name for defined
    __getattr__ = names_of_module(__name__)
