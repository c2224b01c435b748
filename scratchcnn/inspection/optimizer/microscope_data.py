"""Recorded values of one weight over training: gradient, optimizer state, and the weight before and after each step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchcnn.operands import Array


@dataclass(frozen=True, eq=False)
class WeightHistoryData:
    """Fields of `WeightHistory`, where they are documented, and quantities derived from them."""

    optimizer: str
    settings: Mapping[str, Any]
    layer: str
    parameter: str
    position: tuple[int, ...]
    steps: Array
    rates: Array
    gradients: Array
    before: Array
    after: Array
    slots: Mapping[str, Array]
    slots_before: Mapping[str, Array]

    @property
    def m_hat(self) -> Array:
        """Adam's bias-corrected first moment estimate: m / (1 - beta_1**t), float64."""
        return self._slot("m") / (1 - self.settings["beta_1"] ** self.steps)

    @property
    def v_hat(self) -> Array:
        """Adam's bias-corrected second moment estimate, of the maximum with AMSGrad: v / (1 - beta_2**t), float64."""
        largest = "v_max" if "v_max" in self.slots else "v"
        return self._slot(largest) / (1 - self.settings["beta_2"] ** self.steps)

    @property
    def changes(self) -> Array:
        """Change of the stored weight in each step: after - before, float64."""
        return self.after.astype(np.float64) - self.before

    @property
    def asked(self) -> Array:
        """The update that the formula gives for the optimizer state: `changes` up to rounding, float64.

        Raises
        ------
        ValueError
            The optimizer is neither Adam nor SGD, so its formula is not known here.
        """
        if self.optimizer == "Adam":
            epsilon = self.settings["epsilon"] / np.sqrt(1 - self.settings["beta_2"] ** self.steps)
            return -self.rates * self.m_hat / (np.sqrt(self.v_hat) + epsilon)
        velocity = self._slot("velocity")
        if self.settings["nesterov"]:
            return self.settings["momentum"] * velocity - self.rates * self.gradients.astype(np.float64)
        return velocity

    def _slot(self, name: str) -> Array:
        if name not in self.slots:
            raise ValueError(f"Expected an optimizer that remembers {name}, received {self.optimizer}; it keeps "
                             f"{', '.join(self.slots) or 'nothing'}.")  # fmt: skip
        return self.slots[name].astype(np.float64)

    @property
    def name(self) -> str:
        """Name of the weight, for example 'dense/kernel[3, 7]'."""
        return f"{self.layer}/{self.parameter}[{', '.join(map(str, self.position))}]"
