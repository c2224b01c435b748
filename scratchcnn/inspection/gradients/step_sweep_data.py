"""Measurements of a step sweep: central differences for steps of all sizes, and their expected errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scratchcnn.operands import Array

FLAT = 30.0  # a smallest error this many times above the expected one has another cause


@dataclass(frozen=True)
class StepSweepData:
    """Fields of `StepSweep`, where they are documented, and quantities derived from them."""

    array: str
    index: tuple[int, ...]
    analytic: float
    steps: Array
    numeric: Array
    smooth: Array
    third_derivative: float
    noise: float

    @property
    def errors(self) -> Array:
        """Absolute difference of each central difference from the analytic gradient, (S,)."""
        return np.abs(self.numeric - self.analytic)

    @property
    def truncation(self) -> Array:
        """Expected truncation error |loss'''| h**2 / 6, (S,)."""
        return self.third_derivative * self.steps**2 / 6

    @property
    def rounding(self) -> Array:
        """Expected rounding error noise / (sqrt(2) h), (S,)."""
        return self.noise / (np.sqrt(2) * self.steps)

    @property
    def best_step(self) -> float:
        """The step with the smallest error."""
        return float(self.steps[int(self.errors.argmin())])

    @property
    def flat(self) -> bool:
        """Whether even the smallest error far exceeds the expected one, so that the analytic gradient must be wrong."""
        at = int(self.errors.argmin())
        return bool(self.errors[at] > FLAT * (self.truncation[at] + self.rounding[at]))
