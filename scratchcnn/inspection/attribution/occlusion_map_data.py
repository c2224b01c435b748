"""Measurements of an occlusion: the probabilities with each patch of the image covered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scratchcnn.geometry import Pair
from scratchcnn.inspection.attribution.class_score import Probabilities
from scratchcnn.operands import Array

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class OcclusionData:
    """Fields of `Occlusion`, where they are documented, and quantities derived from them."""

    image: Array
    label: int
    baseline: Probabilities
    tops: Places
    lefts: Places
    size: Pair
    stride: Pair
    fill: Array
    probabilities: Probabilities

    @property
    def answer(self) -> int:
        """The predicted class of the whole image."""
        return int(self.baseline.argmax())

    @property
    def falls(self) -> Probabilities:
        """Decrease of the class's probability under each patch, (rows, columns); negative where it increases."""
        return self.baseline[self.label] - self.probabilities[..., self.label]

    @property
    def answers(self) -> Places:
        """The predicted class under each patch, (rows, columns)."""
        return self.probabilities.argmax(axis=-1)

    @property
    def map(self) -> Probabilities:
        """For each pixel, the mean decrease over all patches that cover it, (H, W)."""
        height, width = self.image.shape[:2]
        sums, counts = np.zeros((height, width)), np.zeros((height, width))
        for (row, column), fall in np.ndenumerate(self.falls):
            top, left = self.tops[row], self.lefts[column]
            place = slice(top, top + self.size[0]), slice(left, left + self.size[1])
            sums[place] += fall
            counts[place] += 1
        return sums / counts

    def greatest(self, count: int) -> list[tuple[int, int]]:
        """Row and column in `falls` of the largest decreases, taken greedily among patches that do not overlap."""
        found: list[tuple[int, int]] = []
        for flat in np.argsort(-self.falls, axis=None, kind="stable"):
            row, column = divmod(int(flat), len(self.lefts))
            if all(self._apart((row, column), other) for other in found):
                found.append((row, column))
            if len(found) == count:
                break
        return found

    def _apart(self, one: tuple[int, int], other: tuple[int, int]) -> bool:
        """Whether two patches have no pixel in common."""
        down = abs(int(self.tops[one[0]] - self.tops[other[0]]))
        right = abs(int(self.lefts[one[1]] - self.lefts[other[1]]))
        return down >= self.size[0] or right >= self.size[1]
