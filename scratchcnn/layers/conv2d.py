"""Conv2D: a convolution with kernel, bias and activation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scratchcnn import activations, initializers, regularizers
from scratchcnn.algorithms import Problem, algorithm_name, choose
from scratchcnn.arguments import boolean, integer_pair, padding_name, positive_integer
from scratchcnn.configs import Config
from scratchcnn.geometry import Windows, image_windows
from scratchcnn.layers.base import Gradients, ImageLayer
from scratchcnn.layers.parameters import Parameter
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations


class Conv2DCache(NamedTuple):
    """What the backward pass needs: the input, and what the activation keeps (by default, the output)."""

    x: Array  # (N, H, W, C)
    kept: Array  # (N, OH, OW, F)


class Conv2D(ImageLayer):
    """2D convolution: each output is the sum of an input window times a filter, plus a bias.

        z[n, oy, ox, f] = bias[f] + sum over ky, kx, c of
                          x[n, oy * SH + ky * DH - top, ox * SW + kx * DW - left, c] * kernel[ky, kx, c, f]
        y = activation(z)

    Notation: x is the input, z the preactivation and y the output; n counts the N images, oy and ox the rows and
    columns of the OH x OW outputs, f the F filters, ky and kx the rows and columns of the KH x KW kernel, c the C
    channels. SH and SW are the strides, DH and DW the dilation rates, top and left the rows and columns of padding; x
    is zero outside the image. (As in all deep-learning libraries, this is the cross-correlation: the kernel is not
    flipped.)

    Parameters
    ----------
    filters : int
        F, at least 1.
    kernel_size : int or (int, int)
        (KH, KW), at least 1.
    strides : int or (int, int), default 1
        (SH, SW), at least 1.
    padding : {'valid', 'same'}, default 'valid'
        'valid': OH = floor((H - (KH - 1) * DH - 1) / SH) + 1. 'same': OH = ceil(H / SH); an odd row of padding is added
        at the bottom.
    data_format : {'channels_last', None}
        Accepted, as in Keras; images are (N, H, W, C).
    dilation_rate : int or (int, int), default 1
        (DH, DW), at least 1.
    activation : str or ActivationFunction or None, default None
        A name, such as 'relu', 'softmax', 'linear' (None) or another of `scratchcnn.activations`.
    use_bias : bool, default True
    algorithm : str, default 'auto'
        How the compiled kernels compute the convolution: 'loops', 'im2col', 'tile', 'interleaved', 'winograd_2x2',
        'winograd_4x4' or 'winners' (see `scratchcnn.algorithms`); 'auto' selects the fastest one for the geometry. All
        give the same result up to rounding, and `model.plan` shows the selection.
    kernel_initializer, bias_initializer : str or callable, defaults 'glorot_uniform' and 'zeros'
    kernel_regularizer, bias_regularizer : str or Regularizer, optional
        'l1', 'l2', 'l1_l2', or one of `scratchcnn.regularizers`: a penalty that is added to the loss.
    input_shape, name
        As for every `Layer`.

    Attributes
    ----------
    params : dict
        'kernel' (KH, KW, C, F) and, with use_bias, 'bias' (F,).

    Notes
    -----
    Input (N, H, W, C), output (N, OH, OW, F), float32 or float64 like the model.

    Backward, with dz the gradient of the loss with respect to z: dkernel[ky, kx, c, f] = sum over n, oy, ox of
    x[...] * dz[n, oy, ox, f], of shape (KH, KW, C, F); dbias[f] = sum over n, oy, ox of dz, of shape (F,); dx[...] +=
    sum over f of dz[n, oy, ox, f] * kernel[ky, kx, c, f], of shape (N, H, W, C).

    Cost: 2 * N * OH * OW * KH * KW * C * F FLOPs forward, twice as many backward; each pass reads and
    writes x, y and the kernel about once.

    Numerics: sums are accumulated in the dtype of x (the bias gradient in float64). A window that contains only zeros
    gives exactly the bias.

    Differs from Keras: strides and dilation may both be above 1; no groups; channels last only.

    Raises
    ------
    ValueError
        An option is out of range or unknown; at `build`, samples that are not images or too small for one window.

    Examples
    --------
    >>> from scratchcnn import reference
    >>> layer = Conv2D(1, 2, kernel_initializer=lambda shape, rng, dtype: np.ones(shape, dtype))
    >>> layer.build((3, 3, 1), np.random.default_rng(0), np.dtype("float64"))
    (2, 2, 1)
    >>> y, cache = layer.forward(np.arange(9.0).reshape(1, 3, 3, 1), reference, training=False, rng=None)
    >>> y[0, :, :, 0]
    array([[ 8., 12.],
           [20., 24.]])

    References
    ----------
    LeCun et al. 1998, "Gradient-based learning applied to document recognition", section II.A; Goodfellow, Bengio &
    Courville 2016, "Deep Learning", chapter 9.
    """

    mutable = ("activation", "algorithm", "kernel_regularizer", "bias_regularizer")
    kernel = Parameter()
    bias = Parameter()

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = (1, 1),
        padding: str = "valid",
        *,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = (1, 1),
        activation: str | activations.ActivationFunction | None = None,
        use_bias: bool = True,
        algorithm: str = "auto",
        kernel_initializer: str | initializers.Initializer = "glorot_uniform",
        bias_initializer: str | initializers.Initializer = "zeros",
        kernel_regularizer: str | regularizers.Regularizer | None = None,
        bias_regularizer: str | regularizers.Regularizer | None = None,
        input_shape: int | Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(data_format, input_shape=input_shape, name=name)
        self.filters = positive_integer("filters", filters)
        self.kernel_size = integer_pair("kernel_size", kernel_size)
        self.strides = integer_pair("strides", strides)
        self.padding = padding_name(padding)
        self.dilation_rate = integer_pair("dilation_rate", dilation_rate)
        self.activation = activations.get(activation)
        self.use_bias = boolean("use_bias", use_bias)
        self.algorithm = algorithm_name(algorithm)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)

    def get_config(self) -> Config:
        """Return the constructor's arguments by name."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "dilation_rate": self.dilation_rate,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "algorithm": self.algorithm,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
        }

    def windows(self, input_shape: Shape) -> Windows:
        """Return the geometry of the windows over images of (H, W, C)."""
        height, width, _ = input_shape
        return image_windows((height, width), self.kernel_size, self.strides, self.padding, self.dilation_rate)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (OH, OW, F) for images of (H, W, C)."""
        self.expect_rank(input_shape, "height, width, channels")
        rows, columns = self.windows(input_shape)
        if min(rows.output, columns.output) < 1:
            raise ValueError(
                f"Layer {self.label} expected images of at least one window of {self.kernel_size} with dilation "
                f"{self.dilation_rate}, received images of shape {input_shape}; use padding='same', a smaller kernel "
                f"or fewer layers before it."
            )
        return rows.output, columns.output, self.filters

    def initial_params(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]
    ) -> dict[str, Array]:
        """Return kernel (KH, KW, C, F) and bias (F,)."""
        choose(self.algorithm, Problem(self.windows(input_shape), input_shape[-1], self.filters, dtype))  # or raise
        initial = {"kernel": self.kernel_initializer, "bias": self.bias_initializer}
        return {name: initial[name](shape, rng, dtype) for name, shape in self.param_shapes(input_shape).items()}

    def param_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the shapes (KH, KW, C, F) of the kernel and (F,) of the bias."""
        kernel: dict[str, Shape] = {"kernel": (*self.kernel_size, input_shape[-1], self.filters)}
        return {**kernel, "bias": (self.filters,)} if self.use_bias else kernel

    def forward(
        self, x: Array, ops: Operations, training: bool, rng: np.random.Generator | None
    ) -> tuple[Array, Conv2DCache]:
        """Return the output (N, OH, OW, F) for images (N, H, W, C)."""
        geometry = (self.strides, self.padding, self.dilation_rate)
        z = ops.conv2d(x, self.params["kernel"], self.params.get("bias"), *geometry)
        y = self.activation.forward(z, ops)
        return y, Conv2DCache(x, self.activation.kept(z, y))

    def backward(
        self, dy: Array, cache: Conv2DCache, ops: Operations, input_gradient: bool = True
    ) -> tuple[Array | None, Gradients]:
        """Return the gradients with respect to the images (N, H, W, C), the kernel and the bias."""
        x, kept = cache
        geometry = (self.strides, self.padding, self.dilation_rate)
        dz = self.activation.backward(dy, kept, ops)  # (N, OH, OW, F)
        gradients = {"kernel": ops.conv2d_kernel_gradient(dz, x, self.kernel_size, *geometry)}
        if self.use_bias:
            gradients["bias"] = ops.bias_gradient(dz)
        if not input_gradient:
            return None, gradients
        return ops.conv2d_input_gradient(dz, self.params["kernel"], x.shape, *geometry), gradients
