"""Norms of gradients, weights and updates of every layer over the training steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scratchcnn.operands import Array


@dataclass(frozen=True, eq=False)
class GradientFlowData:
    """Fields of `GradientFlow`, where they are documented, and quantities derived from them."""

    layers: tuple[str, ...]
    sizes: Array
    steps: Array
    gradient_norms: Array
    weight_norms: Array
    update_norms: Array

    @property
    def root_mean_squares(self) -> Array:
        """Root mean square of each layer's gradient, which does not grow with its size: norm / sqrt(size), (K, L)."""
        return self.gradient_norms / np.sqrt(self.sizes)

    @property
    def ratios(self) -> Array:
        """Update-to-weight ratio, (K, L): norm of the update / norm of the weights; NaN where all weights are zero.

        As a rule of thumb it should be about 1e-3: far below, training is slow; far above, it is unstable (Karpathy,
        "Convolutional Neural Networks for Visual Recognition", notes on neural networks 3, "Ratio of weights:updates").
        """
        return np.divide(
            self.update_norms, self.weight_norms, out=np.full(self.update_norms.shape, np.nan),
            where=self.weight_norms > 0,
        )  # fmt: skip
