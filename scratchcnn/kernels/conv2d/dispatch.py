"""Convolution: calls the algorithm that computes it.

Each algorithm is a module with three functions, `conv2d`, `conv2d_kernel_gradient` and `conv2d_input_gradient`, with
the reference's signatures. The first is seldom the fastest and always the easiest to read.

    loops.py             direct convolution, seven loops             2 * N * OH * OW * KH * KW * C * F FLOPs
    explicit_gemm.py     im2col, then one matrix product             the same, and KH * KW times the memory
    implicit_gemm.py     the same product, windows read in place     the same, no memory
    interleaved.py       direct convolution, one image in each lane  the same, and a transpose of x and y
    winograd.py          3 x 3 kernels at stride 1                   2.25 or 4 times fewer
    sparse_gradients.py  gradients below a max pooling               in proportion to the nonzero elements of dy

Cost: 2 * N * OH * OW * KH * KW * C * F FLOPs each, or fewer as above; besides the intermediate arrays of the algorithm,
each function reads its two operands and writes its result.

`scratchcnn.algorithms` defines which geometry each algorithm accepts, and which one 'auto' selects.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from scratchcnn.algorithms import Algorithm, Choice, Problem, Rung, algorithm_name, choose, expect_accepted
from scratchcnn.geometry import Padding, Pair
from scratchcnn.kernels import bias
from scratchcnn.kernels.conv2d import (
    explicit_gemm,
    implicit_gemm,
    interleaved,
    interleaved_kernel_gradient,
    loops,
    sparse_gradients,
    winograd,
    winograd_kernel_gradient,
)
from scratchcnn.operands import Array, Shape, conv2d_windows


class Implementation(NamedTuple):
    """The three functions of one algorithm, with the signatures of `reference`."""

    conv2d: Callable[..., Array]
    conv2d_kernel_gradient: Callable[..., Array]
    conv2d_input_gradient: Callable[..., Array]


def _winograd(m: int) -> Implementation:
    """F(m x m, 3 x 3)."""
    functions = winograd.conv2d, winograd_kernel_gradient.conv2d_kernel_gradient, winograd.conv2d_input_gradient
    return Implementation(*(functools.partial(function, m) for function in functions))


LADDER: dict[Rung, Implementation] = {
    "loops": Implementation(loops.conv2d, loops.conv2d_kernel_gradient, loops.conv2d_input_gradient),
    "im2col": Implementation(
        explicit_gemm.conv2d, explicit_gemm.conv2d_kernel_gradient, explicit_gemm.conv2d_input_gradient
    ),
    "tile": Implementation(
        implicit_gemm.conv2d, implicit_gemm.conv2d_kernel_gradient, implicit_gemm.conv2d_input_gradient
    ),
    "interleaved": Implementation(
        interleaved.conv2d, interleaved_kernel_gradient.conv2d_kernel_gradient, interleaved.conv2d_input_gradient
    ),
    "winograd_2x2": _winograd(2),
    "winograd_4x4": _winograd(4),
}
WINOGRAD_TILES: dict[Rung, int] = {"winograd_2x2": 2, "winograd_4x4": 4}  # m of F(m x m, 3 x 3)


def conv2d(
    x: Array,
    kernel: Array,
    bias: Array | None,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
    algorithm: Algorithm | Choice = "auto",
) -> Array:
    """Cross-correlate images with a kernel and add a bias; `reference.conv2d` has the formula."""
    choice = _choice(algorithm, "forward", x.shape, kernel.shape, strides, padding, dilation_rate, x.dtype)
    options = {"near_ties": True} if choice.decides_near_ties else {}
    return LADDER[choice.forward].conv2d(x, kernel, bias, strides, padding, dilation_rate, **options)


def conv2d_kernel_gradient(
    dy: Array,
    x: Array,
    kernel_size: Pair,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
    algorithm: Algorithm | Choice = "auto",
) -> Array:
    """Gradient of the loss w.r.t. the kernel; `reference.conv2d_kernel_gradient` has the formula."""
    kernel_shape = (*kernel_size, x.shape[-1], dy.shape[-1])
    choice = _choice(algorithm, "kernel_gradient", x.shape, kernel_shape, strides, padding, dilation_rate, x.dtype)
    if choice.kernel_gradient == "winners":
        assert choice.pool is not None  # as `expect_accepted` checked
        return sparse_gradients.conv2d_kernel_gradient(
            dy, x, kernel_size, strides, padding, dilation_rate, choice.pool
        )  # fmt: skip
    return LADDER[choice.kernel_gradient].conv2d_kernel_gradient(dy, x, kernel_size, strides, padding, dilation_rate)


def conv2d_input_gradient(
    dy: Array,
    kernel: Array,
    input_shape: Shape,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
    algorithm: Algorithm | Choice = "auto",
) -> Array:
    """Gradient of the loss w.r.t. the input; `reference.conv2d_input_gradient` has the formula."""
    choice = _choice(
        algorithm, "input_gradient", input_shape, kernel.shape, strides, padding, dilation_rate, kernel.dtype
    )
    if choice.input_gradient == "winners":
        assert choice.pool is not None
        return sparse_gradients.conv2d_input_gradient(
            dy, kernel, input_shape, strides, padding, dilation_rate, choice.pool
        )  # fmt: skip
    return LADDER[choice.input_gradient].conv2d_input_gradient(dy, kernel, input_shape, strides, padding, dilation_rate)


def conv2d_bias_gradient(dy: Array, algorithm: Choice) -> Array:
    """Gradient of the loss w.r.t. the bias; `reference.bias_gradient` has the formula.

    Pixels are added in the order in which the kernel gradient visits them.
    """
    if algorithm.kernel_gradient == "winners":
        assert algorithm.pool is not None
        return sparse_gradients.bias_gradient(dy, algorithm.pool)
    return bias.bias_gradient(dy)


def _choice(
    algorithm: Algorithm | Choice, use: str, input_shape: Shape, kernel_shape: Shape, strides: Pair, padding: Padding,
    dilation_rate: Pair, dtype: np.dtype[np.floating],
) -> Choice:  # fmt: skip
    """The algorithms, after checking that the one for `use` accepts the geometry."""
    windows = conv2d_windows(input_shape, kernel_shape, strides, padding, dilation_rate)
    problem = Problem(windows, kernel_shape[2], kernel_shape[3], dtype)
    if not isinstance(algorithm, Choice):
        return choose(algorithm_name(algorithm), problem)
    expect_accepted(getattr(algorithm, use), problem._replace(pool=algorithm.pool))
    return algorithm
