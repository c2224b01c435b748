"""The same operations as in `reference`, under the same names, compiled and fast.

The three functions of the convolution take one more argument, `algorithm`. Operations that exist only for speed are in
`kernels.fused`, and are not part of the interface.
"""

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
from scratchcnn.kernels.dense import dense, dense_input_gradient, dense_kernel_gradient
from scratchcnn.kernels.dropout import dropout, dropout_gradient
from scratchcnn.kernels.elementwise import elementwise, elementwise_gradient
from scratchcnn.kernels.im2col import col2im, im2col
from scratchcnn.kernels.losses.binary_cross_entropy import (
    binary_cross_entropy,
    binary_cross_entropy_gradient,
    sigmoid_cross_entropy,
    sigmoid_cross_entropy_gradient,
)
from scratchcnn.kernels.losses.cross_entropy import (
    cross_entropy,
    cross_entropy_gradient,
    softmax_cross_entropy,
    softmax_cross_entropy_gradient,
)
from scratchcnn.kernels.losses.mean_squared_error import mean_squared_error, mean_squared_error_gradient
from scratchcnn.kernels.losses.penalty import absolute_sum, add_penalty_gradient, squared_sum
from scratchcnn.kernels.max_pool2d import max_pool2d, max_pool2d_gradient
from scratchcnn.kernels.optimizers.adadelta import adadelta
from scratchcnn.kernels.optimizers.adagrad import adagrad
from scratchcnn.kernels.optimizers.adam import adam
from scratchcnn.kernels.optimizers.clipping import clip_by_norm, clip_by_value
from scratchcnn.kernels.optimizers.decay import decay
from scratchcnn.kernels.optimizers.rmsprop import rmsprop
from scratchcnn.kernels.optimizers.sgd import sgd
from scratchcnn.kernels.random import random_bits
from scratchcnn.kernels.relu import relu, relu_gradient
from scratchcnn.kernels.smooth_noise import smooth_noise
from scratchcnn.kernels.softmax import softmax, softmax_gradient
from scratchcnn.kernels.warp import warp
from scratchcnn.kernels.zero_pad2d import zero_pad2d, zero_pad2d_gradient

__all__ = [
    "absolute_sum",
    "adadelta",
    "adagrad",
    "adam",
    "add_penalty_gradient",
    "average_pool2d",
    "average_pool2d_gradient",
    "batch_normalization",
    "batch_normalization_input_gradient",
    "batch_normalization_parameter_gradients",
    "batch_statistics",
    "bias_gradient",
    "binary_cross_entropy",
    "binary_cross_entropy_gradient",
    "clip_by_norm",
    "clip_by_value",
    "col2im",
    "conv2d",
    "conv2d_input_gradient",
    "conv2d_kernel_gradient",
    "cross_entropy",
    "cross_entropy_gradient",
    "decay",
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
    "mean_squared_error",
    "mean_squared_error_gradient",
    "random_bits",
    "relu",
    "relu_gradient",
    "rmsprop",
    "sgd",
    "sigmoid_cross_entropy",
    "sigmoid_cross_entropy_gradient",
    "smooth_noise",
    "softmax",
    "softmax_cross_entropy",
    "softmax_cross_entropy_gradient",
    "softmax_gradient",
    "squared_sum",
    "warp",
    "zero_pad2d",
    "zero_pad2d_gradient",
]
