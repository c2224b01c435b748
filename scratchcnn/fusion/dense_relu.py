"""Fused stage: Dense with ReLU.

Replaces one `Dense` whose activation is ReLU. Faster because the ReLU is applied to the sums while they are in
registers, and because one pass over the gradient masks it and sums it for the bias. Computes the same bits as the
layer.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scratchcnn.algorithms import Choice
from scratchcnn.fusion.operands import named
from scratchcnn.fusion.stage import FusedStage
from scratchcnn.kernels.fused.dense_relu import dense_relu, dense_relu_gradients
from scratchcnn.layers import Dense, Layer
from scratchcnn.layers.base import Gradients
from scratchcnn.operands import Array


class _Cache(NamedTuple):
    x: Array  # (N, I)
    y: Array  # (N, J)


class DenseReLU(FusedStage):
    """Dense with ReLU, computed together."""

    def __init__(self, layer: Dense) -> None:
        self.layer = layer
        self.layers: list[Layer] = [layer]
        self.choices: list[Choice | None] = [None]

    def forward(self, x: Array, training: bool, rng: np.random.Generator | None) -> tuple[Array, _Cache]:
        """Compute relu(dense(x))."""
        y = dense_relu(x, self.layer.params["kernel"], self.layer.params.get("bias"))
        return y, _Cache(x, y)

    def backward(self, dy: Array, cache: _Cache, input_gradient: bool = True) -> tuple[Array | None, list[Gradients]]:
        """Backpropagate through the ReLU and the product."""
        kernel = self.layer.params["kernel"]
        dx, dkernel, dbias = dense_relu_gradients(dy, cache.y, cache.x, kernel, input_gradient)
        return dx, [named(self.layer, dkernel, dbias)]
