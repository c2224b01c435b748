"""The type of an initializer, and the truncated normal distribution that several of them draw from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scratchcnn.operands import Array, Shape

Initializer = Callable[[Shape, np.random.Generator, np.dtype[np.floating]], Array]

# Standard deviation of a standard normal distribution truncated to [-2, 2]
TRUNCATED_DEVIATION = 0.87962566103423978


def truncated_standard_normal(shape: Shape, rng: np.random.Generator) -> Array:
    """Draw from a standard normal distribution; values beyond two standard deviations are drawn again, as in Keras."""
    values = rng.standard_normal(shape)
    while (outside := np.abs(values) > 2).any():
        values[outside] = rng.standard_normal(int(outside.sum()))
    return values
