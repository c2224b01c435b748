"""Batch normalization with its ReLU, and the gradients of both.

    batch_normalization_relu                        y      =  relu(batch_normalization(x, ...))
    batch_normalization_relu_parameter_gradients    dz     =  relu_gradient(dy, y)
                                                    dgamma, dbeta  =  the parameter gradients for dz
    batch_normalization_relu_input_gradient         dx     =  the input gradient for dz

All return the same bits as this composition of primitive kernels.

Why it is faster: all of these are limited by memory bandwidth. The normalized values before the ReLU, and the gradient
dz, are never written to memory and never read again.

Cost: one comparison per element more than the batch normalization; the gradients also read y.
"""

from __future__ import annotations

from scratchcnn.kernels.batch_normalization import (
    batch_normalization_relu,
    batch_normalization_relu_input_gradient,
    batch_normalization_relu_parameter_gradients,
)

__all__ = [
    "batch_normalization_relu",
    "batch_normalization_relu_input_gradient",
    "batch_normalization_relu_parameter_gradients",
]
