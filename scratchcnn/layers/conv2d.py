"""Conv2D: a convolution with its kernel, its bias and its activation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scratchcnn import activations, initializers
from scratchcnn.activations import Linear, ReLU
from scratchcnn.algorithms import Choice, Problem, algorithm_name, choose, stacks
from scratchcnn.arguments import integer_pair, padding_name, positive_integer
from scratchcnn.configs import Config
from scratchcnn.geometry import image_windows
from scratchcnn.layers.base import Gradients, Layer
from scratchcnn.layers.max_pooling2d import MaxPooling2D, MaxPooling2DCache
from scratchcnn.layers.pooled_gradient import PooledGradient
from scratchcnn.operands import Array, Convolution, Shape
from scratchcnn.operations import Operations


class Conv2DCache(NamedTuple):
    """What the backward pass needs: the input, and the output, unless the pooling after it has what is needed of it."""

    x: Array
    y: Array | None


class StackedCache(NamedTuple):
    """What the backward pass needs of two convolutions of which only the second's pooled outputs are kept."""

    x: Array  # of the first


class Conv2D(Layer):
    """Slides filters over images: each output is the sum of one window times one filter, plus its bias.

        z[n, oy, ox, f] = bias[f] + sum over ky, kx, c of
                          x[n, oy * SH + ky * DH - top, ox * SW + kx * DW - left, c] * kernel[ky, kx, c, f]
        y = activation(z)

    Notation: N images, H x W pixels, C channels; F filters of KH x KW; OH x OW outputs; strides SH, SW; dilation DH,
    DW; top and left are the padding, and x is zero outside the image.

    Parameters
    ----------
    filters : int
        F, 1 or more.
    kernel_size : int or (int, int)
        (KH, KW), 1 or more.
    strides : int or (int, int), default 1
        (SH, SW), 1 or more.
    padding : {'valid', 'same'}, default 'valid'
        'valid': OH = floor((H - (KH - 1) * DH - 1) / SH) + 1. 'same': OH = ceil(H / SH), an odd row of zeros below.
    dilation_rate : int or (int, int), default 1
        (DH, DW), 1 or more.
    activation : str or ActivationFunction or None, default None
        'relu', 'softmax' or 'linear' (None).
    use_bias : bool, default True
    algorithm : str, default 'auto'
        How the kernels compute it: 'loops', 'im2col', 'tile', 'winograd_2x2', 'winograd_4x4' or 'winners', as
        `scratchcnn.algorithms` explains; 'auto' is the fastest that accepts the geometry.
    kernel_initializer, bias_initializer : str or callable, defaults 'glorot_uniform' and 'zeros'
    input_shape, name
        As for every `Layer`.

    Attributes
    ----------
    params : dict
        'kernel' (KH, KW, C, F), 'bias' (F,) if there is one.
    algorithm : Choice or None
        What `algorithm` came to: which one computes the output and each gradient; None before `build`. With
        engine='reference' the formula computes all.

    Notes
    -----
    Input (N, H, W, C), output (N, OH, OW, F), float32 or float64 as the model.

    Backward, with dz the gradient by z: dkernel[ky, kx, c, f] = sum over n, oy, ox of x[...] * dz[n, oy, ox, f], of
    shape (KH, KW, C, F); dbias[f] = sum over n, oy, ox of dz, of shape (F,); dx[...] += sum over f of
    dz[n, oy, ox, f] * kernel[ky, kx, c, f], of shape (N, H, W, C).

    Cost: 2 * N * OH * OW * KH * KW * C * F FLOPs forward, twice as many backward; x, y and the kernel pass through
    memory once each way.

    Numerics: sums run in the dtype of x (the bias gradient in float64).

    Differs from Keras: strides and dilation may both be above 1; no groups; channels last only.

    Raises
    ------
    ValueError
        An option is out of range or unknown; at `build`, samples that are no images or too small for one window.

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

    takes_pooled_gradient = True

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = (1, 1),
        padding: str = "valid",
        *,
        dilation_rate: int | Sequence[int] = (1, 1),
        activation: str | activations.ActivationFunction | None = None,
        use_bias: bool = True,
        algorithm: str = "auto",
        kernel_initializer: str | initializers.Initializer = "glorot_uniform",
        bias_initializer: str | initializers.Initializer = "zeros",
        input_shape: int | Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name)
        self.filters = positive_integer("filters", filters)
        self.kernel_size = integer_pair("kernel_size", kernel_size)
        self.strides = integer_pair("strides", strides)
        self.padding = padding_name(padding)
        self.dilation_rate = integer_pair("dilation_rate", dilation_rate)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self._algorithm = algorithm_name(algorithm)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)

    def get_config(self) -> Config:
        """The arguments of the constructor, by name."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "dilation_rate": self.dilation_rate,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "algorithm": self._algorithm,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
        }

    @property
    def algorithm(self) -> Choice | None:
        """Which algorithm computes the output and each gradient; None before `build`."""
        if self.input_shape is None or not self.params:
            return None
        return choose(self._algorithm, self._problem(self.input_shape, self.params["kernel"].dtype))

    def _problem(self, input_shape: Shape, dtype: np.dtype[np.floating]) -> Problem:
        geometry = (self.kernel_size, self.strides, self.padding, self.dilation_rate)
        windows = image_windows((input_shape[0], input_shape[1]), *geometry)
        return Problem(windows, input_shape[2], self.filters, dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(OH, OW, F) for images of (H, W, C)."""
        self.expect_rank(input_shape, "height, width, channels")
        height, width, _ = input_shape
        windows = image_windows((height, width), self.kernel_size, self.strides, self.padding, self.dilation_rate)
        if min(windows.rows.output, windows.columns.output) < 1:
            raise ValueError(
                f"Layer {self.label} expected images of at least one window of {self.kernel_size} with dilation "
                f"{self.dilation_rate}, received images of shape {input_shape}; use padding='same', a smaller kernel "
                f"or fewer layers before it."
            )
        return windows.rows.output, windows.columns.output, self.filters

    def initial_params(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]
    ) -> dict[str, Array]:
        """Kernel (KH, KW, C, F) and bias (F,)."""
        choose(self._algorithm, self._problem(input_shape, dtype))  # refuses an algorithm that cannot do it
        makers = {"kernel": self.kernel_initializer, "bias": self.bias_initializer}
        return {name: makers[name](shape, rng, dtype) for name, shape in self.param_shapes(input_shape).items()}

    def param_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Kernel (KH, KW, C, F) and bias (F,)."""
        kernel: dict[str, Shape] = {"kernel": (*self.kernel_size, input_shape[-1], self.filters)}
        return {**kernel, "bias": (self.filters,)} if self.use_bias else kernel

    def forward(
        self, x: Array, ops: Operations, training: bool, rng: np.random.Generator | None
    ) -> tuple[Array, Conv2DCache]:
        """Outputs (N, OH, OW, F) of images (N, H, W, C)."""
        geometry = (self.strides, self.padding, self.dilation_rate)
        relu = type(self.activation) is ReLU  # done while the sums are at hand, not in a pass of its own
        y = ops.conv2d(
            x, self.params["kernel"], self.params.get("bias"), *geometry, relu=relu, algorithm=self._algorithm
        )
        if not relu:
            y = self.activation.forward(y, ops)
        return y, Conv2DCache(x, y)

    def pools(self, following: Layer) -> bool:
        """Whether `forward_pooled` can do the work of this layer and of the one after it."""
        usual = _passes_as(self, Conv2D) and _passes_as(following, MaxPooling2D)
        return usual and self.takes_pooled_gradient and type(self.activation) in (ReLU, Linear)

    def forward_pooled(
        self, x: Array, pooling: MaxPooling2D, ops: Operations
    ) -> tuple[Array, Conv2DCache, MaxPooling2DCache]:
        """What the max-pooling after this layer makes of its outputs: (N, PH, PW, F); and what both leave behind.

        The outputs themselves are not made. Nobody misses them: an activation that acts on each number by itself has
        its gradient at the winners, and those are known.
        """
        height, width, filters = self.compute_output_shape(x.shape[1:])
        y, winners = ops.conv2d_max_pool2d(
            x, self.params["kernel"], self.params.get("bias"), pooling.pool_size, pooling.strides, pooling.padding,
            self.strides, self.padding, self.dilation_rate, type(self.activation) is ReLU, self._algorithm,
        )  # fmt: skip
        return y, Conv2DCache(x, None), MaxPooling2DCache(winners, y, (len(x), height, width, filters))

    def stacks(self, below: Layer, pooling: Layer) -> bool:
        """Whether `forward_stacked` can do the work of the layer below, of this one and of the pooling after it."""
        if not (isinstance(below, Conv2D) and isinstance(pooling, MaxPooling2D) and below.ends_in_relu):
            return False
        if not self.pools(pooling) or below.input_shape is None or self.input_shape is None:
            return False
        dtype = self.params["kernel"].dtype
        problem = self._problem(self.input_shape, dtype)
        pool = image_windows(
            (problem.windows.rows.output, problem.windows.columns.output),
            pooling.pool_size, pooling.strides, pooling.padding,
        )  # fmt: skip
        return stacks(below._problem(below.input_shape, dtype), below._algorithm, problem, self._algorithm, pool)

    @property
    def _convolution(self) -> Convolution:
        own = (self.params["kernel"], self.params.get("bias"))
        return Convolution(*own, self.strides, self.padding, self.dilation_rate, self._algorithm)

    def forward_stacked(
        self, x: Array, below: Conv2D, pooling: MaxPooling2D, ops: Operations
    ) -> tuple[Array, StackedCache, MaxPooling2DCache]:
        """What the pooling makes of this layer's outputs, from the images x that the layer below is given.

        Neither layer's outputs are kept: those of the layer below are cheaper to make again than to fetch.
        """
        height, width, filters = self.compute_output_shape(below.compute_output_shape(x.shape[1:]))
        y, winners = ops.stacked_conv2d_max_pool2d(
            x, below._convolution, self.params["kernel"], self.params.get("bias"),
            pooling.pool_size, pooling.strides, pooling.padding,
            self.strides, self.padding, self.dilation_rate, type(self.activation) is ReLU, self._algorithm,
        )  # fmt: skip
        return y, StackedCache(x), MaxPooling2DCache(winners, y, (len(x), height, width, filters))

    def backward_stacked(
        self, dy: PooledGradient, cache: StackedCache, below: Conv2D, ops: Operations
    ) -> tuple[Gradients, Gradients]:
        """Gradients by the parameters of the layer below and of this one."""
        relu = type(self.activation) is ReLU
        dy = dy if relu else dy.through(self.activation, ops)
        *of_below, dkernel, dbias = ops.stacked_pooled_gradients(
            dy.values, dy.winners, dy.outputs if relu else None, cache.x, below._convolution, self.params["kernel"],
            dy.pool_size, dy.strides, dy.padding, self.strides, self.padding, self.dilation_rate, self._algorithm,
        )  # fmt: skip
        return below._named(*of_below), self._named(dkernel, dbias)

    @property
    def ends_in_relu(self) -> bool:
        """Whether the outputs are zero just where no gradient passes."""
        return _passes_as(self, Conv2D) and type(self.activation) is ReLU

    def backward(
        self,
        dy: Array | PooledGradient,
        cache: Conv2DCache,
        ops: Operations,
        input_gradient: bool = True,
        *,
        activated: bool = False,
        input_relu: bool = False,
        overwrite_input: bool = False,
    ) -> tuple[Array | None, Gradients]:
        """Gradients by the images (N, H, W, C), the kernel and the bias.

        Two layers that follow each other may save a pass over memory: with `input_relu`, the images are the output of
        a ReLU, and the gradient is by what went into it; with `activated`, dy is such a gradient. With
        `overwrite_input`, nobody needs the images any more, and their memory may become that of their gradient.
        """
        relu = type(self.activation) is ReLU  # its gradient is taken by the operations on the way, not in a pass
        if isinstance(dy, PooledGradient) and self.activation.elementwise:
            if input_gradient:
                of_winners = dy if relu else dy.through(self.activation, ops)
                return self._backward_of_winners(of_winners, relu, cache, ops, input_relu, overwrite_input)
            return None, self._parameter_gradients(dy.through(self.activation, ops).dense(ops), None, cache.x, ops)
        if isinstance(dy, PooledGradient):
            dy = dy.dense(ops)
        if not input_gradient and relu and not activated:
            return None, self._parameter_gradients(dy, cache.y, cache.x, ops)
        dz = dy
        if not activated:
            assert cache.y is not None
            dz = self.activation.backward(dy, cache.y, ops)
        gradients = self._parameter_gradients(dz, None, cache.x, ops)
        if not input_gradient:
            return None, gradients
        geometry = (self.strides, self.padding, self.dilation_rate, self._algorithm)
        dx = ops.conv2d_input_gradient(dz, self.params["kernel"], cache.x.shape, *geometry)
        return ops.relu_gradient(dx, cache.x) if input_relu else dx, gradients

    def _parameter_gradients(self, dy: Array, y: Array | None, x: Array, ops: Operations) -> Gradients:
        """Of kernel and bias, from the gradient by the output y of ReLU, or by what is not activated (None)."""
        geometry = (self.strides, self.padding, self.dilation_rate, self._algorithm)
        return self._named(*ops.conv2d_parameter_gradients(dy, y, x, self.kernel_size, *geometry))

    def _backward_of_winners(
        self, dy: PooledGradient, relu: bool, cache: Conv2DCache, ops: Operations, input_relu: bool, overwrite_x: bool
    ) -> tuple[Array, Gradients]:
        """The same, where only the winners of a pooling send anything."""
        dx, dkernel, dbias = ops.conv2d_pooled_gradients(
            dy.values, dy.winners, dy.outputs if relu else None, cache.x, self.params["kernel"],
            dy.pool_size, dy.strides, dy.padding, self.strides, self.padding, self.dilation_rate, self._algorithm,
            input_relu, overwrite_x,
        )  # fmt: skip
        return dx, self._named(dkernel, dbias)

    def _named(self, dkernel: Array, dbias: Array) -> Gradients:
        return {"kernel": dkernel, "bias": dbias} if self.use_bias else {"kernel": dkernel}


def _passes_as(layer: Layer, kind: type[Layer]) -> bool:
    """Whether both passes of a layer are those of `kind`: what a user has overridden is never joined with another."""
    return type(layer).forward is kind.forward and type(layer).backward is kind.backward
