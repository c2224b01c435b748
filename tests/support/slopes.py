"""Slopes of a function that may have kinks, as ReLU and pooling make them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

STEP = 1e-6
KINK = 1e-4  # by which the slopes to both sides differ where there is one


def expect_slopes(gradient: Any, function: Callable[[], float], array: Any, rtol: float = 1e-6) -> None:
    """Hold a gradient against differences of `function()` over `array`, float64, which is changed and put back.

    Where the slopes to the left and to the right differ, as where all of a window to be pooled is 0, there is none to
    compare with. That must be the exception.
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
    assert np.abs(central[smooth]).max() > 1e-5, "too flat to be told from nothing"
