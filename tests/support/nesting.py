"""Layers grouped into models inside models, at random, to be compared with the flat model of the same layers."""

from __future__ import annotations

from typing import Any

from scratchcnn import Sequential
from scratchcnn.layers import Layer


def nested(draw: Any, layers: list[Layer], depth: int = 3) -> list[Layer | Sequential]:
    """The layers in the same order, some of them in inner models; `draw(limit)` returns a number below the limit."""
    parts: list[Layer | Sequential] = []
    rest = list(layers)
    while rest:
        count = 1 + draw(len(rest))
        group, rest = rest[:count], rest[count:]
        parts += [Sequential(nested(draw, group, depth - 1))] if depth and draw(2) else group
    return parts
