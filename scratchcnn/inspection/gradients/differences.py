"""Derivatives by differences: a function along a line, what its differences say, and how far they can be trusted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from scratchcnn.operands import Array

Result = TypeVar("Result")

NOISE_POINTS = 8
SIGMAS = 10.0  # a difference is off by so many standard deviations of the noise only once in ages


class Line:
    """A straight line through an array: one element, or all of them in one direction.

    Parameters
    ----------
    array : float64, any shape
        Changed in place while a function is evaluated, and put back.
    along : tuple of int, or float64 of the array's shape
        The index of the one element that moves, or how far each moves.
    """

    def __init__(self, array: Array, along: tuple[int, ...] | Array) -> None:
        self.array, self.along = array, along

    def at(self, shift: float, function: Callable[[], Result]) -> Result:
        """What `function` gives when the array is so far along the line."""
        if isinstance(self.along, tuple):
            before = self.array[self.along]
            self.array[self.along] = before + shift
            try:
                return function()
            finally:
                self.array[self.along] = before
        whole = self.array.copy()
        self.array += shift * self.along
        try:
            return function()
        finally:
            self.array[...] = whole

    def evaluate(self, function: Callable[[], Result], shifts: Iterable[float]) -> list[Result]:
        """What `function` gives at each of the shifts."""
        return [self.at(shift, function) for shift in shifts]


class Estimate(NamedTuple):
    """A derivative, and how far it may be off.

    Attributes
    ----------
    value : float
    truncation : float
        Because the step h is not infinitely small.
    rounding : float
        Because a function's values are rounded, and the quotient divides their error by h.
    """

    value: float
    truncation: float
    rounding: float

    @property
    def bound(self) -> float:
        """Both errors together."""
        return self.truncation + self.rounding


class Points(NamedTuple):
    """The values of a function at five points of a line, h apart: f(-2h), f(-h), f(0), f(h), f(2h).

    >>> cube = Points(0.5, -1.0, -0.125, 0.0, 0.125, 1.0)
    >>> cube.second_order(), cube.fourth_order(), cube.third_derivative()
    (0.25, 0.0, 6.0)
    """

    step: float
    far_left: float
    left: float
    middle: float
    right: float
    far_right: float

    @classmethod
    def of(cls, step: float, around: Sequence[float], middle: float) -> Points:
        """From the four values around the middle, which is known already, from left to right."""
        far_left, left, right, far_right = around
        return cls(step, far_left, left, middle, right, far_right)

    def second_order(self) -> float:
        """(f(h) - f(-h)) / 2h: off by f''' h**2 / 6 and higher powers."""
        return (self.right - self.left) / (2 * self.step)

    def fourth_order(self) -> float:
        """(8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h: off by -f''''' h**4 / 30 and higher powers."""
        return (8 * (self.right - self.left) - (self.far_right - self.far_left)) / (12 * self.step)

    def third_derivative(self) -> float:
        """(f(2h) - 2 f(h) + 2 f(-h) - f(-2h)) / 2 h**3."""
        return (self.far_right - 2 * (self.right - self.left) - self.far_left) / (2 * self.step**3)

    def central(self, noise: float) -> Estimate:
        """The derivative, from both sides.

        The fourth-order quotient; what it takes off the second-order one is the larger error of that one, and so a
        bound on its own. Rounding: independent errors of each f add as the root of the sum of their squares,
        sqrt(8**2 + 8**2 + 1 + 1) / 12 = 0.95.

        Parameters
        ----------
        noise : float
            Standard deviation of the rounding of f, as `computational_noise` measures it.
        """
        value = self.fourth_order()
        return Estimate(value, abs(value - self.second_order()), SIGMAS * 0.95 * noise / self.step)

    def one_sided(self, noise: float, right: bool) -> Estimate:
        """The derivative from the right alone, or the left: +-(4 f(h) - 3 f(0) - f(2h)) / 2h.

        Its error is below that of the plain quotient (f(h) - f(0)) / h, and so below what it takes off that one; but
        for a coincidence, near a point of inflection, where both are off by as much.
        Rounding: sqrt(4**2 + 3**2 + 1) / 2 = 2.55.
        """
        near, far, h = (self.right, self.far_right, self.step) if right else (self.left, self.far_left, -self.step)
        value = (4 * near - 3 * self.middle - far) / (2 * h)
        return Estimate(value, abs(value - (near - self.middle) / h), SIGMAS * 2.55 * noise / self.step)


def points(function: Callable[[], float], line: Line, step: float, middle: float) -> Points:
    """A function at five points of a line; f(0), which all lines share, is given."""
    return Points.of(step, line.evaluate(function, (-2 * step, -step, step, 2 * step)), middle)


def computational_noise(function: Callable[[], float], line: Line, spacing: float) -> float:
    """Standard deviation of the rounding of a function, measured: how much it trembles from one point to the next.

    Of values at equal distances that are much too close for the function itself to curve, k-fold differences leave
    the noise alone. Independent noise of variance s**2 gives them the variance s**2 (2k)! / (k!)**2.

    Parameters
    ----------
    function : callable
    line : Line
    spacing : float
        Distance of the points, of which none is the middle: a kink there does no harm.

    References
    ----------
    Moré & Wild 2011, "Estimating computational noise", SIAM Journal on Scientific Computing 33 (3), section 3.
    """
    values = np.array(line.evaluate(function, [number * spacing for number in range(1, NOISE_POINTS + 1)]))
    levels = []
    for k in range(3, 6):
        share = math.factorial(k) ** 2 / math.factorial(2 * k)
        levels.append(math.sqrt(share * float(np.mean(np.diff(values, k) ** 2))))
    return float(np.median(levels))
