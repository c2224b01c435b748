"""The same operations as in `reference`, under the same names, compiled and fast.

The three functions of the convolution take one more argument, `algorithm`. Operations that exist only for speed are in
`kernels.fused`, and are not part of the interface.
"""

from scratchcnn.kernels.adam import adam
from scratchcnn.kernels.average_pool2d import average_pool2d, average_pool2d_gradient
from scratchcnn.kernels.batch_normalization import (
    batch_normalization,
    batch_normalization_input_gradient,
    batch_normalization_parameter_gradients,
    batch_statistics,
)
from scratchcnn.kernels.bias import bias_gradient
from scratchcnn.kernels.conv2d.dispatch import (
    conv2d,
    conv2d_input_gradient,
    conv2d_kernel_gradient,
)
from scratchcnn.kernels.cross_entropy import (
    cross_entropy,
    cross_entropy_gradient,
    softmax_cross_entropy,
    softmax_cross_entropy_gradient,
)
from scratchcnn.kernels.dense import dense, dense_input_gradient, dense_kernel_gradient
from scratchcnn.kernels.dropout import dropout, dropout_gradient
from scratchcnn.kernels.elementwise import elementwise, elementwise_gradient
from scratchcnn.kernels.im2col import col2im, im2col
from scratchcnn.kernels.max_pool2d import max_pool2d, max_pool2d_gradient
from scratchcnn.kernels.random import random_bits
from scratchcnn.kernels.relu import relu, relu_gradient
from scratchcnn.kernels.sgd import sgd
from scratchcnn.kernels.smooth_noise import smooth_noise
from scratchcnn.kernels.softmax import softmax, softmax_gradient
from scratchcnn.kernels.warp import warp
from scratchcnn.kernels.zero_pad2d import zero_pad2d, zero_pad2d_gradient

__all__ = [
    "adam",
    "average_pool2d",
    "average_pool2d_gradient",
    "batch_normalization",
    "batch_normalization_input_gradient",
    "batch_normalization_parameter_gradients",
    "batch_statistics",
    "bias_gradient",
    "col2im",
    "conv2d",
    "conv2d_input_gradient",
    "conv2d_kernel_gradient",
    "cross_entropy",
    "cross_entropy_gradient",
    "dense",
    "dense_input_gradient",
    "dense_kernel_gradient",
    "dropout",
    "dropout_gradient",
    "elementwise",
    "elementwise_gradient",
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
    "warp",
    "zero_pad2d",
    "zero_pad2d_gradient",
]
