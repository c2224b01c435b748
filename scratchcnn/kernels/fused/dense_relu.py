"""Fused dense layer and ReLU.

    dense_relu             y  =  relu(x @ kernel + bias)
    dense_relu_gradients   the gradients of the input, the kernel and the bias

Both return the same bits as this composition of primitive kernels.

Why it is faster: forward, the ReLU is applied to the sums while they are in registers. Backward, one pass over the
gradient masks it and sums it for the bias. The matrices of a dense layer are small, so what counts is less the memory
than the number of kernels: each costs as much time in Python as it takes to compute 10,000 elements.

Cost: that of the primitive operations, less a pass over the output and two over its gradient.
"""

from __future__ import annotations

import numpy as np

from scratchcnn.kernels.bias import BLOCK
from scratchcnn.kernels.dense import affine, dense_input_gradient, dense_kernel_gradient
from scratchcnn.kernels.runtime.copying import copy
from scratchcnn.kernels.runtime.loops import parallel_jobs_if_large
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.operands import Array, expect


def dense_relu(x: Array, kernel: Array, bias: Array | None) -> Array:
    """Multiply by a matrix, add a bias and apply the ReLU: (N, I) -> (N, J)."""
    return affine(x, kernel, bias, relu=True)


def dense_relu_gradients(
    dy: Array, y: Array, x: Array, kernel: Array, input_gradient: bool = True
) -> tuple[Array | None, Array, Array]:
    """Gradients of the loss w.r.t. the input (None if not required), the kernel and the bias.

    Parameters
    ----------
    dy : (N, J)
        Gradient of the loss with respect to the output.
    y : (N, J)
        The output.
    x : (N, I)
    kernel : (I, J)
    """
    expect(dy=(dy, (None, None)), y=(y, dy.shape))
    dz, dbias = empty(dy.shape, dy.dtype), np.empty(dy.shape[1], dy.dtype)
    _mask_and_sum(-(-dbias.size // BLOCK), np.ascontiguousarray(dy), np.ascontiguousarray(y), dz, dbias)
    dx = dense_input_gradient(dz, kernel) if input_gradient else None
    return dx, dense_kernel_gradient(dz, x), dbias


@parallel_jobs_if_large
def _mask_and_sum(block, dy, y, dz, dbias):
    """dz = dy where y > 0, else 0; dbias = its sum over the samples, in float64 as in `bias.bias_gradient`."""
    zero = dy.dtype.type(0)
    first, after = block * BLOCK, min((block + 1) * BLOCK, dbias.size)
    sums = np.zeros(after - first, np.float64)
    for row in range(len(dy)):
        gradient, output, masked = dy[row, first:after], y[row, first:after], dz[row, first:after]
        for column in range(sums.size):
            masked[column] = gradient[column] if output[column] > zero else zero
            sums[column] += masked[column]
    copy(sums, 0, dbias, first, sums.size)
