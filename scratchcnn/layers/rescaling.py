"""Rescaling: multiplies and shifts every number, so that a model can be fed bytes as they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scratchcnn.arguments import finite
from scratchcnn.configs import Config
from scratchcnn.layers.base import Gradients, Layer
from scratchcnn.operands import Array
from scratchcnn.operations import Operations


class Rescaling(Layer):
    """Multiplies every number and adds to it, in training and otherwise.

        y = x * scale + offset

    As the first layer, Rescaling(1 / 255) lets a model take uint8 images: each batch becomes floats by itself, and the
    data set never does.

    Parameters
    ----------
    scale : float
    offset : float, default 0
    input_shape, name
        As for every `Layer`.

    Notes
    -----
    Input and output of any one shape, float32 or float64 as the model; no parameters. Backward: dx = dy * scale.

    Cost: 2 FLOPs a number, which is read and written once. Numerics: rounded twice, in the dtype of x.

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
        """The arguments of the constructor, by name."""
        return {**super().get_config(), "scale": self.scale, "offset": self.offset}

    def forward(self, x: Array, ops: Operations, training: bool, rng: np.random.Generator | None) -> tuple[Array, None]:
        """The numbers, scaled; nothing is cached."""
        real = x.dtype.type
        return x * real(self.scale) + real(self.offset), None

    def backward(
        self, dy: Array, cache: None, ops: Operations, input_gradient: bool = True
    ) -> tuple[Array | None, Gradients]:
        """Gradient by what went in."""
        return dy * dy.dtype.type(self.scale) if input_gradient else None, {}
