"""Fused stage: Conv2D with ReLU.

Replaces one `Conv2D` whose activation is ReLU. Faster because the ReLU is applied to the sums while they are in
registers, and its mask to the gradient just before it is multiplied, image by image in cache; neither takes a pass over
memory of its own. Computes the same bits as the layer.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scratchcnn.algorithms import Choice
from scratchcnn.fusion.operands import convolution_of, named
from scratchcnn.fusion.stage import FusedStage
from scratchcnn.kernels.fused.conv2d_relu import conv2d_relu, conv2d_relu_gradients
from scratchcnn.layers import Conv2D, Layer
from scratchcnn.layers.base import Gradients
from scratchcnn.operands import Array


class _Cache(NamedTuple):
    x: Array  # (N, H, W, C)
    y: Array  # (N, OH, OW, F)


class Conv2DReLU(FusedStage):
    """Conv2D with ReLU, computed together."""

    def __init__(self, layer: Conv2D, choice: Choice) -> None:
        self.layer, self.choice = layer, choice
        self.layers: list[Layer] = [layer]
        self.choices = [choice]

    def forward(self, x: Array, training: bool, rng: np.random.Generator | None) -> tuple[Array, _Cache]:
        """Compute relu(conv2d(x))."""
        y = conv2d_relu(x, convolution_of(self.layer, self.choice))
        return y, _Cache(x, y)

    def backward(self, dy: Array, cache: _Cache, input_gradient: bool = True) -> tuple[Array | None, list[Gradients]]:
        """Backpropagate through the ReLU and the convolution."""
        convolution = convolution_of(self.layer, self.choice)
        dx, dkernel, dbias = conv2d_relu_gradients(dy, cache.y, cache.x, convolution, input_gradient)
        return dx, [named(self.layer, dkernel, dbias)]
