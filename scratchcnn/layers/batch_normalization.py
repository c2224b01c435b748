"""BatchNormalization: each channel with mean 0 and variance 1 over the batch, then scaled and shifted as learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scratchcnn import initializers
from scratchcnn.arguments import boolean, fraction, is_integer, positive
from scratchcnn.configs import Config
from scratchcnn.layers.base import Gradients, Layer
from scratchcnn.layers.parameters import Parameter
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations


class BatchNormalizationCache(NamedTuple):
    """What the backward pass needs: the input, and the mean and variance with which it was normalized."""

    x: Array  # (..., C)
    mean: Array  # (C,), float64
    variance: Array  # (C,), float64
    of_batch: bool  # whether mean and variance are those of x, and not the moving averages


class BatchNormalization(Layer):
    """Batch normalization: normalizes each channel, then scales and shifts it.

        y[..., c] = gamma[c] * (x[..., c] - mean[c]) / sqrt(variance[c] + epsilon) + beta[c]

    In training, mean and variance are those of the batch, over all axes but the last. In inference they are moving
    averages, which each training step updates after the parameters:

        moving_mean = momentum * moving_mean + (1 - momentum) * mean
        moving_variance = momentum * moving_variance + (1 - momentum) * variance

    Notation: x is the input and y the output; c counts the C channels of images (N, H, W, C), or the C units of (N, C);
    mean and variance are those of a channel, gamma and beta its learned scale and offset; sqrt is the square root.

    Parameters
    ----------
    axis : int, default -1
        The axis of the channels, counted with the batch axis: the last one, -1, or 3 for images.
    momentum : float, default 0.99
        From 0 to 1.
    epsilon : float, default 0.001
        Above 0; keeps a channel of constant values from being divided by zero.
    center, scale : bool, default True
        Whether there is a beta, and a gamma.
    beta_initializer, gamma_initializer : str or callable, defaults 'zeros' and 'ones'
    moving_mean_initializer, moving_variance_initializer : str or callable, defaults 'zeros' and 'ones'
    input_shape, name
        As for every `Layer`.

    Attributes
    ----------
    params : dict
        'gamma' (C,) and 'beta' (C,), if there are such, and the statistics 'moving_mean' (C,) and 'moving_variance'
        (C,), which no optimizer updates.

    Notes
    -----
    Input and output have the same shape, float32 or float64 like the model.

    Backward: dgamma and dbeta as in `reference.batch_normalization_parameter_gradients`; in training
    `reference.batch_normalization_input_gradient`, since every value of a channel affects its mean and variance; in
    inference dx = dy * gamma / sqrt(moving_variance + epsilon).

    The moving averages begin at 0 and 1, of which momentum^s is left after s steps: with 0.99, 37 % after 100 steps and
    1 % after 460. Until then, inference is less accurate than training; for short training, use a smaller momentum.

    A frozen layer (trainable=False) uses the moving averages in training, too, and leaves them unchanged. A batch of a
    single sample (N, C) equals its mean: in training the output is beta, and no gradient passes.

    Cost: 7 FLOPs per element forward in training, 3 in inference, 10 backward; x is read twice and y written once.
    Numerics: computed in float64 and rounded once; the variance has no cancellation, however large the mean is.

    Differs from Keras: axis is the last one, and there is no mask, no regularizer, no constraint, no renorm. As in
    Keras 3, the variance is divided by the number of values; Keras 2 divides that of the moving average of images by
    one less.

    Raises
    ------
    ValueError
        An option is out of range or unknown; at `build`, another axis than the last.

    Examples
    --------
    >>> from scratchcnn import reference
    >>> layer = BatchNormalization(epsilon=1e-9)
    >>> layer.build((1,), np.random.default_rng(0), np.dtype("float64"))
    (1,)
    >>> x = np.array([[1.0], [3.0]])
    >>> layer.forward(x, reference, training=True, rng=None)[0].round(6)
    array([[-1.],
           [ 1.]])
    >>> layer.forward(x, reference, training=False, rng=None)[0].round(6)
    array([[1.],
           [3.]])

    References
    ----------
    Ioffe & Szegedy 2015, "Batch normalization", arXiv 1502.03167.
    """

    mutable = ("momentum", "epsilon")
    statistics = ("moving_mean", "moving_variance")
    gamma = Parameter()
    beta = Parameter()
    moving_mean = Parameter()
    moving_variance = Parameter()

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        *,
        beta_initializer: str | initializers.Initializer = "zeros",
        gamma_initializer: str | initializers.Initializer = "ones",
        moving_mean_initializer: str | initializers.Initializer = "zeros",
        moving_variance_initializer: str | initializers.Initializer = "ones",
        input_shape: int | Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name)
        if not is_integer(axis):
            raise ValueError(f"Expected axis as an integer, -1 for the last axis, received {axis!r}.")
        self.axis = int(axis)
        self.momentum, self.epsilon = fraction("momentum", momentum), positive("epsilon", epsilon)
        self.center, self.scale = boolean("center", center), boolean("scale", scale)
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)

    def get_config(self) -> Config:
        """Return the constructor's arguments by name."""
        return {
            **super().get_config(),
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
        }

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the input."""
        if self.axis not in (-1, len(input_shape)):
            raise ValueError(
                f"Layer {self.label} expected the last axis of samples of shape {input_shape}, axis=-1 or "
                f"axis={len(input_shape)}, received axis={self.axis}; the channels are last here, so use axis=-1."
            )
        return input_shape

    def initial_params(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]
    ) -> dict[str, Array]:
        """Return gamma, beta, moving_mean and moving_variance (C,)."""
        initial = {
            "gamma": self.gamma_initializer,
            "beta": self.beta_initializer,
            "moving_mean": self.moving_mean_initializer,
            "moving_variance": self.moving_variance_initializer,
        }
        return {name: initial[name](shape, rng, dtype) for name, shape in self.param_shapes(input_shape).items()}

    def param_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the shape (C,) of each parameter."""
        learned = [name for name, is_there in (("gamma", self.scale), ("beta", self.center)) if is_there]
        return dict.fromkeys((*learned, *self.statistics), input_shape[-1:])

    def forward(
        self, x: Array, ops: Operations, training: bool, rng: np.random.Generator | None
    ) -> tuple[Array, BatchNormalizationCache]:
        """Return the output, of the shape of x."""
        of_batch = training and self.trainable
        mean, variance = ops.batch_statistics(x) if of_batch else self._moving_statistics()
        y = ops.batch_normalization(x, mean, variance, self.params.get("gamma"), self.params.get("beta"), self.epsilon)
        return y, BatchNormalizationCache(x, mean, variance, of_batch)

    def backward(
        self, dy: Array, cache: BatchNormalizationCache, ops: Operations, input_gradient: bool = True
    ) -> tuple[Array | None, Gradients]:
        """Return the gradients with respect to the input, gamma and beta."""
        x, mean, variance, of_batch = cache
        gamma = self.params.get("gamma")
        dgamma, dbeta = ops.batch_normalization_parameter_gradients(dy, x, mean, variance, self.epsilon)
        gradients = {name: array for name, array in (("gamma", dgamma), ("beta", dbeta)) if name in self.params}
        if not input_gradient:
            return None, gradients
        if of_batch:
            sums = dgamma, dbeta
            dx = ops.batch_normalization_input_gradient(dy, x, mean, variance, gamma, self.epsilon, *sums)
        else:  # mean and variance are constants
            dx = ops.batch_normalization(dy, np.zeros_like(mean), variance, gamma, None, self.epsilon)
        return dx, gradients

    def next_statistics(self, cache: BatchNormalizationCache) -> dict[str, Array]:
        """Return the moving averages after a training step."""
        moving, share = self._moving_statistics(), 1 - self.momentum
        of_batch = cache.mean, cache.variance
        averages = [self.momentum * old + share * new for old, new in zip(moving, of_batch, strict=True)]
        return dict(zip(self.statistics, averages, strict=True))

    def _moving_statistics(self) -> tuple[Array, Array]:
        """The moving mean and variance (C,), in float64."""
        mean, variance = (self.params[name].astype(np.float64) for name in self.statistics)
        return mean, variance
