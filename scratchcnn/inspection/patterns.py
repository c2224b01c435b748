"""Which way every switch of a pass stands: the units that a ReLU lets through, and the winners of each pooling.

A network of such layers is smooth as long as no switch changes, and has a kink where one does. So two passes with the
same pattern lie on one smooth piece.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scratchcnn.activations import ReLU
from scratchcnn.layers import Layer
from scratchcnn.layers.max_pooling2d import MaxPooling2DCache
from scratchcnn.operands import Array
from scratchcnn.training.step import Passed

Pattern = list[Array]


def pattern_of(layers: Sequence[Layer], passed: Sequence[Passed]) -> Pattern:
    """The switches of a forward pass, as far as the layers are known; those inside a user's own layer are not seen."""
    switches: Pattern = []
    gate = False  # whether a ReLU was computed together with the pooling after it
    for layer, (output, cache) in zip(layers, passed, strict=True):
        relu = isinstance(getattr(layer, "activation", None), ReLU)
        if isinstance(cache, MaxPooling2DCache):
            switches += [cache.winners, cache.outputs > 0] if gate else [cache.winners]
        elif relu and output is not None:
            switches.append(output > 0)
        gate = relu and output is None
    return switches


def switched(one: Pattern, other: Pattern) -> int:
    """How many switches stand otherwise, of those that both passes show.

    A pass in float32 may join layers that one in float64 does not, and then shows fewer: those of the first layers.
    """
    pairs = zip(reversed(one), reversed(other), strict=False)
    return sum(int((a != b).sum()) for a, b in pairs if a.shape == b.shape)


def same(one: Pattern, other: Pattern) -> bool:
    """Whether every switch stands alike."""
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
