"""Recorded arrays of one forward and one backward pass, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from scratchcnn.inspection.arguments import place_among
from scratchcnn.inspection.tracing.layer_trace import LayerTrace
from scratchcnn.losses import Loss
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential


@dataclass(frozen=True, eq=False)
class TraceData:
    """Fields of `Trace`, where they are documented, and quantities derived from them."""

    model: Sequential
    x: Array
    y: Array | None
    targets: Array | None
    layers: list[LayerTrace]
    losses: Array | None
    probabilities: Array
    training: bool
    loss_function: Loss | None = None

    @property
    def loss(self) -> float | None:
        """Mean loss of the batch, in nats; None without labels."""
        return None if self.losses is None else float(self.losses.mean(dtype=np.float64))

    @property
    def names(self) -> list[str]:
        """The names of the layers."""
        return [layer.name for layer in self.layers]

    def __getitem__(self, layer: str | int) -> LayerTrace:
        """Return the layer of that name or index; the ValueError for an unknown one suggests the nearest name."""
        return self.layers[place_among(self.names, layer)]

    def __iter__(self) -> Iterator[LayerTrace]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)
