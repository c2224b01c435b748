"""Convolution: leads to the algorithm that computes it.

Each rung of the ladder is a file with three functions, `conv2d`, `conv2d_kernel_gradient` and `conv2d_input_gradient`,
with the reference's signatures. The one at the top is seldom the fastest and always the easiest to read.

    conv2d_loops.py     seven loops                                  2 * N * OH * OW * KH * KW * C * F FLOPs
    conv2d_im2col.py    windows written out, one matrix product      the same, and KH * KW times the memory
    conv2d_tile.py      the same product, windows read in place      the same, no memory
    winograd.py         3 x 3 kernels at stride 1                    2.25 or 4 times fewer

Cost: 2 * N * OH * OW * KH * KW * C * F FLOPs each, or fewer by Winograd's algorithm; besides what the rung has in
between, each reads its two operands and writes its result.

The fifth way, `pooled_gradient.py`, is for gradients that come through a max-pooling. `scratchcnn.algorithms` says
which geometry each accepts, and which one 'auto' takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from scratchcnn.algorithms import Algorithm, Choice, Problem, Rung, algorithm_name, choose
from scratchcnn.geometry import Padding, Pair
from scratchcnn.kernels.bias import bias_gradient
from scratchcnn.kernels.conv2d import explicit_gemm, implicit_gemm, loops, winograd
from scratchcnn.kernels.relu import relu_gradient
from scratchcnn.operands import Array, Shape, conv2d_windows


class Convolution(NamedTuple):
    """The three functions of one algorithm, with the signatures of `reference`."""

    conv2d: Callable[..., Array]
    conv2d_kernel_gradient: Callable[..., Array]
    conv2d_input_gradient: Callable[..., Array]


LADDER: dict[Rung, Convolution] = {
    "loops": Convolution(loops.conv2d, loops.conv2d_kernel_gradient, loops.conv2d_input_gradient),
    "im2col": Convolution(
        explicit_gemm.conv2d, explicit_gemm.conv2d_kernel_gradient, explicit_gemm.conv2d_input_gradient
    ),
    "tile": Convolution(
        implicit_gemm.conv2d, implicit_gemm.conv2d_kernel_gradient, implicit_gemm.conv2d_input_gradient
    ),
    "winograd_2x2": Convolution(
        winograd.conv2d_2x2, winograd.conv2d_kernel_gradient_2x2, winograd.conv2d_input_gradient_2x2
    ),
    "winograd_4x4": Convolution(
        winograd.conv2d_4x4, winograd.conv2d_kernel_gradient_4x4, winograd.conv2d_input_gradient_4x4
    ),
}


def conv2d(
    x: Array,
    kernel: Array,
    bias: Array | None,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
    relu: bool = False,
    algorithm: Algorithm = "auto",
) -> Array:
    """Cross-correlate images with a kernel and add a bias; `reference.conv2d` has the formula."""
    chosen = _choice(algorithm, x.shape, kernel.shape, strides, padding, dilation_rate, x.dtype)
    return LADDER[chosen.forward].conv2d(x, kernel, bias, strides, padding, dilation_rate, relu)


def conv2d_kernel_gradient(
    dy: Array,
    x: Array,
    kernel_size: Pair,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
    algorithm: Algorithm = "auto",
) -> Array:
    """Gradient of the loss by the kernel; `reference.conv2d_kernel_gradient` has the formula."""
    kernel_shape = (*kernel_size, x.shape[-1], dy.shape[-1])
    chosen = _choice(algorithm, x.shape, kernel_shape, strides, padding, dilation_rate, x.dtype)
    return LADDER[chosen.kernel_gradient].conv2d_kernel_gradient(dy, x, kernel_size, strides, padding, dilation_rate)


def conv2d_parameter_gradients(
    dy: Array,
    y: Array | None,
    x: Array,
    kernel_size: Pair,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
    algorithm: Algorithm = "auto",
) -> tuple[Array, Array]:
    """Gradients by kernel and bias, through ReLU; `reference.conv2d_parameter_gradients` has the formula."""
    kernel_shape = (*kernel_size, x.shape[-1], dy.shape[-1])
    chosen = _choice(algorithm, x.shape, kernel_shape, strides, padding, dilation_rate, x.dtype)
    if chosen.kernel_gradient == "tile":
        return implicit_gemm.conv2d_parameter_gradients(dy, y, x, kernel_size, strides, padding, dilation_rate)
    dz = dy if y is None else relu_gradient(dy, y)
    dkernel = LADDER[chosen.kernel_gradient].conv2d_kernel_gradient(dz, x, kernel_size, strides, padding, dilation_rate)
    return dkernel, bias_gradient(dz)


def conv2d_input_gradient(
    dy: Array,
    kernel: Array,
    input_shape: Shape,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
    algorithm: Algorithm = "auto",
) -> Array:
    """Gradient of the loss by the input; `reference.conv2d_input_gradient` has the formula."""
    chosen = _choice(algorithm, input_shape, kernel.shape, strides, padding, dilation_rate, kernel.dtype)
    return LADDER[chosen.input_gradient].conv2d_input_gradient(dy, kernel, input_shape, strides, padding, dilation_rate)


def _choice(
    algorithm: Algorithm, input_shape: Shape, kernel_shape: Shape, strides: Pair, padding: Padding, dilation_rate: Pair,
    dtype: np.dtype[np.floating],
) -> Choice:  # fmt: skip
    windows = conv2d_windows(input_shape, kernel_shape, strides, padding, dilation_rate)
    return choose(algorithm_name(algorithm), Problem(windows, kernel_shape[2], kernel_shape[3], dtype))
