"""One weight, step by step: the callback OptimizerMicroscope, and the WeightHistory that it records."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchcnn.callbacks.base import Logs
from scratchcnn.configs import Configured
from scratchcnn.display.blocks import Block, Lines, Paragraph, Table, Title
from scratchcnn.display.displayed import Displayed
from scratchcnn.inspection.arguments import built_model, layer_index, position_in
from scratchcnn.inspection.optimizer.update_rules import RULES, WeightRecord, decays, digits_of, exact, m_hat, v_hat
from scratchcnn.inspection.optimizer.watching import Arrays, Step, Watcher
from scratchcnn.names import look_up
from scratchcnn.operands import Array
from scratchcnn.optimizers import Optimizer, State
from scratchcnn.schedules import rate_at
from scratchcnn.sequential import Sequential

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_ROWS = 12  # of a table


@dataclass(frozen=True, eq=False, repr=False)
class WeightHistory(WeightRecord, Displayed):
    """Recorded values of one weight, for each of K training steps; `print` it, or `plot` it.

    Attributes
    ----------
    optimizer : str  name of its class
    settings : dict  the optimizer's arguments: beta_1, momentum, ...
    layer, parameter : str
    position : tuple of int
    steps : int64 (K,)  number of each step, from 1, as the optimizer counts
    rates : float64 (K,)  learning rate of each step
    gradients : (K,), the model's dtype  the gradient that the optimizer received, after clipping
    before, after : (K,), the model's dtype  the stored weight before and after the step
    slots, slots_before : dict of str to (K,)  state of the weight after and before the step, by the names in
        `Optimizer.slot_names`: of Adam, m, v and, with AMSGrad, v_max
    """

    @property
    def name(self) -> str:
        """Name of the weight, for example 'dense/kernel[3, 7]'."""
        return f"{self.layer}/{self.parameter}{list(self.position)}"

    @property
    def m_hat(self) -> Array:
        """Adam's bias-corrected first moment estimate: m / (1 - beta_1**t), float64."""
        return m_hat(self)

    @property
    def v_hat(self) -> Array:
        """Adam's bias-corrected second moment estimate, of the maximum with AMSGrad: v / (1 - beta_2**t), float64."""
        return v_hat(self)

    @property
    def changes(self) -> Array:
        """Change of the stored weight in each step: after - before, float64."""
        return self.after.astype(np.float64) - self.before

    @property
    def updates(self) -> Array:
        """The update by the optimizer's formula, with weight decay: `changes` up to rounding, float64.

        ValueError for an optimizer of another class than those of `scratchcnn.optimizers`.
        """
        if self.optimizer not in RULES:
            raise ValueError(
                f"Expected one of the optimizers {', '.join(RULES)}, received {self.optimizer}, whose formula is not "
                "known; use `changes`."
            )
        updates, decayed = RULES[self.optimizer].updates(self), decays(self)
        return updates if decayed is None else updates + decayed

    def blocks(self) -> list[Block]:
        """Return the title, the table of steps, and the arithmetic of the last step."""
        if not len(self.steps):
            return [Paragraph(f"{self.name}: no steps yet; pass this callback to model.fit.")]
        first, last = f"{self.before[0]:.6g}", f"{self.after[-1]:.6g}"
        title = f"{self.name}, trained with {self.optimizer}: {len(self.steps)} steps, {first} to {last}"
        columns = {"gradient": self.gradients, **self.slots}
        if self.optimizer in ("Adam", "AdamW"):
            columns |= {"m_hat": self.m_hat, "sqrt(v_hat)": np.sqrt(self.v_hat)}
        if self.optimizer in RULES:
            columns["update"] = self.updates
        cells = table_rows([(self.steps, "d"), *((each, ".4e") for each in columns.values()), (self.after, ".9g")])
        rows = [["start", *[""] * len(columns), f"{self.before[0]:.9g}"], *cells]
        heads = ["step", *columns, "weight after"]
        return [Title(title), Table(heads, rows, left=()), Lines(self._last_step())]

    def _last_step(self) -> list[str]:
        """Return the arithmetic of the last step with all digits: each formula, and the same with its values."""
        rate, before, after = float(self.rates[-1]), self.before[-1], self.after[-1]
        title = f"Step {self.steps[-1]} in full (learning rate {rate:g}):"
        if self.optimizer not in RULES:
            return [title, f"  weight   = {exact(before)} becomes {exact(after)}"]
        rule, update, digits = RULES[self.optimizer], float(self.updates[-1]), digits_of(after)
        total, decayed = float(before) + update, decays(self)
        rounding = f", rounded by {abs(float(after) - total):.1g}" if float(after) != total else ""
        lines = rule.lines(self, f"{float(rule.updates(self)[-1]):.{digits}g}")
        if decayed is not None:
            decay = f"{rate:g} * {self.settings['weight_decay']:g} * weight before"
            lines.append(f"           - {decay} = {update:.{digits}g} (weight decay)")
        sign = "-" if update < 0 else "+"
        return [
            title,
            *lines,
            f"  weight   = before + update = {exact(before)} {sign} {abs(update):.{digits}g} = {total:.{digits}g}",
            f"  stored   = {exact(after)}, as {after.dtype}{rounding}",
        ]

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw weight, gradient, optimizer state and updates over the steps; save to `to_file` if given."""
        from scratchcnn.inspection.optimizer.figure import plot_weight

        return plot_weight([(self.optimizer, self)], to_file)


class OptimizerMicroscope(Displayed, Watcher):
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
        'kernel' or 'bias', or the name of a custom layer's parameter.
    position : int or tuple of int
        Index of the element.

    Raises
    ------
    ValueError, TypeError
        The model is not built; there is no such layer or parameter; or the position is outside its shape. In `fit`: it
        trains another model, or the layer is frozen.

    References
    ----------
    Kingma & Ba 2015, arXiv 1412.6980, algorithm 1: g, m, v, m_hat, v_hat and the update.
    """

    def __init__(self, model: Sequential, layer: object, parameter: str, position: int | Sequence[int]) -> None:
        super().__init__()
        place = layer_index(built_model(model, "an optimizer microscope"), layer)
        chosen = model.leaf_layers[place]
        if not chosen.learned_params:
            raise ValueError(f"Expected a layer with parameters, received {chosen.label}; choose a Dense or Conv2D.")
        array = look_up(f"parameter of {chosen.label}", parameter, chosen.learned_params)
        self.layer, self.parameter = model.leaf_names[place], parameter
        self.position = position_in(position, array.shape)
        self._watched, self._index = model, 0  # of the parameter among the trainable ones
        self._rows: list[list[Any]] = []  # step, rate, gradient, weight and state before, weight and state after
        self._optimizer: object = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Check the model, and that the layer is trainable; a second `fit` continues the same record."""
        if self.model is not self._watched:
            raise ValueError(
                "Expected fit of the model that this microscope was made for, received another model; make a "
                "microscope for it."
            )
        layers = zip(self.model.leaf_names, self.model.leaf_layers, strict=True)
        named = [(layer, name) for layer, each in layers for name in each.trainable_params]
        if (self.layer, self.parameter) not in named:
            raise ValueError(f"Expected layer {self.layer!r} to be trained, received a frozen one; set trainable=True.")
        self._index = named.index((self.layer, self.parameter))
        super().on_train_begin(logs)

    def observe(self, step: Step, parameters: Arrays, gradients: Arrays, state: State) -> State:
        """Perform a step, and record the values of the weight before and after it."""
        optimizer = self.model.optimizer
        if isinstance(optimizer, Optimizer):
            gradients = optimizer.clipped(gradients, self.model.ops)
        rate, gradient = rate_at(optimizer.learning_rate, state.iterations), gradients[self._index]
        row = [state.iterations + 1, rate, gradient[self.position], *self._weight_and_state(parameters, state)]
        state = step()
        self._optimizer = self.model.optimizer
        self._rows.append([*row, *self._weight_and_state(parameters, state)])
        return state

    def _weight_and_state(self, parameters: Arrays, state: State) -> list[Any]:
        return [array[self.position] for array in (parameters[self._index], *state.slots[self._index])]

    @property
    def result(self) -> WeightHistory:
        """The record so far."""
        optimizer, dtype = self._optimizer, self._watched.dtype
        steps, rates, *columns = zip(*self._rows, strict=True) if self._rows else [()] * 5
        gradients, *values = (np.array(column, dtype) for column in columns)
        half = len(values) // 2
        before, *slots_before = values[:half]
        after, *slots = values[half:]
        names = [f"slot_{number}" for number in range(len(slots))]
        if isinstance(optimizer, Optimizer) and len(optimizer.slot_names) == len(slots):
            names = [*optimizer.slot_names]
        return WeightHistory(
            "" if optimizer is None else type(optimizer).__name__,
            optimizer.get_config() if isinstance(optimizer, Configured) else {},
            self.layer, self.parameter, self.position, np.array(steps, np.int64), np.array(rates, np.float64),
            gradients, before, after, dict(zip(names, slots, strict=True)), dict(zip(names, slots_before, strict=True)),
        )  # fmt: skip

    def blocks(self) -> list[Block]:
        """Return those of the result."""
        return self.result.blocks()


def table_rows(columns: Sequence[tuple[Array, str]]) -> list[list[str]]:
    """Return the cells of all steps, or of the first and the last ones; each column has its format specification."""
    count, half = len(columns[0][0]), MOST_ROWS // 2
    shown = [i for i in range(count) if count <= MOST_ROWS or not half <= i < count - half]
    rows = [[format(values[i], style) for values, style in columns] for i in shown]
    if count > MOST_ROWS:
        rows.insert(half, ["...", *[""] * (len(columns) - 1)])
    return rows
