"""Numerical derivatives, and how far they may lie from exact gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchcnn.inspection.gradients import differences

STEP = 1e-3


def numerical_gradient(function: Callable[[], float], array: Any) -> tuple[Any, float]:
    """Return the derivative of `function()` w.r.t. every element of `array`, and a bound of its rounding error.

    Central differences of fourth order. Their truncation error is of order STEP**4 = 1e-12. Each value f is rounded by
    about eps * |f|, so the rounding error of a difference is up to 18 eps |f| / 12 STEP; it is taken ten times here,
    because |f| itself is a sum of many rounded terms.
    """
    largest = 0.0

    def recorded() -> float:
        nonlocal largest
        value = function()
        largest = max(largest, abs(value))
        return value

    gradient = differences.numerical_gradient(recorded, array, STEP)
    return gradient, 10 * 1.5 * np.finfo(np.float64).eps * largest / STEP


def expect_equal_gradients(exact: Any, numerical: Any, rounding: float, tolerance: float = 1e-7) -> None:
    """Every element agrees to a relative `tolerance`, beyond what rounding explains."""
    assert exact.shape == numerical.shape
    error = np.abs(exact - numerical) - rounding
    allowed = tolerance * np.maximum(np.abs(exact), np.abs(numerical))
    worst = np.unravel_index(np.argmax(error - allowed), error.shape)
    assert (error <= allowed).all(), f"at {worst}: exact {exact[worst]}, numerical {numerical[worst]}"
    assert np.abs(exact).max() > 1e3 * rounding, "the gradient is too small to be distinguished from rounding"
