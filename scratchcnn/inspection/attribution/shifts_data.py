"""Measurements of pixel shifts: the probabilities for each translation of an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scratchcnn.inspection.attribution.class_score import Probabilities
from scratchcnn.operands import Array


@dataclass(frozen=True, eq=False)
class PixelShiftsData:
    """Fields of `PixelShifts`, where they are documented, and quantities derived from them."""

    image: Array
    label: int
    most: int
    fill: Array
    probabilities: Probabilities
    cut: npt.NDArray[np.bool_]

    @property
    def map(self) -> Probabilities:
        """Probability of the class for each translation, (2 * n + 1, 2 * n + 1)."""
        return self.probabilities[..., self.label]

    @property
    def answers(self) -> npt.NDArray[np.int64]:
        """The predicted class for each translation, (2 * n + 1, 2 * n + 1)."""
        return self.probabilities.argmax(axis=-1)

    @property
    def answer(self) -> int:
        """The predicted class of the original image."""
        return int(self.answers[self.most, self.most])
