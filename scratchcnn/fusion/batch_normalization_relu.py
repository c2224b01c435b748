"""Fused stage: BatchNormalization followed by a ReLU layer.

Replaces `BatchNormalization`, and `ReLU` or `Activation("relu")`. Faster because the ReLU is applied where the
normalized values are written, and its mask where the gradient is read: three passes over memory less. Computes the same
bits as the layers one after the other.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from scratchcnn.fusion.stage import SingleLayer
from scratchcnn.kernels.fused.batch_normalization_relu import (
    batch_normalization_relu,
    batch_normalization_relu_input_gradient,
    batch_normalization_relu_parameter_gradients,
)
from scratchcnn.layers import BatchNormalization, Layer
from scratchcnn.layers.base import Gradients
from scratchcnn.layers.batch_normalization import BatchNormalizationCache
from scratchcnn.operands import Array
from scratchcnn.operations import Operations, with_replaced


class _Cache(NamedTuple):
    of_layer: BatchNormalizationCache
    y: Array  # (..., C), the output of the ReLU


class BatchNormalizationReLU:
    """BatchNormalization and ReLU, computed together: by the first layer's passes, with operations that do both."""

    def __init__(self, layer: BatchNormalization, relu: Layer, ops: Operations) -> None:
        self.ops, self._normalization = ops, SingleLayer(layer, ops)
        self.layers: list[Layer] = [layer, relu]
        self.choices = [None, None]

    def forward(self, x: Array, training: bool, rng: np.random.Generator | None) -> tuple[Array, _Cache]:
        """Compute relu(batch_normalization(x))."""
        ops = with_replaced(batch_normalization=batch_normalization_relu)
        y, cache = self.layers[0].forward(x, ops, training, rng)
        return y, _Cache(cache, y)

    def backward(self, dy: Array, cache: _Cache, input_gradient: bool = True) -> tuple[Array | None, list[Gradients]]:
        """Backpropagate through the ReLU and the normalization."""
        if cache.of_layer.of_batch:
            ops = with_replaced(
                batch_normalization_parameter_gradients=functools.partial(
                    batch_normalization_relu_parameter_gradients, y=cache.y
                ),
                batch_normalization_input_gradient=functools.partial(
                    batch_normalization_relu_input_gradient, y=cache.y
                ),
            )
        else:  # moving averages are constants, and dx is a normalization of dy
            ops, dy = self.ops, self.ops.relu_gradient(dy, cache.y)
        dx, gradients = self.layers[0].backward(dy, cache.of_layer, ops, input_gradient)
        return dx, [gradients, {}]

    def next_statistics(self, cache: _Cache) -> list[tuple[Array, Array]]:
        """See `Layer.next_statistics`; none for a frozen layer."""
        return self._normalization.next_statistics(cache.of_layer)
