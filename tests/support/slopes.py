"""Finite differences of functions with kinks, which ReLU and max pooling cause."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

STEP = 1e-6
KINK = 1e-4  # at a kink the one-sided slopes differ by more than this


def expect_slopes(gradient: Any, function: Callable[[], float], array: Any, rtol: float = 1e-6) -> None:
    """Check a gradient against central differences of `function()` w.r.t. the float64 `array`, which is restored.

    Kinks, where the left and the right slope differ, have no gradient to compare with (for example, a pooling window
    of zeros). They must be the exception.
    """
    left, right, middle = np.zeros_like(array), np.zeros_like(array), function()
    for index in np.ndindex(array.shape):
        original = array[index]
        array[index] = original + STEP
        right[index] = (function() - middle) / STEP
        array[index] = original - STEP
        left[index] = (middle - function()) / STEP
        array[index] = original
    assert gradient.shape == array.shape
    central, smooth = (left + right) / 2, np.abs(left - right) < KINK
    np.testing.assert_allclose(gradient[smooth], central[smooth], rtol=rtol, atol=1e-8)
    assert smooth.mean() > 0.6
    assert np.abs(central[smooth]).max() > 1e-5, "the function is too flat to compare its slopes"
