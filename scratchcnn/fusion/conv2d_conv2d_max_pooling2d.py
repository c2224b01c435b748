"""Fused stage: two convolutions followed by max pooling, with the activations between them recomputed.

Replaces Conv2D with ReLU, Conv2D with ReLU or without activation, MaxPooling2D, at the head of a network. Faster where
the first convolution is cheap (few input channels): evaluating it again takes less time than writing its output to
memory and reading it back, so its activations and their gradient only ever exist in cache, image by image. Computes the
same bits as the layers one after the other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scratchcnn.algorithms import Choice
from scratchcnn.fusion.operands import convolution_of, named, pooling_of
from scratchcnn.fusion.stage import FusedStage
from scratchcnn.kernels.fused.conv2d_conv2d_max_pool2d import (
    conv2d_conv2d_max_pool2d,
    conv2d_conv2d_max_pool2d_gradients,
)
from scratchcnn.layers import Conv2D, Layer, MaxPooling2D
from scratchcnn.layers.base import Gradients
from scratchcnn.operands import Array, PooledGradient


class _Cache(NamedTuple):
    x: Array  # (N, H, W, C)
    y: Array  # (N, PH, PW, F)
    winners: Array  # (N, PH, PW, F), argmax indices


class Conv2DConv2DMaxPooling2D(FusedStage):
    """Two convolutions and a max pooling, computed together; has no gradient with respect to its input."""

    def __init__(self, first: Conv2D, second: Conv2D, pooling: MaxPooling2D, choices: list[Choice]) -> None:
        self.first, self.second, self.pooling = first, second, pooling
        self.layers: list[Layer] = [first, second, pooling]
        self._choices = choices
        self.choices: list[Choice | None] = [*choices, None]

    def forward(self, x: Array, training: bool, rng: np.random.Generator | None) -> tuple[Array, _Cache]:
        """Compute max_pool2d(conv2d(relu(conv2d(x))))."""
        first, second = map(convolution_of, (self.first, self.second), self._choices)
        y, winners = conv2d_conv2d_max_pool2d(x, first, second, pooling_of(self.pooling))
        return y, _Cache(x, y, winners)

    def backward(self, dy: Array, cache: _Cache, input_gradient: bool = True) -> tuple[None, list[Gradients]]:
        """Backpropagate to the parameters of both convolutions."""
        assert not input_gradient
        first, second = map(convolution_of, (self.first, self.second), self._choices)
        pooled = PooledGradient(dy, cache.winners, cache.y)
        gradients = conv2d_conv2d_max_pool2d_gradients(pooled, cache.x, first, second, pooling_of(self.pooling))
        return None, [named(self.first, *gradients[:2]), named(self.second, *gradients[2:]), {}]
