"""Optimizers compared: the same weight, from the same initial value, trained on the same batches."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scratchcnn.display.blocks import Block, Group, Paragraph, Table, Title
from scratchcnn.display.displayed import Displayed
from scratchcnn.inspection.arguments import built_model, layer_index
from scratchcnn.inspection.optimizer.weight_history import OptimizerMicroscope, WeightHistory, table_rows
from scratchcnn.optimizers import Optimizer, get
from scratchcnn.sequential import Sequential

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, repr=False)
class OptimizerComparison(Displayed):
    """One weight trained with several optimizers; `print` it, or `plot` it.

    Attributes
    ----------
    histories : tuple of WeightHistory  one for each optimizer, in the given order
    losses : tuple of float  mean loss over the last epoch of each
    """

    histories: tuple[WeightHistory, ...]
    losses: tuple[float, ...]

    @property
    def labels(self) -> list[str]:
        """Names of the optimizers; of several of the same class, with the settings in which they differ."""
        labels = []
        for history in self.histories:
            others = [other for other in self.histories if other.optimizer == history.optimizer]
            differing = [
                f"{name}={value if isinstance(value, int | float) else type(value).__name__}"
                for name, value in history.settings.items()
                if any(other.settings.get(name) != value for other in others)
            ]  # fmt: skip
            labels.append(f"{history.optimizer}({', '.join(differing)})" if differing else history.optimizer)
        return labels

    def blocks(self) -> list[Block]:
        """Return the title, the table of steps, and a summary of each optimizer."""
        names, first = self.labels, self.histories[0]
        heads, columns, summaries = ["step"], [(first.steps, "d")], []
        for name, history, loss in zip(names, self.histories, self.losses, strict=True):
            heads += [f"{name}: gradient", "update", "weight after"]
            columns += [(history.gradients, ".4e"), (history.changes, ".4e"), (history.after, ".9g")]
            summaries.append(Paragraph(_summary(history, loss), first=f"{name}: "))
        listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
        title = f"{first.name}, trained with {listed}: same initial weights, batches and dropout."
        return [Title(title), Table(heads, table_rows(columns), left=()), Group(*summaries)]

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw weight, gradient, optimizer state and updates, one line per optimizer; save to `to_file` if given."""
        from scratchcnn.inspection.optimizer.figure import plot_weight

        return plot_weight([*zip(self.labels, self.histories, strict=True)], to_file)


def _summary(history: WeightHistory, loss: float) -> str:
    updates, gradients = abs(history.changes), abs(history.gradients.astype(np.float64))
    return (
        f"updates of magnitude {updates.min():.2g} to {updates.max():.2g}, from gradients of {gradients.min():.2g} to "
        f"{gradients.max():.2g}. The updates sum to {updates.sum():.3g} in magnitude; the final weight is "
        f"{abs(float(history.after[-1]) - float(history.before[0])):.3g} from its initial value. Loss of the last "
        f"epoch: {loss:.4f}."
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
    """Train a copy of a model, and record one weight in every step.

    To follow a weight of the model itself, pass an `OptimizerMicroscope` to its `fit`.

    Parameters
    ----------
    model : Sequential
        Built and compiled; it is not changed.
    x, y, batch_size, epochs
        As for `fit`.
    layer, parameter, position
        As for `OptimizerMicroscope`.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As `OptimizerMicroscope` and `fit`.

    Examples
    --------
    >>> from scratchcnn.layers import Dense
    >>> model = Sequential([Dense(2, activation="softmax", kernel_initializer="zeros", input_shape=(1,))], seed=0)
    >>> model.compile("sgd")  # learning rate 0.01; the probabilities are 1/2, so the gradient is 1/2
    >>> float(watch_weight(model, [[1.0]], [1], "dense", "kernel", (0, 0)).after[-1])
    -0.004999999888241291
    """
    optimizers = [built_model(model, "watching a weight").optimizer]
    return compare_optimizers(model, x, y, layer, parameter, position, optimizers, batch_size, epochs).histories[0]


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
    """Train copies of a model with different optimizers, and record one weight of each.

    All start with the model's current weights, and get the same batches in the same order and the same dropout masks.

    Parameters
    ----------
    model, x, y, layer, parameter, position, batch_size, epochs
        As for `watch_weight`.
    optimizers : sequence of str or Optimizer, default ('adam', 'sgd')
        As for `compile`.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As for `watch_weight`; or there are no optimizers.
    """
    built_model(model, "comparing optimizers").expect_compiled("comparing optimizers")
    if isinstance(optimizers, str) or not isinstance(optimizers, Sequence) or not optimizers:
        raise ValueError(
            f"Expected optimizers as a list, for example ['adam', 'sgd'], received {optimizers!r}; name at least one."
        )
    copies = [model.clone(optimizer=get(optimizer)) for optimizer in optimizers]
    microscopes = [OptimizerMicroscope(each, layer_index(model, layer), parameter, position) for each in copies]
    losses = []
    for each, microscope in zip(copies, microscopes, strict=True):
        history = each.fit(x, y, batch_size, epochs, verbose=0, callbacks=microscope)
        losses.append(float(history.history["loss"][-1]))
    return OptimizerComparison(tuple(microscope.result for microscope in microscopes), tuple(losses))
