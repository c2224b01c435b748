"""Data of an input gradient: the image, and the gradient of a class score with respect to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scratchcnn.inspection.attribution.class_score import Probabilities
from scratchcnn.operands import Array


@dataclass(frozen=True, eq=False)
class InputGradientData:
    """Fields of `InputGradient`, where they are documented, and quantities derived from them."""

    image: Array
    label: int
    probabilities: Probabilities
    of: str
    score: float
    gradient: Array
    times_input: Array

    @property
    def answer(self) -> int:
        """The predicted class."""
        return int(self.probabilities.argmax())

    @property
    def saliency(self) -> Array:
        """Largest absolute gradient over the channels of each pixel: (H, W) for images, else as `gradient`."""
        size = np.abs(self.gradient)
        return size.max(axis=2) if size.ndim == 3 else size

    @property
    def contributions(self) -> Array:
        """Gradient × input, summed over the channels of each pixel: (H, W) for images, else `times_input`."""
        return self.times_input.sum(axis=2) if self.times_input.ndim == 3 else self.times_input
