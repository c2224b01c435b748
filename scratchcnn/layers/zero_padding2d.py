"""ZeroPadding2D: rows and columns of zeros around images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scratchcnn.arguments import margins
from scratchcnn.configs import Config
from scratchcnn.layers.base import Gradients, ImageLayer
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations


class ZeroPadding2D(ImageLayer):
    """Zero padding: adds rows and columns of zeros around each image.

        y[n, top + h, left + w, c] = x[n, h, w, c]

    Notation: x is the input and y the output; n counts the N images, h and w the rows and columns of the H x W image, c
    the C channels. top and left are the rows and columns of zeros above and to the left of the image. All elements of y
    to which nothing is assigned are 0.

    Parameters
    ----------
    padding : int, (int, int) or ((int, int), (int, int)), default 1
        ((top, bottom), (left, right)), at least 0. A pair (rows, columns) adds the same on opposite sides, one integer
        on all four sides.
    data_format : {'channels_last', None}
        Accepted, as in Keras; images are (N, H, W, C).
    input_shape, name
        As for every `Layer`.

    Notes
    -----
    Input (N, H, W, C), output (N, top + H + bottom, left + W + right, C), float32 or float64 like the model; no
    parameters. Backward: the gradient of the inner part; see `reference.zero_pad2d_gradient`.

    Cost: no arithmetic; reads x and writes y once. `Conv2D(padding="same")` pads without a copy.

    Numerics: exact.

    Raises
    ------
    ValueError
        padding is none of these; at `build`, samples that are not images.

    Examples
    --------
    >>> from scratchcnn import reference
    >>> layer = ZeroPadding2D(((1, 0), (0, 2)))
    >>> layer.forward(np.ones((1, 1, 1, 1)), reference, training=False, rng=None)[0][0, :, :, 0]
    array([[0., 0., 0.],
           [1., 0., 0.]])

    References
    ----------
    Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning", section 2.2.
    """

    def __init__(
        self,
        padding: int | Sequence[int | Sequence[int]] = (1, 1),
        data_format: str | None = None,
        *,
        input_shape: int | Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(data_format, input_shape=input_shape, name=name)
        self.padding = margins("padding", padding)

    def get_config(self) -> Config:
        """Return the constructor's arguments by name, without data_format, which has one value only."""
        return {**super().get_config(), "padding": self.padding}

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (top + H + bottom, left + W + right, C) for images of (H, W, C)."""
        self.expect_rank(input_shape, "height, width, channels")
        height, width, channels = input_shape
        return height + sum(self.padding[0]), width + sum(self.padding[1]), channels

    def forward(self, x: Array, ops: Operations, training: bool, rng: np.random.Generator | None) -> tuple[Array, None]:
        """Return the padded images; there is no cache."""
        return ops.zero_pad2d(x, self.padding), None

    def backward(
        self, dy: Array, cache: None, ops: Operations, input_gradient: bool = True
    ) -> tuple[Array | None, Gradients]:
        """Return the gradient with respect to the images (N, H, W, C)."""
        return ops.zero_pad2d_gradient(dy, self.padding) if input_gradient else None, {}
