"""Differences between a model and its equivalent in Keras, with the tolerance of each."""

from __future__ import annotations

from dataclasses import dataclass

from scratchcnn.inspection.keras.side_by_side import (
    Parting,
    Row,
)


@dataclass(frozen=True, eq=False)
class KerasComparisonData:
    """Fields of `KerasComparison`, where they are documented, and quantities derived from them."""

    rows: tuple[Row, ...]
    parting: Parting | None
    keras: str
    backend: str
    dtype: str
    optimizer: str
    batch_size: int
    steps: int

    @property
    def agrees(self) -> bool:
        """Whether every difference lies within its tolerance for rounding."""
        return self.parting is None
