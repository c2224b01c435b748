"""Dropout: zeroes random activations during training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scratchcnn.arguments import share
from scratchcnn.configs import Config
from scratchcnn.layers.base import Gradients, Layer
from scratchcnn.operands import Array
from scratchcnn.operations import Operations


class Dropout(Layer):
    """Dropout: zeroes random activations during training, and scales the rest by 1 / (1 − rate).

        y[i] = x[i] / (1 - rate) if random[i] >= rate, else 0          in training
        y = x                                                          otherwise

    Notation: x is the input and y the output; i counts all elements, and random[i] is uniform in [0, 1).

    Parameters
    ----------
    rate : float
        Probability that an activation is zeroed, in [0, 1).
    input_shape, name
        As for every `Layer`.

    Notes
    -----
    Input and output have the same shape, float32 or float64 like the model; no parameters. Each training pass draws one
    64-bit key from the random generator, and the key determines the whole mask (`reference.random_bits`), so that both
    engines and any number of threads zero the same activations. Backward: dx[i] = dy[i] / (1 - rate) where x[i] was
    kept, else 0.

    Cost: in training two 64-bit multiplications per element; reads x, writes y and the mask, one byte per element.
    Otherwise none.

    Numerics: the expected value of y is x.

    Raises
    ------
    ValueError
        The rate is not in [0, 1); in training, no random generator was passed.

    Examples
    --------
    >>> from scratchcnn import reference
    >>> layer, x = Dropout(0.25), np.ones((1, 8))
    >>> layer.forward(x, reference, training=False, rng=None)[0]
    array([[1., 1., 1., 1., 1., 1., 1., 1.]])
    >>> y, kept = layer.forward(x, reference, training=True, rng=np.random.default_rng(1))
    >>> bool((y[kept] == 1 / 0.75).all()), bool((y[~kept] == 0).all())
    (True, True)

    References
    ----------
    Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting", sections 4 and 10.
    """

    mutable = ("rate",)

    def __init__(self, rate: float, *, input_shape: int | Sequence[int] | None = None, name: str | None = None) -> None:
        super().__init__(input_shape=input_shape, name=name)
        self.rate = share("rate", rate)

    def get_config(self) -> Config:
        """Return the constructor's arguments by name."""
        return {**super().get_config(), "rate": self.rate}

    def forward(
        self, x: Array, ops: Operations, training: bool, rng: np.random.Generator | None
    ) -> tuple[Array, Array | None]:
        """Return the output; the cache is the mask of kept activations, or None if all were kept."""
        if not training or self.rate == 0:
            return x, None
        if rng is None:
            raise ValueError(
                f"Layer {self.label} expected a random generator for training, received None; "
                f"pass rng=np.random.default_rng(seed)."
            )
        return ops.dropout(x, self.rate, int(rng.integers(2**64, dtype=np.uint64)))

    def backward(
        self, dy: Array, cache: Array | None, ops: Operations, input_gradient: bool = True
    ) -> tuple[Array | None, Gradients]:
        """Return the gradient with respect to the input."""
        if not input_gradient:
            return None, {}
        return dy if cache is None else ops.dropout_gradient(dy, cache, self.rate), {}
