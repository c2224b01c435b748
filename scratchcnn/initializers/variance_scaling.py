"""Initializers that choose the variance from the number of connections of a layer: Glorot, He, LeCun."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from scratchcnn.arguments import positive
from scratchcnn.configs import Configured
from scratchcnn.initializers.base import TRUNCATED_DEVIATION, truncated_standard_normal
from scratchcnn.names import look_up
from scratchcnn.operands import Array, Shape

Mode = Literal["fan_in", "fan_out", "fan_avg"]
Distribution = Literal["truncated_normal", "untruncated_normal", "uniform"]
MODES: dict[str, Mode] = {"fan_in": "fan_in", "fan_out": "fan_out", "fan_avg": "fan_avg"}
DISTRIBUTIONS: dict[str, Distribution] = {
    "truncated_normal": "truncated_normal", "untruncated_normal": "untruncated_normal", "uniform": "uniform",
    "normal": "truncated_normal",
}  # fmt: skip


def fans(shape: Shape) -> tuple[int, int]:
    """Return (fan_in, fan_out), the numbers of connections into and out of one unit of a kernel.

    For a dense kernel (I, J) these are I and J. For a convolution kernel (KH, KW, C, F), each output depends on
    KH * KW * C inputs, and each input affects KH * KW * F outputs (with stride 1). For a bias (F,) both are F.

    >>> fans((3, 3, 32, 64))
    (288, 576)
    """
    if len(shape) == 1:
        return shape[0], shape[0]
    receptive_field = math.prod(shape[:-2])
    return receptive_field * shape[-2], receptive_field * shape[-1]


class VarianceScaling(Configured):
    """Random values whose variance is a scale divided by the number of connections of a unit.

        variance = scale / fan,   fan = fan_in, fan_out, or their mean (fan_avg)

        'truncated_normal'     w ~ Normal(0, variance), truncated at two standard deviations; the distribution before
                               truncation is wider, so that the variance after it is as given
        'untruncated_normal'   w ~ Normal(0, variance)
        'uniform'              w ~ Uniform[-limit, limit),   limit = sqrt(3 * variance)

    Parameters
    ----------
    scale : float, default 1
    mode : {'fan_in', 'fan_out', 'fan_avg'}, default 'fan_in'
    distribution : {'truncated_normal', 'untruncated_normal', 'uniform'}, default 'truncated_normal'
        'normal' stands for 'truncated_normal', as in Keras.

    Raises
    ------
    ValueError
        The scale is not positive, or a name is unknown.

    References
    ----------
    Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks"; He et al. 2015,
    "Delving deep into rectifiers", arXiv 1502.01852; LeCun et al. 1998, "Efficient BackProp", section 4.6.

    Examples
    --------
    >>> w = VarianceScaling(2.0, "fan_out")((100, 300), np.random.default_rng(0), np.dtype("float64"))
    >>> round(300 * float(w.var()), 1)
    2.0
    """

    def __init__(self, scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal") -> None:
        self.scale = positive("scale", scale)
        self.mode = look_up("mode", mode, MODES)
        self.distribution = look_up(
            "distribution", distribution.lower() if isinstance(distribution, str) else distribution, DISTRIBUTIONS
        )

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Array:
        """Draw an array of this shape and dtype from `rng`."""
        return _draw(self.scale, self.mode, self.distribution, shape, rng, dtype)


def _draw(
    scale: float,
    mode: Mode,
    distribution: Distribution,
    shape: Shape,
    rng: np.random.Generator,
    dtype: np.dtype[np.floating],
) -> Array:
    fan_in, fan_out = fans(shape)
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
    if distribution == "uniform":
        limit = math.sqrt(3 * scale / fan)
        return rng.uniform(-limit, limit, shape).astype(dtype)
    deviation = math.sqrt(scale / fan)
    if distribution == "untruncated_normal":
        return (deviation * rng.standard_normal(shape)).astype(dtype)
    return (truncated_standard_normal(shape, rng) * deviation / TRUNCATED_DEVIATION).astype(dtype)


class _Fixed(Configured):
    """A variance scaling with a name of its own, and without arguments."""

    _scale = 1.0
    _mode: Mode = "fan_in"
    _distribution: Distribution = "truncated_normal"

    def __init__(self) -> None:
        """Take no arguments; in particular no seed, since the random generator is passed when it is called."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Array:
        """Draw an array of this shape and dtype from `rng`."""
        return _draw(self._scale, self._mode, self._distribution, shape, rng, dtype)


class GlorotUniform(_Fixed):
    """Glorot (Xavier) uniform: keeps the variance from layer to layer, forward and backward.

        w ~ Uniform[-limit, limit),   limit = sqrt(6 / (fan_in + fan_out))

    References
    ----------
    Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", equation 16.
    """

    _mode: Mode = "fan_avg"
    _distribution: Distribution = "uniform"


class GlorotNormal(_Fixed):
    """Glorot (Xavier) normal: keeps the variance from layer to layer, forward and backward.

        w ~ Normal(0, 2 / (fan_in + fan_out)), truncated

    References
    ----------
    Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", equation 12; the
    truncation is that of Keras.
    """

    _mode: Mode = "fan_avg"


class HeNormal(_Fixed):
    """He (Kaiming) normal: keeps the variance of the activations in layers with ReLU.

        w ~ Normal(0, 2 / fan_in), truncated

    The normal distribution is truncated at two standard deviations, as in Keras, and scaled so that the variance after
    truncation is 2 / fan_in.

    References
    ----------
    He et al. 2015, "Delving deep into rectifiers", arXiv 1502.01852, section 2.2; the truncation is that of Keras.
    """

    _scale = 2.0


class HeUniform(_Fixed):
    """He (Kaiming) uniform: keeps the variance of the activations in layers with ReLU.

        w ~ Uniform[-limit, limit),   limit = sqrt(6 / fan_in)

    References
    ----------
    He et al. 2015, "Delving deep into rectifiers", arXiv 1502.01852, section 2.2.
    """

    _scale = 2.0
    _distribution: Distribution = "uniform"


class LecunNormal(_Fixed):
    """LeCun normal: keeps the variance of the activations in linear layers.

        w ~ Normal(0, 1 / fan_in), truncated

    References
    ----------
    LeCun et al. 1998, "Efficient BackProp", section 4.6; the truncation is that of Keras.
    """


class LecunUniform(_Fixed):
    """LeCun uniform: keeps the variance of the activations in linear layers.

        w ~ Uniform[-limit, limit),   limit = sqrt(3 / fan_in)

    References
    ----------
    LeCun et al. 1998, "Efficient BackProp", section 4.6.
    """

    _distribution: Distribution = "uniform"
