"""sweep_step: how far a difference is off for steps of all sizes: too large cuts corners, too small is all rounding."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scratchcnn.arguments import positive, seed_number
from scratchcnn.inspection.arguments import position_in
from scratchcnn.inspection.gradients.differences import SIGMAS, Line, Points
from scratchcnn.inspection.gradients.differentiable import Differentiable, differentiable
from scratchcnn.inspection.gradients.patterns import same
from scratchcnn.inspection.gradients.step_sweep_data import StepSweepData
from scratchcnn.inspection.gradients.verdicts import Judge
from scratchcnn.inspection.text.layout import wrap
from scratchcnn.layers import Layer
from scratchcnn.names import look_up
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEPS = tuple(10.0 ** (-exponent / 2) for exponent in range(2, 25))  # 0.1 to 1e-12
CURVED = (3e-2, 1e-2, 3e-3, 1e-3, 3e-4)  # steps at which the third derivative is looked for


def sweep_step(
    model_or_layer: Sequential | Layer,
    x: object,
    y: object = None,
    *,
    array: str | None = None,
    index: Sequence[int] | None = None,
    steps: Sequence[float] | None = None,
    training: bool = True,
    engine: str | None = None,
    seed: int = 0,
) -> StepSweep:
    """Measure how far the central difference of one element lies from backward, for steps of all sizes.

        error(h) = |(loss(p + h) - loss(p - h)) / 2h - analytic|
                 about |loss'''| h**2 / 6 + noise / (sqrt(2) h)

    The first term is truncation, a line of slope 2 in a picture of logarithms; the second is rounding, of slope -1.
    Together they are a V, whose lowest point is the best step: near (3 noise / (sqrt(2) |loss'''|))**(1/3). If
    backward is wrong, no step brings the error down: the V has a flat bottom.

    Parameters
    ----------
    model_or_layer, x, y, training, engine, seed
        As for `check_gradients`.
    array : str, optional
        Name of the array, as 'dense kernel' or 'input'; default: the first.
    index : sequence of int, optional
        Which element; default: the one with the largest gradient.
    steps : sequence of float, optional
        Default: 0.1 to 1e-12, two in each power of ten.

    Returns
    -------
    StepSweep
        `print` shows a table, `plot` draws the V.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        As for `check_gradients`; an array or index that does not exist.

    References
    ----------
    Press et al. 2007, "Numerical Recipes", section 5.7.

    Examples
    --------
    >>> from scratchcnn.layers import Dense
    >>> sweep = sweep_step(Dense(2, activation="softmax"), np.array([[1.0, -2.0]]), engine="reference")
    >>> bool(1e-7 < sweep.best_step < 1e-3), sweep.flat
    (True, False)
    """
    chosen = tuple(positive("a step", step) for step in (STEPS if steps is None else steps))
    if not chosen:
        raise ValueError("Expected at least one step, received none; leave steps out for the usual ones.")
    function = differentiable(model_or_layer, x, y, training=bool(training), engine=engine, seed=seed_number(seed) or 0)
    judge = Judge(function, 1e-4)
    name = array if array is not None else next(iter(function.arrays))
    place = _place(look_up("array", name, judge.gradients), name, index)
    line = Line(function.arrays[name], place)
    numeric, smooth = [], []
    for step in chosen:
        looks = line.evaluate(function.evaluate, (-step, step))
        numeric.append((looks[1].value - looks[0].value) / (2 * step))
        smooth.append(all(same(look.pattern, judge.middle.pattern) for look in looks))
    return StepSweep(
        name, place, float(judge.gradients[name][place]), np.array(chosen), np.array(numeric), np.array(smooth),
        _third_derivative(function, line, judge, judge.noise(name)), judge.noise(name),
    )  # fmt: skip


def _place(gradient: Array, name: str, index: Sequence[int] | None) -> tuple[int, ...]:
    if index is None:
        return tuple(int(i) for i in np.unravel_index(int(np.abs(gradient).argmax()), gradient.shape))
    return position_in(index, gradient.shape, f"index into {name!r}")


def _third_derivative(function: Differentiable, line: Line, judge: Judge, noise: float) -> float:
    """Of the function along the line, if it can be told from rounding; else 0."""
    for step in CURVED:
        looks = line.evaluate(function.evaluate, (-2 * step, -step, step, 2 * step))
        if all(same(look.pattern, judge.middle.pattern) for look in looks):
            values = [look.value for look in looks]
            third = abs(Points.of(step, values, judge.middle.value).third_derivative())
            return third if third > SIGMAS * 1.6 * noise / step**3 else 0.0  # sqrt(1 + 2**2 + 2**2 + 1) / 2 = 1.6
    return 0.0


@dataclass(frozen=True)
class StepSweep(StepSweepData):
    """The error of one central difference over the step; `print` shows a table, `plot` draws it.

    Attributes
    ----------
    array : str
    index : tuple of int
    analytic : float
        What backward says.
    steps, numeric : float64 (S,)
        The steps h, and the central difference with each.
    smooth : bool (S,)
        Whether no ReLU or pooling switched within the step.
    third_derivative : float
        Of the loss by this element, its absolute value; 0 if it cannot be told from rounding.
    noise : float
        Standard deviation of the rounding of the loss, measured.
    """

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the V; write it to a picture file if one is given."""
        from scratchcnn.inspection.gradients.step_sweep_figure import plot_step_sweep

        return plot_step_sweep(self, to_file)

    def __str__(self) -> str:
        place = f"{self.array}[{', '.join(map(str, self.index))}]"
        lines = [
            f"The central difference of {place} for steps of all sizes. Backward says {self.analytic:.10g}.", "",
            f"{'step':>9}  {'numeric':>18}  {'error':>8}  {'truncation':>10}  {'rounding':>8}",
        ]  # fmt: skip
        for row in zip(self.steps, self.numeric, self.errors, self.truncation, self.rounding, self.smooth, strict=True):
            note = "" if row[5] else "  a ReLU or a pooling switches within this step"
            lines.append(f"{row[0]:9.1e}  {row[1]:18.10g}  {row[2]:8.1e}  {row[3]:10.1e}  {row[4]:8.1e}{note}")
        return "\n".join([*lines, "", *wrap(self._story())])

    def _story(self) -> str:
        least = f"The least error, {self.errors.min():.1e}, is at step {self.best_step:.1e}. "
        if self.flat:
            return least + (
                "That is far more than truncation and rounding explain, and it stays so over many steps: the V has a "
                "flat bottom. Backward is wrong here, or the point is a kink; check_gradients tells which."
            )
        if not self.smooth.all():
            first = self.steps[~self.smooth].min()
            return least + (
                f"From step {first:.1e} on, a ReLU or a pooling switches on the way: the two ends lie on different "
                "pieces of the loss, and the difference is of no use. With smaller steps the error grows as one by the "
                "step (rounding)."
            )
        if self.third_derivative == 0:
            return least + (
                "The loss is a straight line or a parabola in this number, as far as can be told: nothing is cut off, "
                "and the larger the step, the less rounding."
            )
        return least + (
            "With larger steps the error grows as the square of the step (truncation: the loss is no parabola), with "
            "smaller ones as one by the step (rounding: the last digits of two nearly equal losses)."
        )
