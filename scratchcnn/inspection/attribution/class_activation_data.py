"""Data of a Grad-CAM: the feature maps, their gradient and weights, and the map of the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scratchcnn.inspection.attribution.class_score import Probabilities
from scratchcnn.operands import Array


@dataclass(frozen=True, eq=False)
class GradCAMData:
    """Fields of `GradCAM`, where they are documented, and quantities derived from them."""

    image: Array
    label: int
    probabilities: Probabilities
    logit: float
    layer: str
    features: Array
    gradient: Array
    weights: Array
    evidence: Array
    map: Array

    @property
    def answer(self) -> int:
        """The predicted class."""
        return int(self.probabilities.argmax())

    @property
    def by_position(self) -> Array:
        """Gradient × features, summed over the feature maps: (OH, OW). The gradient is not averaged over the positions.

        Draelos & Carin 2020, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural
        networks". Where only Flatten and one Dense follow, its sum is the logit without the bias.
        """
        return (self.gradient * self.features).sum(axis=2)

    @property
    def kept(self) -> float:
        """Fraction of the gradient that averaging keeps: sum of |weights| / sum of the mean |gradient|, from 0 to 1."""
        whole = float(np.abs(self.gradient).mean(axis=(0, 1), dtype=np.float64).sum())
        return float(np.abs(self.weights).sum(dtype=np.float64)) / whole if whole > 0 else 1.0
