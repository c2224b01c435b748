"""Values of one layer in one forward and backward pass, from which a description derives its explanations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from scratchcnn.algorithms import Choice
from scratchcnn.layers import Dropout, Layer
from scratchcnn.operands import Array, Shape


class Shapes(NamedTuple):
    """Shapes of a layer's input and output, (N, ...)."""

    input: Shape
    output: Shape


@dataclass(frozen=True, eq=False)
class LayerValues:
    """Arrays of one layer in one forward and one backward pass; the fields are documented at `inspection.LayerTrace`.

    `cache` is what the layer's `forward` returned for its `backward`.
    """

    layer: Layer
    name: str
    kind: str
    input: Array
    preactivation: Array
    output: Array
    d_output: Array | None
    d_preactivation: Array | None
    d_input: Array | None
    params: dict[str, Array]
    gradients: dict[str, Array]
    algorithm: Choice | None
    cache: Any

    @property
    def activation(self) -> str | None:
        """Name of the activation function, None for a layer that has none."""
        activation = getattr(self.layer, "activation", None)
        return None if activation is None else activation.name

    @property
    def shapes(self) -> Shapes:
        """Shapes of the input and the output, with the batch."""
        return Shapes(self.input.shape, self.output.shape)

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """Dtype of all arrays."""
        return self.output.dtype

    @property
    def mask(self) -> Array | None:
        """The elements that a Dropout kept, bool (N, ...), if it was active; otherwise None."""
        return self.cache if isinstance(self.layer, Dropout) and isinstance(self.cache, np.ndarray) else None

    @property
    def winners(self) -> Array | None:
        """The argmax indices (N, OH, OW, C) of a max pooling layer, as `reference.max_pool2d` defines them; or None."""
        return getattr(self.cache, "winners", None)
