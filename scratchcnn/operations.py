"""What `reference` and `kernels` both offer, as one type: the operations a layer may call.

A layer is handed one of the two packages as `ops`, and cannot tell which. The type checker holds both packages against
this list; `tests/kernels` holds their signatures against each other.
"""

from __future__ import annotations

from typing import Literal, Protocol

from scratchcnn import kernels, reference
from scratchcnn.algorithms import Algorithm
from scratchcnn.geometry import Padding, Pair
from scratchcnn.names import look_up
from scratchcnn.operands import Array, Convolution, Shape

Engine = Literal["kernels", "reference"]


class Operations(Protocol):
    """The operations, each explained in `reference` under its name."""

    def conv2d(
        self,
        x: Array,
        kernel: Array,
        bias: Array | None,
        strides: Pair,
        padding: Padding,
        dilation_rate: Pair,
        relu: bool = False,
        algorithm: Algorithm = "auto",
    ) -> Array: ...
    def conv2d_kernel_gradient(
        self,
        dy: Array,
        x: Array,
        kernel_size: Pair,
        strides: Pair,
        padding: Padding,
        dilation_rate: Pair,
        algorithm: Algorithm = "auto",
    ) -> Array: ...
    def conv2d_parameter_gradients(
        self,
        dy: Array,
        y: Array | None,
        x: Array,
        kernel_size: Pair,
        strides: Pair,
        padding: Padding,
        dilation_rate: Pair,
        algorithm: Algorithm = "auto",
    ) -> tuple[Array, Array]: ...
    def conv2d_input_gradient(
        self,
        dy: Array,
        kernel: Array,
        input_shape: Shape,
        strides: Pair,
        padding: Padding,
        dilation_rate: Pair,
        algorithm: Algorithm = "auto",
    ) -> Array: ...
    def conv2d_max_pool2d(
        self,
        x: Array,
        kernel: Array,
        bias: Array | None,
        pool_size: Pair,
        pool_strides: Pair,
        pool_padding: Padding,
        strides: Pair,
        padding: Padding,
        dilation_rate: Pair,
        relu: bool = False,
        algorithm: Algorithm = "auto",
    ) -> tuple[Array, Array]: ...
    def conv2d_pooled_gradients(
        self,
        values: Array,
        winners: Array,
        outputs: Array | None,
        x: Array,
        kernel: Array,
        pool_size: Pair,
        pool_strides: Pair,
        pool_padding: Padding,
        strides: Pair,
        padding: Padding,
        dilation_rate: Pair,
        algorithm: Algorithm = "auto",
        input_relu: bool = False,
        overwrite_x: bool = False,
    ) -> tuple[Array, Array, Array]: ...
    def stacked_conv2d_max_pool2d(
        self,
        x: Array,
        below: Convolution,
        kernel: Array,
        bias: Array | None,
        pool_size: Pair,
        pool_strides: Pair,
        pool_padding: Padding,
        strides: Pair,
        padding: Padding,
        dilation_rate: Pair,
        relu: bool = False,
        algorithm: Algorithm = "auto",
    ) -> tuple[Array, Array]: ...
    def stacked_pooled_gradients(
        self,
        values: Array,
        winners: Array,
        outputs: Array | None,
        x: Array,
        below: Convolution,
        kernel: Array,
        pool_size: Pair,
        pool_strides: Pair,
        pool_padding: Padding,
        strides: Pair,
        padding: Padding,
        dilation_rate: Pair,
        algorithm: Algorithm = "auto",
    ) -> tuple[Array, Array, Array, Array]: ...
    def max_pool2d(self, x: Array, pool_size: Pair, strides: Pair, padding: Padding) -> tuple[Array, Array]: ...
    def max_pool2d_gradient(
        self, dy: Array, winners: Array, input_shape: Shape, pool_size: Pair, strides: Pair, padding: Padding
    ) -> Array: ...
    def dense(self, x: Array, kernel: Array, bias: Array | None, relu: bool = False) -> Array: ...
    def dense_kernel_gradient(self, dy: Array, x: Array) -> Array: ...
    def dense_input_gradient(self, dy: Array, kernel: Array) -> Array: ...
    def bias_gradient(self, dy: Array) -> Array: ...
    def relu(self, x: Array) -> Array: ...
    def relu_gradient(self, dy: Array, y: Array) -> Array: ...
    def softmax(self, x: Array) -> Array: ...
    def softmax_gradient(self, dy: Array, y: Array) -> Array: ...
    def softmax_cross_entropy(self, logits: Array, targets: Array) -> tuple[Array, Array]: ...
    def softmax_cross_entropy_gradient(self, probabilities: Array, targets: Array, scale: float) -> Array: ...
    def cross_entropy(self, probabilities: Array, targets: Array) -> Array: ...
    def cross_entropy_gradient(self, probabilities: Array, targets: Array, scale: float) -> Array: ...
    def dropout(self, x: Array, rate: float, key: int) -> tuple[Array, Array]: ...
    def dropout_gradient(self, dy: Array, kept: Array, rate: float) -> Array: ...
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
    ) -> None: ...
    def sgd(
        self, parameter: Array, gradient: Array, velocity: Array, learning_rate: float, momentum: float, nesterov: bool
    ) -> None: ...


def engine(name: str) -> Operations:
    """The package of that name: 'kernels' (fast) or 'reference' (the formulas).

    Raises
    ------
    ValueError
        There is no engine of that name.
    """
    engines: dict[str, Operations] = {"kernels": kernels, "reference": reference}
    return look_up("engine", name, engines)
