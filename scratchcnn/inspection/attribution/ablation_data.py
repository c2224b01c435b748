"""Measurements of a filter ablation: the loss and the right answers without each filter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class FilterAblationData:
    """Fields of `FilterAblation`, where they are documented, and quantities derived from them."""

    layer: str
    kind: str
    images: Counts
    loss: float
    accuracy: float
    losses: Numbers
    right: Counts
    right_before: Counts
    active: Numbers

    @property
    def rises(self) -> Numbers:
        """Increase of the loss when each filter is zeroed, (F,); negative where the model improves."""
        return self.losses - self.loss

    @property
    def accuracies(self) -> Numbers:
        """Accuracy when each filter is zeroed, (F,)."""
        return self.right.sum(axis=1) / self.images.sum()

    @property
    def recall_falls(self) -> Numbers:
        """Decrease of each class's recall when each filter is zeroed, (F, classes); NaN for a class without images."""
        lost = (self.right_before - self.right).astype(np.float64)
        return np.divide(lost, self.images, out=np.full(lost.shape, np.nan), where=self.images > 0)

    @property
    def order(self) -> Counts:
        """Filter indices in order of decreasing importance, measured by the increase of the loss."""
        return np.argsort(-self.rises, kind="stable").astype(np.int64)
