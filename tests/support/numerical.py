"""Numerical derivatives, and how far they may lie from exact gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchcnn.inspection.gradients.differences import Line, points

STEP = 1e-3


def numerical_gradient(function: Callable[[], float], array: Any) -> tuple[Any, float]:
    """Derivative of `function()` by every element of `array` (changed in place, and back), and its rounding error.

    Central differences of fourth order, as `inspection.differences` takes them. Truncation is of order h^4, 1e-12;
    each f is rounded to about eps * |f|, so the quotient errs by up to 18 eps |f| / 12h, taken ten times here because
    |f| itself is a sum of many rounded terms.
    """
    gradient = np.zeros_like(array)
    middle = function()
    largest = abs(middle)
    for index in np.ndindex(array.shape):
        found = points(function, Line(array, index), STEP, middle)
        gradient[index] = found.fourth_order()
        largest = max(largest, *(abs(value) for value in found[1:]))
    return gradient, 10 * 1.5 * np.finfo(np.float64).eps * largest / STEP


def expect_equal_gradients(exact: Any, numerical: Any, rounding: float, tolerance: float = 1e-7) -> None:
    """Every element agrees to a relative `tolerance`, beyond what rounding explains."""
    assert exact.shape == numerical.shape
    error = np.abs(exact - numerical) - rounding
    allowed = tolerance * np.maximum(np.abs(exact), np.abs(numerical))
    worst = np.unravel_index(np.argmax(error - allowed), error.shape)
    assert (error <= allowed).all(), f"at {worst}: exact {exact[worst]}, numerical {numerical[worst]}"
    assert np.abs(exact).max() > 1e3 * rounding, "the gradient is too small to be told from rounding"
