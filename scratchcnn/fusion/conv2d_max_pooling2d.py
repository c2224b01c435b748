"""Fused stage: one or two convolutions followed by max pooling.

Replaces [Conv2D with ReLU,] Conv2D with ReLU or without activation, MaxPooling2D. Faster because the output of the last
convolution is pooled while it is in cache and never written to memory, and because the gradient that comes back through
the pooling stays as small as the pooled output: at most one element of each window is nonzero, and only those are
multiplied where the geometry allows it. With two convolutions, the gradient between them is masked by the first one's
ReLU where it is written, in the memory of the activations that it replaces. Computes the same bits as the layers one
after the other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scratchcnn.algorithms import Choice
from scratchcnn.fusion.operands import convolution_of, named, pooling_of
from scratchcnn.fusion.stage import FusedStage
from scratchcnn.kernels.fused.conv2d_max_pool2d import conv2d_max_pool2d, conv2d_max_pool2d_gradients
from scratchcnn.kernels.fused.conv2d_relu import conv2d_relu, conv2d_relu_gradients
from scratchcnn.layers import Conv2D, Layer, MaxPooling2D
from scratchcnn.layers.base import Gradients
from scratchcnn.operands import Array, PooledGradient


class _Cache(NamedTuple):
    inputs: list[Array]  # of each convolution: (N, H, W, C)
    y: Array  # (N, PH, PW, F)
    winners: Array  # (N, PH, PW, F), argmax indices


class Conv2DMaxPooling2D(FusedStage):
    """One or two convolutions and a max pooling, computed together."""

    def __init__(self, convolutions: list[Conv2D], pooling: MaxPooling2D, choices: list[Choice]) -> None:
        self.convolutions, self.pooling = convolutions, pooling
        self.layers: list[Layer] = [*convolutions, pooling]
        self._choices = choices
        self.choices: list[Choice | None] = [*choices, None]

    def forward(self, x: Array, training: bool, rng: np.random.Generator | None) -> tuple[Array, _Cache]:
        """Compute max_pool2d(conv2d(x)), or max_pool2d(conv2d(relu(conv2d(x))))."""
        *before, last = map(convolution_of, self.convolutions, self._choices)
        inputs = [x]
        for convolution in before:
            inputs.append(conv2d_relu(inputs[-1], convolution))
        y, winners = conv2d_max_pool2d(inputs[-1], last, pooling_of(self.pooling))
        return y, _Cache(inputs, y, winners)

    def backward(self, dy: Array, cache: _Cache, input_gradient: bool = True) -> tuple[Array | None, list[Gradients]]:
        """Backpropagate through the pooling, then through the convolutions."""
        *before, last = map(convolution_of, self.convolutions, self._choices)
        below = input_gradient or (bool(before) and self.convolutions[0].trainable)
        pooled = PooledGradient(dy, cache.winners, cache.y)
        dx, *of_last = conv2d_max_pool2d_gradients(
            pooled, cache.inputs[-1], last, pooling_of(self.pooling), input_gradient=below, input_relu=bool(before)
        )
        gradients = [named(self.convolutions[-1], *of_last)]
        if before and dx is not None:  # dx is already masked by the ReLU between the two convolutions
            dx, *of_first = conv2d_relu_gradients(dx, None, cache.inputs[0], before[0], input_gradient)
            gradients.insert(0, named(self.convolutions[0], *of_first))
        elif before:
            gradients.insert(0, {})
        return dx, [*gradients, {}]
