"""WeightHistory: gradient, optimizer state, update and stored value of one weight in each training step."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchcnn.inspection.text.printed import Printed
from scratchcnn.inspection.text.table import table
from scratchcnn.operands import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scratchcnn.inspection.optimizer.figure import Curves

MOST_ROWS = 12  # of a table


@dataclass(frozen=True, eq=False, repr=False)
class WeightHistory(Printed):
    """Recorded values of one weight, one for each training step; `print` it, or `plot` it.

    Attributes
    ----------
    optimizer : str
        'Adam', 'SGD', or the name of another class.
    settings : dict
        The optimizer's arguments: beta_1, momentum, ...
    layer, parameter : str
    position : tuple of int
    steps : int64 (K,)
        Number of each step, from 1, as the optimizer counts.
    rates : float64 (K,)
        Learning rate of each step.
    gradients, before, after : (K,), the model's dtype
        The gradient that the optimizer received, and the stored weight before and after the step.
    slots : dict of str to (K,) array, the model's dtype
        Optimizer state of the weight after each step: m, v and, with AMSGrad, v_max; or velocity.
    slots_before : dict of str to (K,) array
        Optimizer state before each step.
    """

    optimizer: str
    settings: Mapping[str, Any]
    layer: str
    parameter: str
    position: tuple[int, ...]
    steps: Array
    rates: Array
    gradients: Array
    before: Array
    after: Array
    slots: Mapping[str, Array]
    slots_before: Mapping[str, Array]

    @property
    def name(self) -> str:
        """Name of the weight, for example 'dense/kernel[3, 7]'."""
        return f"{self.layer}/{self.parameter}[{', '.join(map(str, self.position))}]"

    @property
    def m_hat(self) -> Array:
        """Adam's bias-corrected first moment estimate: m / (1 - beta_1**t), float64."""
        return self._slot("m") / (1 - self.settings["beta_1"] ** self.steps)

    @property
    def v_hat(self) -> Array:
        """Adam's bias-corrected second moment estimate, of the maximum with AMSGrad: v / (1 - beta_2**t), float64."""
        return self._slot("v_max" if "v_max" in self.slots else "v") / (1 - self.settings["beta_2"] ** self.steps)

    @property
    def changes(self) -> Array:
        """Change of the stored weight in each step: after - before, float64."""
        return self.after.astype(np.float64) - self.before

    @property
    def updates(self) -> Array:
        """The update that the formula gives for the optimizer state: `changes` up to rounding, float64.

        Raises
        ------
        ValueError
            The optimizer is neither Adam nor SGD, so its formula is not known here.
        """
        if self.optimizer == "Adam":
            epsilon = self.settings["epsilon"] / np.sqrt(1 - self.settings["beta_2"] ** self.steps)
            return -self.rates * self.m_hat / (np.sqrt(self.v_hat) + epsilon)
        velocity = self._slot("velocity")
        if self.settings["nesterov"]:
            return self.settings["momentum"] * velocity - self.rates * self.gradients.astype(np.float64)
        return velocity

    def _slot(self, name: str) -> Array:
        if name not in self.slots:
            raise ValueError(
                f"Expected an optimizer with {name} in its state, received {self.optimizer} with "
                f"{', '.join(self.slots) or 'no state'}; use Adam or SGD."
            )
        return self.slots[name].astype(np.float64)

    def __str__(self) -> str:
        if not len(self.steps):
            return f"{self.name}: no steps yet; pass this callback to model.fit."
        first, last = f"{self.before[0]:.6g}", f"{self.after[-1]:.6g}"
        title = f"{self.name}, trained with {self.optimizer}: {len(self.steps)} steps, {first} to {last}"
        return "\n".join([title, "", *self._table(), "", *self._last_step()])

    def _table(self) -> list[str]:
        columns = {"gradient": self.gradients, **self.slots}
        if self.optimizer == "Adam":
            columns |= {"m_hat": self.m_hat, "sqrt(v_hat)": np.sqrt(self.v_hat)}
        if self.optimizer in ("Adam", "SGD"):
            columns["update"] = self.updates
        rows = [["start", *[""] * len(columns), f"{self.before[0]:.9g}"]]
        rows += table_rows(self.steps, [*columns.values()], self.after)
        return table(["step", *columns, "weight after"], rows, left=())

    def _last_step(self) -> list[str]:
        """Return the arithmetic of the last step with all digits: each formula, and the same with its values."""
        rate, before, after = float(self.rates[-1]), self.before[-1], self.after[-1]
        lines = [f"Step {self.steps[-1]} in full (learning rate {rate:g}):"]
        if self.optimizer not in ("Adam", "SGD"):
            return [*lines, f"  weight   = {_exact(before)} becomes {_exact(after)}"]
        lines += self._adam_step(rate) if self.optimizer == "Adam" else self._sgd_step(rate)
        update, digits = float(self.updates[-1]), _digits(after)
        total = float(before) + update
        rounding = f", rounded by {abs(float(after) - total):.1g}" if float(after) != total else ""
        sign = "-" if update < 0 else "+"
        return [
            *lines,
            f"  weight   = before + update = {_exact(before)} {sign} {abs(update):.{digits}g} = {total:.{digits}g}",
            f"  stored   = {_exact(after)}, as {after.dtype}{rounding}",
        ]

    def _adam_step(self, rate: float) -> list[str]:
        t, (b1, b2, epsilon) = int(self.steps[-1]), (self.settings[name] for name in ("beta_1", "beta_2", "epsilon"))
        gradient, m, v = self.gradients[-1], self.slots["m"][-1], self.slots["v"][-1]
        m_before, v_before = self.slots_before["m"][-1], self.slots_before["v"][-1]
        m_hat, v_hat, update = (float(values[-1]) for values in (self.m_hat, self.v_hat, self.updates))
        root, small, digits = math.sqrt(v_hat), epsilon / math.sqrt(1 - b2**t), _digits(m)
        amsgrad = (
            ["             (AMSGrad: v_hat is computed from the largest v so far)"] if "v_max" in self.slots else []
        )
        return [
            f"  m        = {b1:g} * m before + {1 - b1:.6g} * gradient",
            f"           = {b1:g} * {_exact(m_before)} + {1 - b1:.6g} * {_exact(gradient)} = {_exact(m)}",
            f"  v        = {b2:g} * v before + {1 - b2:.6g} * gradient**2",
            f"           = {b2:g} * {_exact(v_before)} + {1 - b2:.6g} * {float(gradient) ** 2:.9g} = {_exact(v)}",
            f"  m_hat    = m / (1 - {b1:g}**{t}) = {m_hat:.{digits}g}",
            *amsgrad,
            f"  v_hat    = v / (1 - {b2:g}**{t}) = {v_hat:.{digits}g}, its square root {root:.{digits}g}",
            f"  update   = -{rate:g} * m_hat / (sqrt(v_hat) + {epsilon:g} / sqrt(1 - {b2:g}**{t}))",
            f"           = -{rate:g} * {m_hat:.{digits}g} / {root + small:.{digits}g} = {update:.{digits}g}",
        ]

    def _sgd_step(self, rate: float) -> list[str]:
        momentum, gradient = self.settings["momentum"], self.gradients[-1]
        update = f"{float(self.updates[-1]):.{_digits(gradient)}g}"
        if not momentum:
            return [f"  update   = -{rate:g} * gradient = -{rate:g} * {_exact(gradient)} = {update}"]
        before, velocity = self.slots_before["velocity"][-1], self.slots["velocity"][-1]
        nesterov = f"{momentum:g} * velocity - {rate:g} * gradient = {update} (Nesterov momentum)"
        return [
            f"  velocity = {momentum:g} * velocity before - {rate:g} * gradient",
            f"           = {momentum:g} * {_exact(before)} - {rate:g} * {_exact(gradient)} = {_exact(velocity)}",
            f"  update   = {nesterov if self.settings['nesterov'] else 'velocity'}",
        ]

    def curves(self) -> Curves:
        """Return the values that the figure shows."""
        from scratchcnn.inspection.optimizer.figure import Curves

        adam = self.optimizer == "Adam"
        state = {"m_hat": self.m_hat} if adam else self.slots
        weights = np.concatenate([self.before[:1], self.after])
        band = ("± sqrt(v_hat)", np.sqrt(self.v_hat)) if adam else None
        return Curves(self.optimizer, self.steps, weights, self.gradients, self.changes, state, band)

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw weight, gradient, optimizer state and updates over the steps; save to `to_file` if given."""
        from scratchcnn.inspection.optimizer.figure import plot_weight

        return plot_weight(self.name, [self.curves()], to_file)


def table_rows(steps: Array, columns: list[Array], after: Array) -> list[list[str]]:
    """Return the cells of all steps, or of the first and the last with a gap between."""
    count, half = len(steps), MOST_ROWS // 2
    rows = [
        [str(steps[i]), *(f"{float(column[i]):.4e}" for column in columns), f"{after[i]:.9g}"]
        for i in range(count)
        if count <= MOST_ROWS or not half <= i < count - half
    ]
    if count > MOST_ROWS:
        rows.insert(half, ["...", *[""] * (len(columns) + 1)])
    return rows


def _digits(value: Any) -> int:
    """Return the number of significant digits with which a printed sum can be checked by hand."""
    return 12 if np.asarray(value).dtype == np.float32 else 17


def _exact(value: Any) -> str:
    """Return a stored value with enough digits to distinguish it from the adjacent floating-point numbers."""
    return f"{float(value):.9g}" if np.asarray(value).dtype == np.float32 else f"{float(value):.17g}"
