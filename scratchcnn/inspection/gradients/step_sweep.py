"""sweep_step: the error of a central difference as a function of its step, between truncation and rounding."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scratchcnn.arguments import positive
from scratchcnn.display.blocks import Block, Paragraph, Table, Title
from scratchcnn.display.displayed import Displayed
from scratchcnn.inspection.arguments import index_of, position_in
from scratchcnn.inspection.gradients.differences import SIGMAS, along_line
from scratchcnn.inspection.gradients.differentiable import Differentiable
from scratchcnn.inspection.gradients.probe import Probe
from scratchcnn.layers import Layer
from scratchcnn.names import look_up
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEPS = tuple(10.0 ** (-exponent / 2) for exponent in range(2, 25))  # 0.1 to 1e-12
CURVATURE_STEPS = (3e-2, 1e-2, 3e-3, 1e-3, 3e-4)  # tried for the third derivative
FLAT = 30.0  # an error of more than 30 times the expected one has another cause


@dataclass(frozen=True, repr=False)
class StepSweep(Displayed):
    """The error of one central difference for each step; `print` shows a table, `plot` draws it.

    Attributes
    ----------
    array : str  name of the array
    index : tuple of int  index of the element
    analytic : float  the gradient that the backward pass computes
    steps, numeric : float64 (S,)  the steps h, and the central difference with each
    smooth : bool (S,)  whether no ReLU or max pooling switches within the step
    third_derivative : float  |loss'''| w.r.t. the element; 0 if it does not exceed its rounding error
    noise : float  measured standard deviation of the rounding error of the loss
    """

    array: str
    index: tuple[int, ...]
    analytic: float
    steps: Array
    numeric: Array
    smooth: Array
    third_derivative: float
    noise: float

    @property
    def errors(self) -> Array:
        """Absolute difference of each central difference from the analytic gradient, (S,)."""
        return np.abs(self.numeric - self.analytic)

    @property
    def truncation(self) -> Array:
        """Expected truncation error |loss'''| h**2 / 6, (S,)."""
        return self.third_derivative * self.steps**2 / 6

    @property
    def rounding(self) -> Array:
        """Expected rounding error noise / (sqrt(2) h), (S,)."""
        return self.noise / (np.sqrt(2) * self.steps)

    @property
    def best_step(self) -> float:
        """The step with the smallest error."""
        return float(self.steps[self.errors.argmin()])

    @property
    def flat(self) -> bool:
        """Whether even the smallest error far exceeds the expected one, so that the analytic gradient must be wrong."""
        at = self.errors.argmin()
        return bool(self.errors[at] > FLAT * (self.truncation[at] + self.rounding[at]))

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the error over the step; write it to an image file if one is given."""
        from scratchcnn.inspection.gradients.step_sweep_figure import plot_step_sweep

        title = f"Central difference of {self.array}{list(self.index)}"
        title += "\nflat bottom: wrong gradient, or a kink at this point" if self.flat else ""
        return plot_step_sweep(title, self.steps, self.errors, self.smooth, self.truncation, self.rounding, to_file)

    def blocks(self) -> list[Block]:
        """Return the title, the table of steps, and what it shows."""
        columns = (self.steps, self.numeric, self.errors, self.truncation, self.rounding)
        rows = [
            [f"{h:.1e}", f"{numeric:.10g}", *(f"{error:.1e}" for error in errors), "" if smooth else "crosses a kink"]
            for h, numeric, *errors, smooth in zip(*columns, self.smooth, strict=True)
        ]
        heads = ("step", "numeric", "error", "truncation", "rounding", "note")
        title = f"Central difference of {self.array}{list(self.index)}, analytic gradient {self.analytic:.10g}."
        return [Title(title), Table(heads, rows, left=(5,)), Paragraph(self._summary())]

    def _summary(self) -> str:
        text = f"The smallest error, {self.errors.min():.1e}, is at step {self.best_step:.1e}. "
        if self.flat:
            return text + (
                "It is far larger than truncation and rounding explain, and the same for many steps: the bottom of the "
                "V is flat. The backward pass is wrong here, or the point is a kink; use check_gradients to decide."
            )
        if not self.smooth.all():
            text += (
                f"For steps of {self.steps[~self.smooth].min():.1e} and more, a ReLU or a max pooling switches between "
                "the two points. They lie on different smooth pieces of the loss, so the difference is not the "
                "derivative. "
            )
        text += "The rounding error, of the difference of two nearly equal losses, grows like 1/h for small steps. "
        if self.third_derivative == 0:
            return text + "There is no truncation error: within rounding, the loss is linear or quadratic here."
        return text + "The truncation error, as the loss is not quadratic, grows like h squared for large steps."


def sweep_step(
    model_or_layer: Sequential | Layer,
    x: object,
    y: object = None,
    *,
    array: str | None = None,
    index: Sequence[int] | None = None,
    steps: Sequence[float] = STEPS,
    training: bool = True,
    engine: str | None = None,
    seed: int = 0,
) -> StepSweep:
    """Measure the error of the central difference of one element for steps of different sizes.

        error(h) = |(loss(p + h) - loss(p - h)) / 2h - analytic|
                 about |loss'''| h**2 / 6 + noise / (sqrt(2) h)

    The first term is the truncation error, with slope 2 in a log-log plot; the second is the rounding error, with
    slope -1. The minimum of their V-shaped sum is at h = (3 noise / (sqrt(2) |loss'''|))**(1/3). If the backward pass
    is wrong, no step reduces the error: the bottom of the V is flat.

    Parameters
    ----------
    model_or_layer, x, y, training, engine, seed
        As for `check_gradients`.
    array : str, optional
        Name of the array, such as 'dense kernel' or 'input'; default: the first.
    index : sequence of int, optional
        Index of the element; default: the one with the largest gradient.
    steps : sequence of float, default 0.1 to 1e-12, two per decade

    Raises
    ------
    TypeError, ValueError, RuntimeError
        As for `check_gradients`; or there is no such array or element.

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
    chosen = np.array([positive("a step", step) for step in steps])
    if not chosen.size:
        raise ValueError("Expected at least one step, received none; omit steps for the default ones.")
    function = Differentiable(model_or_layer, x, y, training=training, engine=engine, seed=seed)
    probe = Probe(function, 1e-4)
    name = next(iter(function.arrays)) if array is None else array
    gradient = look_up("array", name, probe.gradients)
    if index is None:
        place = index_of(np.abs(gradient).argmax(), gradient)
    else:
        place = position_in(index, gradient.shape, f"index into {name!r}")
    shifts = np.stack([-chosen, chosen], axis=1)  # (S, 2)
    found = along_line(function.evaluate, function.arrays[name], place, shifts.ravel())
    values = np.reshape([each.value for each in found], shifts.shape)
    switched = np.reshape([each.switched(probe.middle) for each in found], shifts.shape)
    numeric, smooth = (values[:, 1] - values[:, 0]) / (2 * chosen), (switched == 0).all(axis=1)
    third, noise = _third_derivative(probe, name, place), probe.noise(name)
    return StepSweep(name, place, float(gradient[place]), chosen, numeric, smooth, third, noise)


def _third_derivative(probe: Probe, name: str, place: tuple[int, ...]) -> float:
    """Absolute third derivative at the largest step without a kink; 0 if it does not exceed its rounding error."""
    for step in CURVATURE_STEPS:
        points, left, right = probe.points(name, place, step)
        if left and right:
            rounding = SIGMAS * 1.6 * probe.noise(name) / step**3  # sqrt(1 + 2**2 + 2**2 + 1) / 2 = 1.6
            third = abs(points.third_derivative())
            return third if third > rounding else 0.0
    return 0.0
