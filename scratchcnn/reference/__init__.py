"""Reference implementations: the formula of every operation in plain NumPy and loops. START HERE.

Each file contains one operation and its gradients; those of the losses and the optimizers are in folders. Nothing is
optimized: a function checks the shapes and dtypes of its arguments and then computes the formula of its docstring. The
package `kernels` contains the same functions, compiled and fast. They are tested against these, and
`Sequential(engine="reference")` runs a whole model on them.

Reading order, with the concepts that each file introduces:

    dense                weighted sums of the inputs; gradients with respect to kernel and input
    bias                 the gradient of a bias
    relu                 the activation function between layers, and its gradient at the kink
    elementwise          sigmoid, tanh, elu, leaky_relu, gelu, silu and softplus, each with its derivative
    softmax              probabilities from logits
    losses               the loss, cross_entropy.py, from logits or probabilities; other losses; penalties
    optimizers           the update of the parameters: sgd.py first, then adam.py and others; clipping, weight decay
    im2col               sliding windows: stride, padding, dilation
    conv2d               convolution and its two gradients
    max_pool2d           the maximum of each window; argmax indices
    average_pool2d       the mean of each window, or of a whole feature map
    zero_pad2d           zeros around images
    batch_normalization  mean and variance of each channel over the batch; gradients through both
    random               a counter-based random generator
    dropout              regularization by zeroing random activations
    warp                 resampling of images, for data augmentation
    smooth_noise         random displacement fields, for elastic distortions

Notation, in all files:

    N               images or samples in the batch
    H, W, C         height, width and channels of an image; images are (N, H, W, C)
    KH, KW, F       height and width of a kernel or window, number of filters; kernels are (KH, KW, C, F)
    OH, OW          height and width of the output
    SH, SW; DH, DW  strides and dilation rates along rows and columns
    top, left       rows and columns of padding before the image
    I, J            inputs and outputs of a dense layer; dense kernels are (I, J)
    y, dy           an array, and the gradient of the loss L with respect to it: dy[i] = ∂L / ∂y[i]

Lower-case letters are the matching indices: n, c, f, ky, kx, oy, ox, i, j.
"""

from scratchcnn.reference.average_pool2d import average_pool2d, average_pool2d_gradient
from scratchcnn.reference.batch_normalization import (
    batch_normalization,
    batch_normalization_input_gradient,
    batch_normalization_parameter_gradients,
    batch_statistics,
)
from scratchcnn.reference.bias import bias_gradient
from scratchcnn.reference.conv2d import conv2d, conv2d_input_gradient, conv2d_kernel_gradient
from scratchcnn.reference.dense import dense, dense_input_gradient, dense_kernel_gradient
from scratchcnn.reference.dropout import dropout, dropout_gradient
from scratchcnn.reference.elementwise import elementwise, elementwise_gradient
from scratchcnn.reference.im2col import col2im, im2col
from scratchcnn.reference.losses.binary_cross_entropy import (
    binary_cross_entropy,
    binary_cross_entropy_gradient,
    sigmoid_cross_entropy,
    sigmoid_cross_entropy_gradient,
)
from scratchcnn.reference.losses.cross_entropy import (
    cross_entropy,
    cross_entropy_gradient,
    softmax_cross_entropy,
    softmax_cross_entropy_gradient,
)
from scratchcnn.reference.losses.mean_squared_error import mean_squared_error, mean_squared_error_gradient
from scratchcnn.reference.losses.penalty import absolute_sum, add_penalty_gradient, squared_sum
from scratchcnn.reference.max_pool2d import max_pool2d, max_pool2d_gradient
from scratchcnn.reference.optimizers.adadelta import adadelta
from scratchcnn.reference.optimizers.adagrad import adagrad
from scratchcnn.reference.optimizers.adam import adam
from scratchcnn.reference.optimizers.clipping import clip_by_norm, clip_by_value
from scratchcnn.reference.optimizers.decay import decay
from scratchcnn.reference.optimizers.rmsprop import rmsprop
from scratchcnn.reference.optimizers.sgd import sgd
from scratchcnn.reference.random import random_bits
from scratchcnn.reference.relu import relu, relu_gradient
from scratchcnn.reference.smooth_noise import smooth_noise
from scratchcnn.reference.softmax import softmax, softmax_gradient
from scratchcnn.reference.warp import warp
from scratchcnn.reference.zero_pad2d import zero_pad2d, zero_pad2d_gradient

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
