"""Two optimizers beside each other: the same weight, from the same start, on the same batches."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scratchcnn.inspection.arguments import built_model, layer_index
from scratchcnn.inspection.optimizer.microscope import OptimizerMicroscope, WeightHistory, shown_steps
from scratchcnn.optimizers import Optimizer, get
from scratchcnn.sequential import Sequential

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class OptimizerComparison:
    """One weight under several optimizers; `print` it, or `plot` it.

    Attributes
    ----------
    histories : tuple of WeightHistory
        One for each optimizer, in the order in which they were asked for.
    losses : tuple of float
        Mean loss over the last epoch of each.
    """

    histories: tuple[WeightHistory, ...]
    losses: tuple[float, ...]

    def __str__(self) -> str:
        first = self.histories[0]
        names = [history.optimizer for history in self.histories]
        lines = [
            f"{first.name} under {' and '.join(names)}: same start, same batches, same dropped units.",
            "",
            " " * 6 + "".join(f"   {name:^40}" for name in names),
        ]
        row = "".join(f"   {'gradient':>12}{'step made':>12}{'weight after':>16}" for _ in names)
        lines += [f"{'step':>6}{row}", "-" * (6 + 43 * len(names))]
        for place in shown_steps(len(first.steps)):
            if place is None:
                lines.append(f"{'...':>6}")
                continue
            cells = "".join(
                f"   {history.gradients[place]:>12.3e}{history.changes[place]:>12.3e}{history.after[place]:>16.9g}"
                for history in self.histories
            )
            lines.append(f"{first.steps[place]:>6}{cells}")
        lines += ["", *(_told(history, loss) for history, loss in zip(self.histories, self.losses, strict=True))]
        return "\n".join(lines)

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the weight, its gradient, what is remembered, and the steps, of all optimizers over each other.

        Parameters
        ----------
        to_file : path, optional
            A picture file to write.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from scratchcnn.inspection.optimizer.microscope_figure import plot_weight_histories

        return plot_weight_histories(self.histories, to_file)


def _told(history: WeightHistory, loss: float) -> str:
    sizes = abs(history.changes)
    gradients = abs(history.gradients.astype(np.float64))
    return (
        f"{history.optimizer}: steps of {sizes.min():.2g} to {sizes.max():.2g}, from gradients of "
        f"{gradients.min():.2g} to {gradients.max():.2g}.\n"
        f"{' ' * len(history.optimizer)}  It went {sizes.sum():.3g} in all, and arrived "
        f"{abs(float(history.after[-1]) - float(history.before[0])):.3g} away. Loss of the last epoch: {loss:.4f}."
    )


def watch_weight(
    model: Sequential,
    x: object,
    y: object,
    layer: object,
    parameter: str,
    position: int | Sequence[int],
    batch_size: int = 32,
    epochs: int = 1,
) -> WeightHistory:
    """Train a copy of a model, and tell what happened to one weight.

    To follow a weight of the model itself, give an `OptimizerMicroscope` to its `fit`.

    Parameters
    ----------
    model : Sequential
        Built and compiled; it is not changed.
    x, y, batch_size, epochs
        As for `fit`.
    layer, parameter, position
        As for `OptimizerMicroscope`.

    Returns
    -------
    WeightHistory

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As `OptimizerMicroscope` and `fit`.
    """
    built_model(model, "watching a weight")
    weight = (layer_index(model, layer), parameter, position)
    return _watched(model.clone(), x, y, weight, batch_size, epochs)[0]


def compare_optimizers(
    model: Sequential,
    x: object,
    y: object,
    layer: object,
    parameter: str,
    position: int | Sequence[int],
    optimizers: Sequence[str | Optimizer] = ("adam", "sgd"),
    batch_size: int = 32,
    epochs: int = 1,
) -> OptimizerComparison:
    """Train copies of a model, each with another optimizer, and follow one weight through all of them.

    All begin with the model's weights as they are, see the same batches in the same order, and drop the same units.

    Parameters
    ----------
    model : Sequential
        Built and compiled; it is not changed.
    x, y, batch_size, epochs
        As for `fit`.
    layer, parameter, position
        As for `OptimizerMicroscope`.
    optimizers : sequence of str or Optimizer, default ('adam', 'sgd')
        Those of `compile`.

    Returns
    -------
    OptimizerComparison

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As `OptimizerMicroscope` and `fit`; or fewer than one optimizer.
    """
    built_model(model, "comparing optimizers")
    model.expect_compiled("comparing optimizers")
    if isinstance(optimizers, str) or not optimizers:
        raise ValueError(f"Expected optimizers as a list, as ['adam', 'sgd'], received {optimizers!r}; give some.")
    weight = (layer_index(model, layer), parameter, position)
    histories, losses = [], []
    for optimizer in optimizers:
        history, last = _watched(model.clone(optimizer=get(optimizer)), x, y, weight, batch_size, epochs)
        histories.append(history)
        losses.append(last)
    return OptimizerComparison(tuple(histories), tuple(losses))


def _watched(
    twin: Sequential, x: object, y: object, weight: tuple[int, str, int | Sequence[int]], batch_size: int, epochs: int
) -> tuple[WeightHistory, float]:
    """Train a copy; what its weight went through, and the loss of the last epoch."""
    microscope = OptimizerMicroscope(twin, *weight)
    history = twin.fit(x, y, batch_size, epochs, verbose=0, callbacks=microscope)
    return microscope.result, float(history.history["loss"][-1])
