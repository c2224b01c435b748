"""Convolution by explicit GEMM (im2col): every window is copied to a row of a matrix, then one matrix product follows.

    forward           y   =  im2col(x) @ kernel             (N*OH*OW, KH*KW*C) @ (KH*KW*C, F)
    kernel gradient   dk  =  im2col(x)ᵀ @ dy
    input gradient    dx  =  col2im(dy @ kernelᵀ)

This is the textbook method (Chellapilla, Puri & Simard 2006, "High performance convolutional neural networks for
document processing"), with which most libraries began. It reduces the convolution to a solved problem at the cost of
memory: the matrix contains each pixel KH * KW times (85 MB for the article's second layer and 128 images), and a
processor multiplies faster than it writes and reads the matrix. `implicit_gemm` computes the same product without it.

Cost: 2 * N * OH * OW * KH * KW * C * F FLOPs each; writes and reads N * OH * OW * KH * KW * C elements.
"""

from __future__ import annotations

from scratchcnn.geometry import Padding, Pair
from scratchcnn.kernels.dense import dense, dense_input_gradient, dense_kernel_gradient
from scratchcnn.kernels.im2col import col2im, im2col
from scratchcnn.operands import Array, Shape, conv2d_windows, expect


def conv2d(
    x: Array,
    kernel: Array,
    bias: Array | None,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:
    """Cross-correlate images with a kernel and add a bias; `reference.conv2d` has the formula.

    Numerics: each output is one sum over (kernel row, kernel column, channel), in that order, in the dtype of x.
    """
    rows, columns = conv2d_windows(x.shape, kernel.shape, strides, padding, dilation_rate)
    expect(x=(x, x.shape), kernel=(kernel, kernel.shape))
    filters = kernel.shape[3]
    matrix = im2col(x, kernel.shape[:2], strides, padding, dilation_rate)  # (N * OH * OW, KH * KW * C)
    y = dense(matrix, kernel.reshape(-1, filters), bias)  # (N * OH * OW, F)
    return y.reshape(len(x), rows.output, columns.output, filters)


def conv2d_kernel_gradient(
    dy: Array,
    x: Array,
    kernel_size: Pair,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:
    """Gradient of the loss with respect to the kernel; `reference.conv2d_kernel_gradient` has the formula.

    Numerics: one sum over all pixels of all images, in the dtype of x.
    """
    kernel_shape = (*kernel_size, x.shape[-1], dy.shape[-1])
    rows, columns = conv2d_windows(x.shape, kernel_shape, strides, padding, dilation_rate)
    expect(x=(x, x.shape), dy=(dy, (len(x), rows.output, columns.output, dy.shape[-1])))
    matrix = im2col(x, kernel_size, strides, padding, dilation_rate)  # (N * OH * OW, KH * KW * C)
    return dense_kernel_gradient(dy.reshape(-1, dy.shape[-1]), matrix).reshape(kernel_shape)


def conv2d_input_gradient(
    dy: Array,
    kernel: Array,
    input_shape: Shape,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
) -> Array:
    """Gradient of the loss with respect to the input; `reference.conv2d_input_gradient` has the formula.

    Numerics: sums over the filters, then over the windows that contain a pixel, in the dtype of dy.
    """
    rows, columns = conv2d_windows(input_shape, kernel.shape, strides, padding, dilation_rate)
    filters = kernel.shape[3]
    expect(kernel=(kernel, kernel.shape), dy=(dy, (input_shape[0], rows.output, columns.output, filters)))
    matrix = dense_input_gradient(dy.reshape(-1, filters), kernel.reshape(-1, filters))  # (N * OH * OW, KH * KW * C)
    return col2im(matrix, input_shape, kernel.shape[:2], strides, padding, dilation_rate)
