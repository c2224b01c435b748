"""GlobalAveragePooling2D and GlobalMaxPooling2D: one value for each feature map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scratchcnn.arguments import boolean
from scratchcnn.configs import Config
from scratchcnn.geometry import Padding, Pair, Windows, image_windows
from scratchcnn.layers.base import Gradients, ImageLayer
from scratchcnn.layers.max_pooling2d import MaxPooling2DCache
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations


def window_of(shape: Shape) -> tuple[Pair, Pair, Padding]:
    """Return the pool size, strides and padding of a single window over images (N, H, W, C)."""
    size = (shape[1], shape[2])
    return size, size, "valid"


class GlobalPooling2D(ImageLayer):
    """Base class of GlobalAveragePooling2D and GlobalMaxPooling2D: pooling with one window as large as the image."""

    def __init__(
        self,
        data_format: str | None = None,
        keepdims: bool = False,
        *,
        input_shape: int | Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(data_format, input_shape=input_shape, name=name)
        self.keepdims = boolean("keepdims", keepdims)

    def get_config(self) -> Config:
        """Return the constructor's arguments by name, without data_format, which has one value only."""
        return {**super().get_config(), "keepdims": self.keepdims}

    def windows(self, input_shape: Shape) -> Windows:
        """Return the windows over images of (H, W, C): a single one."""
        self.expect_rank(input_shape, "height, width, channels")
        return image_windows((input_shape[0], input_shape[1]), *window_of((1, *input_shape)))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (C,) for images of (H, W, C), or (1, 1, C) with keepdims."""
        self.expect_rank(input_shape, "height, width, channels")
        return (1, 1, input_shape[2]) if self.keepdims else (input_shape[2],)

    def outputs(self, y: Array) -> Array:
        """Return the pooled images (N, 1, 1, C) in the shape of the output."""
        return y if self.keepdims else y.reshape(len(y), y.shape[3])

    def pooled(self, dy: Array) -> Array:
        """Return an array of the shape of the output in that of pooled images, (N, 1, 1, C)."""
        return dy.reshape(len(dy), 1, 1, dy.shape[-1])


class GlobalAveragePooling2D(GlobalPooling2D):
    """Global average pooling: the mean of each feature map.

        y[n, c] = sum over h, w of x[n, h, w, c] / (H * W)

    Notation: x is the input and y the output; n counts the N images, h and w the rows and columns of the H x W image, c
    the C channels.

    Parameters
    ----------
    data_format : {'channels_last', None}
        Accepted, as in Keras; images are (N, H, W, C).
    keepdims : bool, default False
        Whether the output has the shape (N, 1, 1, C).
    input_shape, name
        As for every `Layer`.

    Notes
    -----
    Input (N, H, W, C), output (N, C) or, with keepdims, (N, 1, 1, C), float32 or float64 like the model; no parameters.
    It is `reference.average_pool2d` with one window of the size of the image. Backward: each element of a feature map
    receives 1 / (H * W) of the gradient.

    Cost: H * W FLOPs per output; reads x once. Nothing is stored for the backward pass.

    Numerics: sums of H * W elements, in the dtype of the model.

    Differs from Keras: this layer computes in float64 in a float64 model. Keras computes the mean in float32, except on
    TensorFlow.

    Raises
    ------
    ValueError
        An option is unknown; at `build`, samples that are not images.

    Examples
    --------
    >>> from scratchcnn import reference
    >>> x = np.arange(8.0).reshape(1, 2, 2, 2)
    >>> GlobalAveragePooling2D().forward(x, reference, training=False, rng=None)[0]
    array([[3., 4.]])

    References
    ----------
    Lin, Chen & Yan 2014, "Network in network", section 3.2.
    """

    def forward(
        self, x: Array, ops: Operations, training: bool, rng: np.random.Generator | None
    ) -> tuple[Array, Shape]:
        """Return the means (N, C) or (N, 1, 1, C) of images (N, H, W, C); the cache is the shape of x."""
        return self.outputs(ops.average_pool2d(x, *window_of(x.shape))), x.shape

    def backward(
        self, dy: Array, cache: Shape, ops: Operations, input_gradient: bool = True
    ) -> tuple[Array | None, Gradients]:
        """Return the gradient with respect to the images (N, H, W, C)."""
        if not input_gradient:
            return None, {}
        return ops.average_pool2d_gradient(self.pooled(dy), cache, *window_of(cache)), {}


class GlobalMaxPooling2D(GlobalPooling2D):
    """Global max pooling: the maximum of each feature map.

        y[n, c] = max over h, w of x[n, h, w, c]

    Notation: x is the input and y the output; n counts the N images, h and w the rows and columns of the H x W image, c
    the C channels.

    Parameters
    ----------
    data_format : {'channels_last', None}
        Accepted, as in Keras; images are (N, H, W, C).
    keepdims : bool, default False
        Whether the output has the shape (N, 1, 1, C).
    input_shape, name
        As for every `Layer`.

    Notes
    -----
    Input (N, H, W, C), output (N, C) or, with keepdims, (N, 1, 1, C), float32 or float64 like the model; no parameters.
    It is `reference.max_pool2d` with one window of the size of the image. Backward: the gradient goes to the maximum,
    the first one in row-major order if several are equal, as in MaxPooling2D.

    Cost: H * W - 1 comparisons per output; reads x once, writes y and one argmax index for each output.

    Numerics: exact; NaN counts as larger than any other value.

    Differs from Keras: of several equal maxima, Keras gives each an equal share of the gradient in this layer, although
    not in its MaxPooling2D.

    Raises
    ------
    ValueError
        An option is unknown; at `build`, samples that are not images.

    Examples
    --------
    >>> from scratchcnn import reference
    >>> x = np.arange(8.0).reshape(1, 2, 2, 2)
    >>> GlobalMaxPooling2D().forward(x, reference, training=False, rng=None)[0]
    array([[6., 7.]])

    References
    ----------
    Oquab et al. 2015, "Is object localization for free? Weakly-supervised learning with convolutional neural networks".
    """

    def forward(
        self, x: Array, ops: Operations, training: bool, rng: np.random.Generator | None
    ) -> tuple[Array, MaxPooling2DCache]:
        """Return the maxima (N, C) or (N, 1, 1, C) of images (N, H, W, C)."""
        y, winners = ops.max_pool2d(x, *window_of(x.shape))
        return self.outputs(y), MaxPooling2DCache(winners, x.shape)

    def backward(
        self, dy: Array, cache: MaxPooling2DCache, ops: Operations, input_gradient: bool = True
    ) -> tuple[Array | None, Gradients]:
        """Return the gradient with respect to the images (N, H, W, C)."""
        if not input_gradient:
            return None, {}
        winners, shape = cache
        return ops.max_pool2d_gradient(self.pooled(dy), winners, shape, *window_of(shape)), {}
