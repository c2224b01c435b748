"""Compare the analytic and the numerical derivative at one element: correct, wrong, or at a kink without a derivative.

The rule, for a line through the point (one element, or a direction in which all elements move):

1. The function is evaluated at five points, h apart. A side of the point is smooth if the activation pattern (ReLU
   masks and argmax indices) is constant on it. With two smooth sides, the numerical derivative is the central
   difference. With one, it is the one-sided difference: the conventions of the layers (the derivative of ReLU at 0 is
   0, the first of equal values is the maximum) select the piece that backward differentiates. With none, h is divided
   by ten, at most three times; then the point is a kink.
2. The gradient is correct if it lies within the error bound of the difference: truncation, estimated from two orders,
   and rounding, measured (`differences`). Otherwise h is divided by ten too, since a custom layer may have a kink near
   the point that no pattern shows. A bound too wide to distinguish a wrong gradient proves nothing.
3. What still differs, and each kink, is compared again at a nearby point, after a small random change of the input and
   all parameters. A kink exactly at the point (a tie, a zero) is absent there, but not a bug. Only a gradient that is
   wrong there too is reported as a bug.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from scratchcnn.inspection.gradients.differences import AROUND, Along, Points, along_line, computational_noise
from scratchcnn.inspection.gradients.differentiable import Differentiable

Verdict = Literal["ok", "BUG", "kink"]

SHRINKS = (1.0, 1e-1, 1e-2, 1e-3)  # of the step
TELLING = 0.01  # a bound below this fraction of the gradient distinguishes correct from wrong
NUDGE = 1e-2  # size of the change to a nearby point, relative to the mean absolute value of each array
NOISE_SPACING = 1e-7
# Backward rounds too: a sum of up to 10,000 terms, each at most as large as the largest gradient of the array.
BACKWARD_ROUNDING = 1e4 * float(np.finfo(np.float64).eps)


class Element(NamedTuple):
    """The comparison at one element of an array.

    Attributes
    ----------
    at : tuple of int  its index; () for a direction
    analytic, numeric : float  the derivative by the backward pass, and by differences (NaN at a kink)
    allowed : float  bound of the difference of a correct gradient: truncation and rounding
    verdict : {'ok', 'BUG', 'kink'}
    step : float  h
    """

    at: tuple[int, ...]
    analytic: float
    numeric: float
    allowed: float
    verdict: Verdict
    step: float

    @property
    def error(self) -> float:
        """Absolute difference of the two derivatives."""
        return abs(self.analytic - self.numeric)

    @property
    def relative_error(self) -> float:
        """Error relative to the larger of the two; 0 if both are zero."""
        largest = max(abs(self.analytic), abs(self.numeric))
        return self.error / largest if largest else 0.0


class Probe:
    """Compares analytic and numerical derivatives of a function at one point; `step` is the largest h."""

    def __init__(self, function: Differentiable, step: float) -> None:
        self.function, self.step = function, step
        self.gradients = function.gradients()
        self.middle = function.evaluate()
        self._noise: dict[str, float] = {}

    def compare(self, name: str, along: Along) -> Element:
        """Apply rules 1 and 2 to one element, or to a direction; the verdict 'BUG' is provisional until rule 3."""
        array, gradient = self.function.arrays[name], self.gradients[name]
        if isinstance(along, tuple):
            at, analytic, size = along, float(gradient[along]), max(1.0, abs(float(array[along])))
        else:
            at, analytic = (), float((gradient * along).sum())
            size = max(1.0, float(np.abs(array).max(initial=0))) / max(1.0, float(np.sqrt((along**2).sum())))
        rounding = BACKWARD_ROUNDING * float(np.abs(gradient).max(initial=0))
        suspicion = None
        for shrink in SHRINKS:
            step = self.step * shrink * size
            points, left, right = self.points(name, along, step)
            if not (left or right):
                continue
            noise = self.noise(name)
            estimate = points.central(noise) if left and right else points.one_sided(noise, right)
            allowed = estimate.truncation + estimate.rounding + rounding
            element = Element(at, analytic, estimate.value, allowed, "ok", step)
            agrees = element.error <= allowed  # False for NaN
            if agrees and (suspicion is None or allowed <= TELLING * max(abs(analytic), abs(estimate.value))):
                return element
            if suspicion is None:
                suspicion = element._replace(verdict="BUG")
        return suspicion or Element(at, analytic, np.nan, np.nan, "kink", step)

    def noise(self, name: str) -> float:
        """Standard deviation of the rounding error as an array changes: measured, and at least eps / 2 of the terms."""
        if name not in self._noise:
            array = self.function.arrays[name]
            direction = np.random.default_rng(self.function.seed).choice([-1.0, 1.0], array.shape)
            measured = computational_noise(lambda: self.function.evaluate().value, array, direction, NOISE_SPACING)
            self._noise[name] = max(measured, np.finfo(np.float64).eps / 2 * self.middle.magnitude)
        return self._noise[name]

    def points(self, name: str, along: Along, step: float) -> tuple[Points, bool, bool]:
        """Evaluate the function at five points, and return whether the left and the right side are smooth."""
        shifts = [number * step for number in AROUND]
        found = along_line(self.function.evaluate, self.function.arrays[name], along, shifts)
        smooth = [not each.switched(self.middle) for each in found]
        points = Points(step, self.middle.value, *(each.value for each in found))
        return points, all(smooth[:2]), all(smooth[2:])

    def nearby(self) -> Probe:
        """Move the function to a nearby point, for good, and return a probe there; this one is invalid afterwards."""
        rng = np.random.default_rng(self.function.seed)
        for array in self.function.arrays.values():
            array += NUDGE * (np.abs(array).mean() or 1.0) * rng.standard_normal(array.shape)
        return Probe(self.function, self.step)
