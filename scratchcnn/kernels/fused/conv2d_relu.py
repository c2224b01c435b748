"""A convolution with its ReLU, and the gradients of both.

    conv2d_relu             y  =  relu(conv2d(x, kernel, bias))
    conv2d_relu_gradients   dz =  relu_gradient(dy, y)
                            dx, dkernel, dbias  =  the three gradients of the convolution for dz

Both return the same bits as this composition of primitive kernels with the same algorithms.

Why it is faster: implicit GEMM, interleaved convolution and Winograd apply the ReLU while the sums are in registers, so
y is written once and not read again. Backward, if no input gradient is needed, the first two mask a part of dy at a
time, sum it for the bias and multiply it while it is cached, so dz is never written to memory.

Cost: the FLOPs of the convolution, and one comparison per output element.
"""

from __future__ import annotations

from scratchcnn.algorithms import expect_accepted
from scratchcnn.kernels.conv2d import implicit_gemm, interleaved, interleaved_kernel_gradient, winograd
from scratchcnn.kernels.conv2d.dispatch import (
    WINOGRAD_TILES,
    conv2d,
    conv2d_bias_gradient,
    conv2d_input_gradient,
    conv2d_kernel_gradient,
)
from scratchcnn.kernels.relu import relu, relu_gradient
from scratchcnn.operands import Array, Convolution

WITH_RELU = {"tile": implicit_gemm.conv2d_relu, "interleaved": interleaved.conv2d_relu}
PARAMETER_GRADIENTS = {
    "tile": implicit_gemm.conv2d_parameter_gradients,
    "interleaved": interleaved_kernel_gradient.conv2d_parameter_gradients,
}


def conv2d_relu(x: Array, convolution: Convolution) -> Array:
    """Convolve images, and apply the ReLU if the convolution has one.

    Parameters
    ----------
    x : (N, H, W, C), float32 or float64
    convolution : Convolution

    Returns
    -------
    (N, OH, OW, F), the dtype of x
    """
    kernel, bias, strides, padding, dilation_rate, has_relu, choice = convolution
    if not has_relu:
        return conv2d(x, kernel, bias, strides, padding, dilation_rate, choice)
    if choice.forward in WITH_RELU:
        return WITH_RELU[choice.forward](x, kernel, bias, strides, padding, dilation_rate)
    if choice.forward in WINOGRAD_TILES and not choice.decides_near_ties:
        expect_accepted(choice.forward, convolution.problem(x.shape))
        tile_size = WINOGRAD_TILES[choice.forward]
        return winograd.conv2d(tile_size, x, kernel, bias, strides, padding, dilation_rate, relu=True)
    return relu(conv2d(x, kernel, bias, strides, padding, dilation_rate, choice))


def conv2d_relu_gradients(
    dy: Array, y: Array | None, x: Array, convolution: Convolution, input_gradient: bool = True
) -> tuple[Array | None, Array, Array]:
    """Gradients of the loss w.r.t. the input, the kernel and the bias of a convolution with a ReLU.

    Parameters
    ----------
    dy : (N, OH, OW, F)
        Gradient with respect to the output y of the ReLU; or, where y is None, to the output of the convolution.
    y : (N, OH, OW, F) or None
    x : (N, H, W, C)
    convolution : Convolution
    input_gradient : bool
        Whether dx is needed.

    Returns
    -------
    dx : (N, H, W, C) or None
    dkernel : (KH, KW, C, F)
    dbias : (F,)
    """
    kernel, geometry, choice = convolution.kernel, convolution.geometry, convolution.choice
    parameter_gradients = PARAMETER_GRADIENTS.get(choice.kernel_gradient)
    if parameter_gradients and not input_gradient:
        return None, *parameter_gradients(dy, y, x, convolution.kernel_size, *geometry)
    dz = dy if y is None else relu_gradient(dy, y)
    dx = conv2d_input_gradient(dz, kernel, x.shape, *geometry, choice) if input_gradient else None
    if parameter_gradients:
        return dx, *parameter_gradients(dz, None, x, convolution.kernel_size, *geometry)
    dkernel = conv2d_kernel_gradient(dz, x, convolution.kernel_size, *geometry, choice)
    return dx, dkernel, conv2d_bias_gradient(dz, choice)
