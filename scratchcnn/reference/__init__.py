"""The formulas: every operation as plain NumPy and loops, nothing clever. The kernels are tested against them."""

from scratchcnn.reference.adam import adam
from scratchcnn.reference.bias import bias_gradient
from scratchcnn.reference.conv2d import (
    conv2d,
    conv2d_input_gradient,
    conv2d_kernel_gradient,
    conv2d_parameter_gradients,
)
from scratchcnn.reference.conv2d_max_pool2d import conv2d_max_pool2d, conv2d_pooled_gradients
from scratchcnn.reference.cross_entropy import (
    cross_entropy,
    cross_entropy_gradient,
    softmax_cross_entropy,
    softmax_cross_entropy_gradient,
)
from scratchcnn.reference.dense import dense, dense_input_gradient, dense_kernel_gradient
from scratchcnn.reference.dropout import dropout, dropout_gradient
from scratchcnn.reference.im2col import col2im, im2col
from scratchcnn.reference.max_pool2d import max_pool2d, max_pool2d_gradient
from scratchcnn.reference.random import random_bits
from scratchcnn.reference.relu import relu, relu_gradient
from scratchcnn.reference.sgd import sgd
from scratchcnn.reference.smooth_noise import smooth_noise
from scratchcnn.reference.softmax import softmax, softmax_gradient
from scratchcnn.reference.stacked import stacked_conv2d_max_pool2d, stacked_pooled_gradients
from scratchcnn.reference.warp import warp

__all__ = [
    "adam",
    "bias_gradient",
    "col2im",
    "conv2d",
    "conv2d_input_gradient",
    "conv2d_kernel_gradient",
    "conv2d_max_pool2d",
    "conv2d_parameter_gradients",
    "conv2d_pooled_gradients",
    "cross_entropy",
    "cross_entropy_gradient",
    "dense",
    "dense_input_gradient",
    "dense_kernel_gradient",
    "dropout",
    "dropout_gradient",
    "im2col",
    "max_pool2d",
    "max_pool2d_gradient",
    "random_bits",
    "relu",
    "relu_gradient",
    "sgd",
    "smooth_noise",
    "softmax",
    "softmax_cross_entropy",
    "softmax_cross_entropy_gradient",
    "softmax_gradient",
    "stacked_conv2d_max_pool2d",
    "stacked_pooled_gradients",
    "warp",
]
