"""Activation pattern of a forward pass: the ReLU masks, and the argmax indices of each max pooling.

A network of such layers is smooth as long as its pattern does not change, and has a kink where it does. So two passes
with the same pattern lie on one smooth piece.
"""

from __future__ import annotations

from collections.abc import Sequence

from scratchcnn.activations import ReLU
from scratchcnn.descriptions.registry import description_of
from scratchcnn.layers import Layer
from scratchcnn.operands import Array
from scratchcnn.training.step import Passed

Pattern = list[Array]


def pattern_of(layers: Sequence[Layer], passed: Sequence[Passed]) -> Pattern:
    """Return the pattern of a pass through a plan without fused stages; for custom layers see their description."""
    pattern: Pattern = []
    for layer, (output, cache) in zip(layers, passed, strict=True):
        own = description_of(layer).pattern(cache)
        if own is not None:
            pattern.append(own)
        if isinstance(getattr(layer, "activation", None), ReLU):
            pattern.append(output > 0)
    return pattern


def switched(one: Pattern, other: Pattern) -> int:
    """Return how many elements of the patterns differ."""
    return sum(int((a != b).sum()) for a, b in zip(one, other, strict=True))
