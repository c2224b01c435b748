"""Whether backward is right about one element: right, wrong, or asked at a kink, where there is no derivative.

The rule, for one line through the point (one element, or a direction):

1. The function is looked at in five points, h apart. A side of the point is smooth if no switch that can be seen
   (`patterns`) changes on it. If both are, the central difference is taken; if one is, the one-sided difference of that
   one: the layers' own convention, that a ReLU at zero is off and that the first of equals wins, says which piece the
   gradient belongs to. If none is, h becomes ten times smaller, at most three times; then the point is a kink.
2. The gradient is right if it lies within the bound of the difference: truncation, estimated from two orders, and
   rounding, measured (`differences`). Else h becomes smaller too: a kink inside a user's own layer, which nobody sees,
   may lie beside the point; but a bound too wide to say anything does not acquit.
3. What still disagrees, and what is at a kink, is asked again beside the point, where every number of the input and of
   the parameters has been moved a little, by chance. A kink that is exactly at the point (a tie, a zero) is left behind
   so; a bug comes along. Only what is wrong there too is called a bug.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from scratchcnn.inspection.gradients.differences import Estimate, Line, Points, computational_noise
from scratchcnn.inspection.gradients.differentiable import Differentiable, Evaluation
from scratchcnn.inspection.gradients.patterns import same
from scratchcnn.operands import Array

Verdict = Literal["ok", "BUG", "kink"]

SHRINKS = (1.0, 1e-1, 1e-2, 1e-3)  # of the step
TELLING = 0.01  # a bound below this share of the gradient can tell right from wrong
NUDGE = 1e-2  # how far every number is moved to get beside a kink, as a share of its array's size
NOISE_SPACING = 1e-7
# Backward is rounded too: a sum of up to 10,000 terms as large as the largest gradient.
BACKWARD_ROUNDING = 1e4 * float(np.finfo(np.float64).eps)


class Judged(NamedTuple):
    """What was found along one line.

    Attributes
    ----------
    numeric : float
        The difference; NaN at a kink.
    allowed : float
        How far a right gradient may lie from it.
    verdict : {'ok', 'BUG', 'kink'}
    step : float
        The h it was found with.
    """

    numeric: float
    allowed: float
    verdict: Verdict
    step: float


class Judge:
    """Looks at a function around one point.

    Parameters
    ----------
    function : Differentiable
    step : float
        The largest h, of numbers up to 1; of larger ones, as a share of them.
    """

    def __init__(self, function: Differentiable, step: float) -> None:
        self.function, self.step = function, step
        self.gradients = function.gradients()
        self.middle = function.evaluate()
        self._noise: dict[str, float] = {}

    def judge(self, name: str, along: tuple[int, ...] | Array) -> Judged:
        """Rules 1 and 2: 'BUG' is only a suspicion yet."""
        line = Line(self.function.arrays[name], along)
        gradient = self.gradients[name]
        analytic = float(gradient[along]) if isinstance(along, tuple) else float((gradient * along).sum())
        rounding = BACKWARD_ROUNDING * float(np.abs(gradient).max(initial=0))
        suspicion = None
        for shrink in SHRINKS:
            step = self.step * shrink * self._size(name, along)
            estimate = self._estimate(line, step, self.noise(name))
            if estimate is None:
                continue
            allowed = estimate.bound + rounding
            judged = Judged(estimate.value, allowed, "ok", step)
            error = abs(analytic - estimate.value)
            telling = allowed <= TELLING * max(abs(analytic), abs(estimate.value))
            if error <= allowed and (suspicion is None or telling):
                return judged
            if suspicion is None and not error <= allowed:
                suspicion = judged._replace(verdict="BUG")
        return suspicion or Judged(np.nan, np.nan, "kink", step)

    def noise(self, name: str) -> float:
        """Standard deviation of the rounding of the function as an array changes; at least half a unit in its terms."""
        if name not in self._noise:
            array = self.function.arrays[name]
            direction = np.random.default_rng(self.function.seed).choice([-1.0, 1.0], array.shape)
            measured = computational_noise(self.function.value, Line(array, direction), NOISE_SPACING)
            self._noise[name] = max(measured, np.finfo(np.float64).eps / 2 * self.middle.magnitude)
        return self._noise[name]

    def beside(self) -> Judge:
        """The same function where every number has been moved a little; this one is of no use any more."""
        rng = np.random.default_rng(self.function.seed)
        for array in self.function.arrays.values():
            array += NUDGE * (np.abs(array).mean() or 1.0) * rng.standard_normal(array.shape)
        return Judge(self.function, self.step)

    def _size(self, name: str, along: tuple[int, ...] | Array) -> float:
        """What a step is measured by: 1, or the number itself if it is larger."""
        array = self.function.arrays[name]
        if isinstance(along, tuple):
            return max(1.0, abs(float(array[along])))
        return max(1.0, float(np.abs(array).max(initial=0))) / max(1.0, float(np.sqrt((along**2).sum())))

    def _estimate(self, line: Line, step: float, noise: float) -> Estimate | None:
        """The derivative from the sides that are smooth, as far as can be seen; None if neither is."""
        looks = line.evaluate(self.function.evaluate, (-2 * step, -step, step, 2 * step))
        left, right = (all(self._smooth(look) for look in side) for side in (looks[:2], looks[2:]))
        found = Points.of(step, [look.value for look in looks], self.middle.value)
        if left and right:
            return found.central(noise)
        return found.one_sided(noise, right) if left or right else None

    def _smooth(self, look: Evaluation) -> bool:
        return same(look.pattern, self.middle.pattern)
