"""Rescaling: scales and shifts its input, so that a model accepts raw pixel values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scratchcnn.arguments import finite
from scratchcnn.configs import Config
from scratchcnn.layers.base import Gradients, Layer
from scratchcnn.operands import Array
from scratchcnn.operations import Operations


class Rescaling(Layer):
    """Multiply by a scale and add an offset, during training and inference.

        y = x * scale + offset

    Notation: x is the input and y the output.

    As the first layer, Rescaling(1 / 255) lets a model accept uint8 images: only one batch at a time is converted to
    floats, never the whole data set.

    Parameters
    ----------
    scale : float
    offset : float, default 0
    input_shape, name
        As for every `Layer`.

    Notes
    -----
    Input and output have the same shape, float32 or float64 like the model; no parameters. Backward: dx = dy * scale.

    Cost: 2 FLOPs per element, which is read and written once. Numerics: rounded twice, in the dtype of x.

    Raises
    ------
    ValueError
        scale or offset is not a finite number.

    Examples
    --------
    >>> from scratchcnn import reference
    >>> Rescaling(1 / 2, offset=1).forward(np.array([[0.0, 4.0]]), reference, training=False, rng=None)[0]
    array([[1., 3.]])

    References
    ----------
    Keras's layer of that name.
    """

    mutable = ("scale", "offset")

    def __init__(
        self,
        scale: float,
        offset: float = 0.0,
        *,
        input_shape: int | Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name)
        self.scale, self.offset = finite("scale", scale), finite("offset", offset)

    def get_config(self) -> Config:
        """Return the constructor's arguments by name."""
        return {**super().get_config(), "scale": self.scale, "offset": self.offset}

    def forward(self, x: Array, ops: Operations, training: bool, rng: np.random.Generator | None) -> tuple[Array, None]:
        """Return the scaled input; there is nothing to cache."""
        real = x.dtype.type
        return x * real(self.scale) + real(self.offset), None

    def backward(
        self, dy: Array, cache: None, ops: Operations, input_gradient: bool = True
    ) -> tuple[Array | None, Gradients]:
        """Return the gradient with respect to the input."""
        return dy * dy.dtype.type(self.scale) if input_gradient else None, {}
