"""Numerical derivatives: finite differences along a line through an array, and their truncation and rounding errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from scratchcnn.operands import Array

Result = TypeVar("Result")
Along = tuple[int, ...] | Array  # the index of the only element that moves, or the direction in which all move

AROUND = (-2, -1, 1, 2)  # the points of a difference besides the middle, in steps
NOISE_POINTS = 8
SIGMAS = 10.0  # a rounding error of more standard deviations does not occur in practice


def along_line(function: Callable[[], Result], array: Array, along: Along, shifts: Iterable[float]) -> list[Result]:
    """Evaluate a function that reads `array` while the array is shifted in place, and restore the array.

    >>> x = np.array([3.0, 1.0])
    >>> along_line(lambda: float(x[0] ** 2), x, (0,), [-1, 0, 1])
    [4.0, 9.0, 16.0]
    """
    where: Any = along if isinstance(along, tuple) else ...
    direction = 1.0 if isinstance(along, tuple) else along
    before, results = np.copy(array[where]), []
    for shift in shifts:
        array[where] = before + shift * direction
        try:
            results.append(function())
        finally:
            array[where] = before
    return results


def numerical_gradient(function: Callable[[], float], array: Array, step: float) -> Array:
    """Compute the derivative w.r.t. each element of an array by central differences of fourth order.

    >>> x = np.array([3.0, 1.0])
    >>> numerical_gradient(lambda: float((x**2).sum()), x, 0.5)
    array([6., 2.])
    """
    gradient = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        values = along_line(function, array, index, [number * step for number in AROUND])
        gradient[index] = Points(step, math.nan, *values).fourth_order()
    return gradient


class Estimate(NamedTuple):
    """A numerical derivative, and bounds of its errors: because h is finite, and because the function is rounded."""

    value: float
    truncation: float
    rounding: float


class Points(NamedTuple):
    """The values of a function at five points of a line, h apart: f(0), and f(-2h), f(-h), f(h), f(2h) at `AROUND`.

    In the estimates, `noise` is the standard deviation of the rounding error of f (see `computational_noise`).

    >>> cube = Points(0.5, 0.0, -1.0, -0.125, 0.125, 1.0)
    >>> cube.second_order(), cube.fourth_order(), cube.third_derivative()
    (0.25, 0.0, 6.0)
    """

    step: float
    middle: float
    far_left: float
    left: float
    right: float
    far_right: float

    def second_order(self) -> float:
        """(f(h) - f(-h)) / 2h, with an error of f''' h**2 / 6 and higher powers."""
        return (self.right - self.left) / (2 * self.step)

    def fourth_order(self) -> float:
        """(8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h, with an error of -f''''' h**4 / 30 and higher powers."""
        return (8 * (self.right - self.left) - (self.far_right - self.far_left)) / (12 * self.step)

    def third_derivative(self) -> float:
        """(f(2h) - 2 f(h) + 2 f(-h) - f(-2h)) / 2h**3."""
        return (self.far_right - 2 * (self.right - self.left) - self.far_left) / (2 * self.step**3)

    def central(self, noise: float) -> Estimate:
        """Estimate the derivative from both sides, by the difference of fourth order.

        Its distance from the difference of second order, which has the larger error, bounds its own error. Rounding:
        independent errors of each f add up to sqrt(8**2 + 8**2 + 1 + 1) / 12 = 0.95 of one.
        """
        value = self.fourth_order()
        return Estimate(value, abs(value - self.second_order()), SIGMAS * 0.95 * noise / self.step)

    def one_sided(self, noise: float, right: bool) -> Estimate:
        """Estimate the derivative from one side: +-(4 f(h) - 3 f(0) - f(2h)) / 2h.

        Its distance from the difference of first order, (f(h) - f(0)) / h, bounds its error, except near a point of
        inflection, where both may have the same error. Rounding: sqrt(4**2 + 3**2 + 1) / 2 = 2.55 of one f.
        """
        near, far, h = (self.right, self.far_right, self.step) if right else (self.left, self.far_left, -self.step)
        value = (4 * near - 3 * self.middle - far) / (2 * h)
        return Estimate(value, abs(value - (near - self.middle) / h), SIGMAS * 2.55 * noise / self.step)


def computational_noise(function: Callable[[], float], array: Array, along: Along, spacing: float) -> float:
    """Measure the standard deviation of the rounding error of a function, as its variation between close points.

    The points are so close together that the k-fold differences of the function itself vanish. Independent errors of
    variance s**2 have k-fold differences of variance s**2 (2k)! / (k!)**2. (Moré & Wild 2011, "Estimating computational
    noise", SIAM Journal on Scientific Computing 33 (3), section 3.)
    """
    # The present point is not one of them, since it may be a kink.
    values = along_line(function, array, along, [number * spacing for number in range(1, NOISE_POINTS + 1)])
    levels = [
        math.sqrt(math.factorial(k) ** 2 / math.factorial(2 * k) * float(np.mean(np.diff(values, k) ** 2)))
        for k in (3, 4, 5)
    ]
    return float(np.median(levels))
