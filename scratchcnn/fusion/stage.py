"""Stage: one step of a plan, which computes one layer or several consecutive layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from scratchcnn.algorithms import Choice
from scratchcnn.layers import Layer
from scratchcnn.layers.base import Gradients
from scratchcnn.layers.parameters import checked_statistics
from scratchcnn.operands import Array
from scratchcnn.operations import Operations


class Stage(Protocol):
    """One or more consecutive layers that are computed together.

    Attributes
    ----------
    layers : sequence of Layer
        The layers that the stage computes, in order.
    choices : sequence of Choice or None
        For each layer, the algorithms of its convolution; None if it is not a convolution, or if the formulas of
        `reference` compute it.
    """

    @property
    def layers(self) -> Sequence[Layer]:
        """The layers that the stage computes."""

    @property
    def choices(self) -> Sequence[Choice | None]:
        """The algorithms of each layer."""

    def forward(self, x: Array, training: bool, rng: np.random.Generator | None) -> tuple[Array, Any]:
        """Compute the output of the last layer for a batch, and the cache for `backward`."""

    def backward(self, dy: Array, cache: Any, input_gradient: bool = True) -> tuple[Array | None, list[Gradients]]:
        """Compute the gradient with respect to the input (or None if not required), and those of each layer."""

    def next_statistics(self, cache: Any) -> list[tuple[Array, Array]]:
        """Return the statistics of the layers that are not frozen, each with its value after a training step."""


class FusedStage:
    """Base class of the stages of several layers, or of a layer with its activation: none of them has statistics."""

    def next_statistics(self, cache: Any) -> list[tuple[Array, Array]]:
        """There are none."""
        return []


class SingleLayer:
    """A stage of one layer, which is computed by the layer's own forward and backward pass."""

    def __init__(self, layer: Layer, ops: Operations, choice: Choice | None = None) -> None:
        self.layer, self.ops = layer, ops
        self.layers, self.choices = [layer], [choice]

    def forward(self, x: Array, training: bool, rng: np.random.Generator | None) -> tuple[Array, Any]:
        """See `Layer.forward`."""
        return self.layer.forward(x, self.ops, training, rng)

    def backward(self, dy: Array, cache: Any, input_gradient: bool = True) -> tuple[Array | None, list[Gradients]]:
        """See `Layer.backward`."""
        dx, gradients = self.layer.backward(dy, cache, self.ops, input_gradient)
        return dx, [gradients]

    def next_statistics(self, cache: Any) -> list[tuple[Array, Array]]:
        """See `Layer.next_statistics`; none for a frozen layer."""
        if not self.layer.statistics or not self.layer.trainable:
            return []
        return checked_statistics(self.layer, self.layer.next_statistics(cache))
