"""The operations that `reference` and `kernels` both implement, as one type: what a layer may call.

Primitive operations only: each computes one function, or the gradient of one. A layer receives an implementation as
`ops` and cannot tell which. The type checker compares both packages with this protocol; `tests/kernels` compares their
signatures and their results.
"""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Literal, Protocol, cast

from scratchcnn import kernels, reference
from scratchcnn.algorithms import Algorithm, Choice
from scratchcnn.geometry import Padding, Pair
from scratchcnn.kernels.conv2d.dispatch import conv2d_bias_gradient
from scratchcnn.kernels.runtime.jit import COMPILES
from scratchcnn.names import look_up
from scratchcnn.operands import Array, Shape

Engine = Literal["kernels", "reference"]


class Operations(Protocol):
    """The primitive operations; `reference` documents each under its name, with formula, shapes and examples."""

    def conv2d(
        self, x: Array, kernel: Array, bias: Array | None, strides: Pair, padding: Padding, dilation_rate: Pair
    ) -> Array:
        """Cross-correlate images with a kernel and add a bias."""

    def conv2d_kernel_gradient(
        self, dy: Array, x: Array, kernel_size: Pair, strides: Pair, padding: Padding, dilation_rate: Pair
    ) -> Array:
        """Gradient of the loss with respect to the kernel of a convolution."""

    def conv2d_input_gradient(
        self, dy: Array, kernel: Array, input_shape: Shape, strides: Pair, padding: Padding, dilation_rate: Pair
    ) -> Array:
        """Gradient of the loss with respect to the input of a convolution."""

    def max_pool2d(self, x: Array, pool_size: Pair, strides: Pair, padding: Padding) -> tuple[Array, Array]:
        """The maximum of every window, and its argmax index."""

    def max_pool2d_gradient(
        self, dy: Array, winners: Array, input_shape: Shape, pool_size: Pair, strides: Pair, padding: Padding
    ) -> Array:
        """Gradient of the loss with respect to the input of a max pooling; `winners` are its argmax indices."""

    def average_pool2d(self, x: Array, pool_size: Pair, strides: Pair, padding: Padding) -> Array:
        """The mean of every window; positions outside the image are not counted."""

    def average_pool2d_gradient(
        self, dy: Array, input_shape: Shape, pool_size: Pair, strides: Pair, padding: Padding
    ) -> Array:
        """Gradient of the loss with respect to the input of an average pooling."""

    def zero_pad2d(self, x: Array, padding: tuple[Pair, Pair]) -> Array:
        """Images with ((top, bottom), (left, right)) rows and columns of zeros around them."""

    def zero_pad2d_gradient(self, dy: Array, padding: tuple[Pair, Pair]) -> Array:
        """Gradient of the loss with respect to the input of a zero padding."""

    def dense(self, x: Array, kernel: Array, bias: Array | None) -> Array:
        """Multiply by a matrix and add a bias."""

    def dense_kernel_gradient(self, dy: Array, x: Array) -> Array:
        """Gradient of the loss with respect to the kernel of a dense layer."""

    def dense_input_gradient(self, dy: Array, kernel: Array) -> Array:
        """Gradient of the loss with respect to the input of a dense layer."""

    def bias_gradient(self, dy: Array) -> Array:
        """Gradient of the loss with respect to a bias that is added along the last axis."""

    def batch_statistics(self, x: Array) -> tuple[Array, Array]:
        """Mean and variance of each channel over a batch, in float64."""

    def batch_normalization(
        self, x: Array, mean: Array, variance: Array, gamma: Array | None, beta: Array | None, epsilon: float
    ) -> Array:
        """Normalize each channel with a mean and a variance, and scale and shift the result."""

    def batch_normalization_parameter_gradients(
        self, dy: Array, x: Array, mean: Array, variance: Array, epsilon: float
    ) -> tuple[Array, Array]:
        """Gradients of the loss with respect to gamma and beta of a batch normalization."""

    def batch_normalization_input_gradient(
        self,
        dy: Array,
        x: Array,
        mean: Array,
        variance: Array,
        gamma: Array | None,
        epsilon: float,
        dgamma: Array,
        dbeta: Array,
    ) -> Array:
        """Gradient of the loss with respect to the input of a batch normalization with the statistics of this input."""

    def relu(self, x: Array) -> Array:
        """Rectified linear unit."""

    def relu_gradient(self, dy: Array, y: Array) -> Array:
        """Gradient of the loss with respect to the input of a ReLU with output y."""

    def elementwise(self, x: Array, name: str, parameter: float) -> Array:
        """The activation function of that name: 'sigmoid', 'tanh', 'elu', 'leaky_relu', 'gelu', 'silu', 'softplus'."""

    def elementwise_gradient(self, dy: Array, kept: Array, name: str, parameter: float) -> Array:
        """Gradient of the loss with respect to the input of such a function; `kept` is its output or its input."""

    def softmax(self, x: Array) -> Array:
        """Softmax along the last axis."""

    def softmax_gradient(self, dy: Array, y: Array) -> Array:
        """Gradient of the loss with respect to the input of a softmax with output y."""

    def softmax_cross_entropy(self, logits: Array, targets: Array) -> tuple[Array, Array]:
        """Cross-entropy of each sample, and the probabilities, from logits."""

    def softmax_cross_entropy_gradient(self, probabilities: Array, targets: Array, scale: float) -> Array:
        """Gradient of the scaled loss with respect to the logits."""

    def cross_entropy(self, probabilities: Array, targets: Array) -> Array:
        """Cross-entropy of each sample, from probabilities."""

    def cross_entropy_gradient(self, probabilities: Array, targets: Array, scale: float) -> Array:
        """Gradient of the scaled loss with respect to the probabilities."""

    def sigmoid_cross_entropy(self, logits: Array, targets: Array) -> tuple[Array, Array]:
        """Binary cross-entropy of each sample, and the probabilities, from logits."""

    def sigmoid_cross_entropy_gradient(self, probabilities: Array, targets: Array, scale: float) -> Array:
        """Gradient of the scaled loss with respect to the logits."""

    def binary_cross_entropy(self, probabilities: Array, targets: Array) -> Array:
        """Binary cross-entropy of each sample, from probabilities."""

    def binary_cross_entropy_gradient(self, probabilities: Array, targets: Array, scale: float) -> Array:
        """Gradient of the scaled loss with respect to the probabilities."""

    def mean_squared_error(self, outputs: Array, targets: Array) -> Array:
        """Mean squared error of each sample."""

    def mean_squared_error_gradient(self, outputs: Array, targets: Array, scale: float) -> Array:
        """Gradient of the scaled loss with respect to the outputs."""

    def absolute_sum(self, x: Array) -> float:
        """Sum of the absolute values of all elements."""

    def squared_sum(self, x: Array) -> float:
        """Sum of the squares of all elements."""

    def add_penalty_gradient(self, gradient: Array, x: Array, l1: float, l2: float) -> Array:
        """Add the gradient of l1 * absolute_sum(x) + l2 * squared_sum(x) to a gradient."""

    def dropout(self, x: Array, rate: float, key: int) -> tuple[Array, Array]:
        """Zero random activations and scale the rest; also the mask of those that are kept."""

    def dropout_gradient(self, dy: Array, kept: Array, rate: float) -> Array:
        """Gradient of the loss with respect to the input of a dropout."""

    def adam(
        self,
        parameter: Array,
        gradient: Array,
        m: Array,
        v: Array,
        v_max: Array,
        step: int,
        learning_rate: float,
        beta_1: float,
        beta_2: float,
        epsilon: float,
    ) -> None:
        """Update a parameter and its moment estimates in place by one step of Adam."""

    def sgd(
        self, parameter: Array, gradient: Array, velocity: Array, learning_rate: float, momentum: float, nesterov: bool
    ) -> None:
        """Update a parameter and its velocity in place by one step of stochastic gradient descent."""

    def rmsprop(
        self,
        parameter: Array,
        gradient: Array,
        velocity: Array,
        increment: Array | None,
        average: Array | None,
        learning_rate: float,
        rho: float,
        momentum: float,
        epsilon: float,
    ) -> None:
        """Update a parameter and its optimizer state in place by one step of RMSprop."""

    def adagrad(
        self, parameter: Array, gradient: Array, accumulator: Array, learning_rate: float, epsilon: float
    ) -> None:
        """Update a parameter and its accumulator in place by one step of Adagrad."""

    def adadelta(
        self,
        parameter: Array,
        gradient: Array,
        squared_gradients: Array,
        squared_updates: Array,
        learning_rate: float,
        rho: float,
        epsilon: float,
    ) -> None:
        """Update a parameter and its optimizer state in place by one step of Adadelta."""

    def clip_by_norm(self, gradient: Array, norm: float, limit: float) -> Array:
        """Scale a gradient of this norm to a norm of at most `limit`."""

    def clip_by_value(self, gradient: Array, limit: float) -> Array:
        """Limit every element of a gradient to [-limit, limit]."""

    def decay(self, parameter: Array, rate: float) -> None:
        """Shrink a parameter towards zero, in place."""


def engine(name: str) -> Operations:
    """The implementation of that name: 'kernels' (fast) or 'reference' (the formulas).

    Raises
    ------
    ValueError
        There is no engine of that name.
    RuntimeError
        The kernels are asked for, and Numba is not allowed to compile them.
    """
    engines: dict[str, Operations] = {"kernels": kernels, "reference": reference}
    operations = look_up("engine", name, engines)
    if operations is kernels and not COMPILES:
        raise RuntimeError(
            "Expected Numba to compile the kernels, received NUMBA_DISABLE_JIT=1; unset it, or use "
            "Sequential(engine='reference'), which computes the same in plain Python."
        )
    return operations


@functools.lru_cache(maxsize=256)
def with_algorithm(algorithm: Algorithm | Choice) -> Operations:
    """The kernels, with the operations of a convolution bound to an algorithm, or to one for each of them.

    With a choice of 'winners', the gradient of the bias is summed in the same order of pixels as that of the kernel.
    """
    names = ("conv2d", "conv2d_kernel_gradient", "conv2d_input_gradient")
    bound = {name: functools.partial(getattr(kernels, name), algorithm=algorithm) for name in names}
    if isinstance(algorithm, Choice):
        bound["bias_gradient"] = functools.partial(conv2d_bias_gradient, algorithm=algorithm)
    primitives = {name: getattr(kernels, name) for name in kernels.__all__}
    return cast(Operations, SimpleNamespace(**primitives | bound))
