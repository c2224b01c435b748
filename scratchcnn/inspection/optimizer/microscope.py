"""One weight over training: its gradient, what the optimizer remembers of it, each step, and the value stored."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchcnn.configs import Configured
from scratchcnn.inspection.arguments import built_model, find_layer, position_in
from scratchcnn.inspection.optimizer.microscope_data import WeightHistoryData
from scratchcnn.inspection.watching import Handed, Watcher
from scratchcnn.names import look_up
from scratchcnn.optimizers import SGD, Adam
from scratchcnn.schedules import rate_at
from scratchcnn.sequential import Sequential

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_ROWS = 12  # of a table


@dataclass(frozen=True, eq=False)
class WeightHistory(WeightHistoryData):
    """What happened to one weight; `print` it, or `plot` it.

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
        The gradient that the optimizer was handed, and the weight as it was stored before and after the step.
    slots : dict of str to (K,) array, the model's dtype
        What the optimizer remembers of the weight, after each step: m, v and, with AMSGrad, v_max; or velocity.
    slots_before : dict of str to (K,) array
        The same before each step.
    """

    def __str__(self) -> str:
        head = (
            f"{self.name} under {self.optimizer}: {len(self.steps)} steps, {self.before[0]:.6g} to {self.after[-1]:.6g}"
            if len(self.steps)
            else f"{self.name}: no steps yet"
        )
        if not len(self.steps):
            return f"{head}; give this callback to model.fit."
        return "\n".join([head, "", *_table(self), "", *_in_full(self, len(self.steps) - 1)])

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the weight, its gradient, what is remembered, and the steps, over training.

        Parameters
        ----------
        to_file : path, optional
            A picture file to write.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from scratchcnn.inspection.optimizer.microscope_figure import plot_weight_histories

        return plot_weight_histories([self], to_file)


@dataclass
class _Notes:
    """What is written down while training goes on."""

    steps: list[int] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    gradients: list[Any] = field(default_factory=list)
    before: list[Any] = field(default_factory=list)
    after: list[Any] = field(default_factory=list)
    slots: list[list[Any]] = field(default_factory=list)
    slots_before: list[list[Any]] = field(default_factory=list)


class OptimizerMicroscope(Watcher):
    """A callback that follows one weight through `fit`.

        microscope = OptimizerMicroscope(model, "dense", "kernel", (3, 7))
        model.fit(x, y, callbacks=[microscope])
        print(microscope.result)

    Parameters
    ----------
    model : Sequential
        Built.
    layer : str, int or Layer
    parameter : str
        'kernel' or 'bias', or what the layer calls its own.
    position : int or tuple of int
        Which number of the parameter.

    Raises
    ------
    ValueError, TypeError
        The model is not built; no such layer or parameter, with the nearest name; or a position outside.

    References
    ----------
    Kingma & Ba 2015, arXiv 1412.6980, algorithm 1: g, m, v, m_hat, v_hat and the step.
    """

    def __init__(self, model: Sequential, layer: object, parameter: str, position: int | Sequence[int]) -> None:
        super().__init__()
        chosen = find_layer(built_model(model, "an optimizer microscope"), layer)
        if not chosen.params:
            raise ValueError(f"Expected a layer with parameters, received {chosen.label}; a Dense or Conv2D has some.")
        array = look_up(f"parameter of {chosen.label}", parameter, chosen.params)
        self.layer, self.parameter = str(chosen.name), parameter
        self.position = position_in(position, array.shape)
        self._watched, self._place = model, 0
        self._notes, self._optimizer = _Notes(), ""
        self._settings: dict[str, Any] = {}
        self._names: list[str] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Check that it is the model that was given, and the layer trainable; a second `fit` adds to the same notes."""
        if self.model is not self._watched:
            raise ValueError("Expected to be given to fit of the model it was made for, received another; make one.")
        named = [(each.name, name) for each in self.model.layers if each.trainable for name in each.params]
        if (self.layer, self.parameter) not in named:
            raise ValueError(f"Expected layer {self.layer!r} to be trained, received a frozen one; set trainable=True.")
        self._place = named.index((self.layer, self.parameter))
        super().on_train_begin(logs)

    def before_step(self, handed: Handed) -> None:
        """Note the gradient, and what there is before the step."""
        optimizer, notes = handed.optimizer, self._notes
        self._optimizer = type(optimizer).__name__
        self._settings = optimizer.get_config() if isinstance(optimizer, Configured) else {}
        notes.steps.append(handed.state.iterations + 1)
        notes.rates.append(rate_at(optimizer.learning_rate, handed.state.iterations))
        notes.gradients.append(handed.gradients[self._place][self.position])
        notes.before.append(handed.parameters[self._place][self.position])
        notes.slots_before.append([slot[self.position] for slot in handed.state.slots[self._place]])
        self._names = _slot_names(optimizer, len(notes.slots_before[-1]))

    def after_step(self, handed: Handed) -> None:
        """Note what the step made of it."""
        self._notes.after.append(handed.parameters[self._place][self.position])
        self._notes.slots.append([slot[self.position] for slot in handed.state.slots[self._place]])

    @property
    def result(self) -> WeightHistory:
        """What was seen so far."""
        notes, dtype = self._notes, self._watched.dtype
        count = len(notes.after)
        slots, before = (
            {name: np.array([row[i] for row in each[:count]], dtype) for i, name in enumerate(self._names)}
            for each in (notes.slots, notes.slots_before)
        )
        return WeightHistory(
            self._optimizer, self._settings, self.layer, self.parameter, self.position, np.array(notes.steps[:count]),
            np.array(notes.rates[:count], np.float64), np.array(notes.gradients[:count], dtype),
            np.array(notes.before[:count], dtype), np.array(notes.after, dtype), slots, before,
        )  # fmt: skip

    def __str__(self) -> str:
        return str(self.result)


def _slot_names(optimizer: object, count: int) -> list[str]:
    if isinstance(optimizer, Adam):
        return ["m", "v", "v_max"][:count]
    return ["velocity"] if isinstance(optimizer, SGD) else [f"slot_{number}" for number in range(count)]


# Text


def _table(history: WeightHistory) -> list[str]:
    """The first and the last steps, in columns."""
    adam, known = history.optimizer == "Adam", history.optimizer in ("Adam", "SGD")
    columns = {"gradient": history.gradients, **history.slots}
    if adam:
        columns |= {"m_hat": history.m_hat, "sqrt(v_hat)": np.sqrt(history.v_hat)}
    if known:
        columns["step asked"] = history.asked
    head = f"{'step':>6}" + "".join(f"{name:>13}" for name in columns) + f"{'weight after':>16}"
    lines = [head, "-" * len(head), f"{'start':>6}" + " " * (13 * len(columns)) + f"{history.before[0]:>16.9g}"]
    for place in shown_steps(len(history.steps)):
        if place is None:
            lines.append(f"{'...':>6}")
            continue
        cells = "".join(f"{float(column[place]):>13.4e}" for column in columns.values())
        lines.append(f"{history.steps[place]:>6}{cells}{history.after[place]:>16.9g}")
    return lines


def shown_steps(count: int) -> list[int | None]:
    """All places, or the first and the last with a gap between."""
    if count <= MOST_ROWS:
        return list(range(count))
    half = MOST_ROWS // 2
    return [*range(half), None, *range(count - half, count)]


def _in_full(history: WeightHistory, place: int) -> list[str]:
    """The arithmetic of one step, with all digits: what is computed, as a formula and with its numbers."""
    t, rate = int(history.steps[place]), float(history.rates[place])
    before, after = history.before[place], history.after[place]
    lines = [f"Step {t} in full (learning rate {rate:g}):"]
    if history.optimizer not in ("Adam", "SGD"):
        return [*lines, f"  weight   = {_all(before)} becomes {_all(after)}"]
    lines += (
        _adam_in_full(history, place, t, rate) if history.optimizer == "Adam" else _sgd_in_full(history, place, rate)
    )
    asked = float(history.asked[place])
    exact = float(before) + asked
    lost = f", rounded by {abs(float(after) - exact):.1g}" if float(after) != exact else ""
    digits = _digits(after)
    sign = "-" if asked < 0 else "+"
    return [
        *lines,
        f"  weight   = before + step = {_all(before)} {sign} {abs(asked):.{digits}g} = {exact:.{digits}g}",
        f"  stored   = {_all(after)}, as {after.dtype}{lost}",
    ]


def _adam_in_full(history: WeightHistory, place: int, t: int, rate: float) -> list[str]:
    settings = history.settings
    beta_1, beta_2, epsilon = settings["beta_1"], settings["beta_2"], settings["epsilon"]
    gradient, m, v = history.gradients[place], history.slots["m"][place], history.slots["v"][place]
    m_before, v_before = history.slots_before["m"][place], history.slots_before["v"][place]
    m_hat, v_hat, step = (float(each[place]) for each in (history.m_hat, history.v_hat, history.asked))
    root, small, digits = math.sqrt(v_hat), epsilon / math.sqrt(1 - beta_2**t), _digits(m)
    largest = ["             (AMSGrad: v_hat is that of the largest v so far)"] if "v_max" in history.slots else []
    return [
        f"  m        = {beta_1:g} * m before + {1 - beta_1:.6g} * gradient",
        f"           = {beta_1:g} * {_all(m_before)} + {1 - beta_1:.6g} * {_all(gradient)} = {_all(m)}",
        f"  v        = {beta_2:g} * v before + {1 - beta_2:.6g} * gradient**2",
        f"           = {beta_2:g} * {_all(v_before)} + {1 - beta_2:.6g} * {float(gradient) ** 2:.9g} = {_all(v)}",
        f"  m_hat    = m / (1 - {beta_1:g}**{t}) = {m_hat:.{digits}g}",
        *largest,
        f"  v_hat    = v / (1 - {beta_2:g}**{t}) = {v_hat:.{digits}g}, its root {root:.{digits}g}",
        f"  step     = -{rate:g} * m_hat / (sqrt(v_hat) + {epsilon:g} / sqrt(1 - {beta_2:g}**{t}))",
        f"           = -{rate:g} * {m_hat:.{digits}g} / {root + small:.{digits}g} = {step:.{digits}g}",
    ]


def _sgd_in_full(history: WeightHistory, place: int, rate: float) -> list[str]:
    momentum, gradient = history.settings["momentum"], history.gradients[place]
    velocity, before = history.slots["velocity"][place], history.slots_before["velocity"][place]
    asked = f"{float(history.asked[place]):.{_digits(gradient)}g}"
    if not momentum:
        return [f"  step     = -{rate:g} * gradient = -{rate:g} * {_all(gradient)} = {asked}"]
    formula = f"{momentum:g} * velocity - {rate:g} * gradient = {asked}, Nesterov's look ahead"
    return [
        f"  velocity = {momentum:g} * velocity before - {rate:g} * gradient",
        f"           = {momentum:g} * {_all(before)} - {rate:g} * {_all(gradient)} = {_all(velocity)}",
        f"  step     = {formula if history.settings['nesterov'] else 'velocity'}",
    ]


def _digits(number: Any) -> int:
    """So many digits that nothing is lost in adding up."""
    return 12 if np.asarray(number).dtype == np.float32 else 17


def _all(number: Any) -> str:
    """Enough digits to tell a stored number from its neighbours."""
    return f"{float(number):.9g}" if np.asarray(number).dtype == np.float32 else f"{float(number):.17g}"
