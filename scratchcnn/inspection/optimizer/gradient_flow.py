"""Gradient flow: how large the gradients, the weights and the steps of every layer are, all through training."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scratchcnn.callbacks.base import Logs
from scratchcnn.inspection.optimizer.gradient_flow_data import GradientFlowData
from scratchcnn.inspection.text.layout import wrap
from scratchcnn.inspection.watching import Handed, Watcher
from scratchcnn.operands import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FAR = 1000.0  # times smaller or larger than that of the last layer, or than at the start: vanishes, explodes
USUAL = 1e-3  # of the weights in one step
AROUND = 10.0  # times: still usual


@dataclass(frozen=True, eq=False)
class GradientFlow(GradientFlowData):
    """What a `GradientWatcher` saw; `print` it, `plot` it, or `plot_ratios`.

    A norm is the root of the sum of squares over all parameters of a layer (kernel and bias together).

    Attributes
    ----------
    layers : tuple of str
        Those with trainable parameters, from first to last.
    sizes : int64 (L,)
        How many numbers their parameters have.
    steps : int64 (K,)
        Numbers of the steps that were looked at, from 1, as the optimizer counts.
    gradient_norms, weight_norms, update_norms : float64 (K, L)
        Of the gradient handed to the optimizer, of the weights before the step, and of what the step changed.
    """

    @property
    def verdicts(self) -> tuple[str, ...]:
        """For each layer: 'flows', 'none', 'vanishes', 'explodes' or 'not finite'.

        The size of a gradient is the median over training of its root mean square. It 'vanishes' where it is 1000 times
        smaller than that of the last layer (Bengio, Simard & Frasconi 1994, "Learning long-term dependencies with
        gradient descent is difficult"; Glorot & Bengio 2010, section 4.2), 'explodes' where it is 1000 times larger, or
        where the largest is 1000 times that of the first step (Pascanu, Mikolov & Bengio 2013, arXiv 1211.5063).
        """
        return tuple(self._verdict(place) for place in range(len(self.layers)))

    def _verdict(self, place: int) -> str:
        sizes = self.root_mean_squares[:, place]
        if not np.isfinite(sizes).all():
            return "not finite"
        if not sizes.any():
            return "none"
        last, own = np.median(self.root_mean_squares[:, -1]), np.median(sizes)
        if own > FAR * last > 0 or sizes.max() > FAR * sizes[0] > 0:
            return "explodes"
        return "vanishes" if own * FAR < last else "flows"

    def __str__(self) -> str:
        if not len(self.steps):
            return "No steps yet; give this callback to model.fit."
        width = max(12, *map(len, self.layers))
        head = (
            f"{'layer':<{width}}{'parameters':>12}{'|gradient|':>12}{'median':>11}{'last':>11}{'one number':>12}"
            f"{'|weights|':>11}{'step/weights':>14}  gradient"
        )
        lines = [
            f"Gradient flow over {len(self.steps)} steps, {self.steps[0]} to {self.steps[-1]}. Norms of each gradient: "
            "first, median, last; one number: median size",
            "(root mean square) of one number of it; weights: norm at the end; step/weights: median share that a step "
            "changes.",
            "",
            head,
            "-" * len(head),
        ]
        for place, (name, verdict) in enumerate(zip(self.layers, self.verdicts, strict=True)):
            norms, ratios = self.gradient_norms[:, place], self.ratios[:, place]
            known = ratios[np.isfinite(ratios)]
            ratio = f"{np.median(known):>14.1e}" if len(known) else f"{'':>14}"
            lines.append(
                f"{name:<{width}}{self.sizes[place]:>12,}{norms[0]:>12.2e}{np.median(norms):>11.2e}{norms[-1]:>11.2e}"
                f"{np.median(self.root_mean_squares[:, place]):>12.2e}{self.weight_norms[-1, place]:>11.2e}{ratio}"
                f"  {verdict}"
            )
        return "\n".join([*lines, "", *self._story()])

    def _story(self) -> list[str]:
        verdicts = dict(zip(self.layers, self.verdicts, strict=True))
        told = {
            "not finite": "holds NaN or infinity: lower the learning rate, scale the images to [0, 1].",
            "none": "gets no gradient at all: some layer after it lets nothing through; look at dead_units(model, x).",
            "vanishes": "gets a gradient over 1000 times smaller than the last layer's: it hardly learns. Larger first "
            "weights (he_normal under ReLU) or fewer layers help.",
            "explodes": "gets a gradient over 1000 times larger than the last layer's, or than at the start: its steps "
            "overshoot. Smaller first weights or a lower learning rate help.",
        }
        lines = []
        for verdict, what in told.items():
            names = [name for name, found in verdicts.items() if found == verdict]
            if names:
                lines += wrap(f"{', '.join(names)}: {what}")
        return [*(lines or ["Every layer gets its gradient: none vanishes, none explodes."]), *self._of_ratios()]

    def _of_ratios(self) -> list[str]:
        middles = [float(np.median(known)) if len(known := column[np.isfinite(column)]) else 0.0
                   for column in self.ratios.T]  # fmt: skip
        pairs = list(zip(self.layers, middles, strict=True))
        many = [name for name, middle in pairs if middle > USUAL * AROUND]
        few = [name for name, middle in pairs if 0 < middle < USUAL / AROUND]
        told_of = (
            (many, "much more", "the loss is unsteady, the learning rate is too high"),
            (few, "much less", "the loss hardly falls, the learning rate is too low"),
        )
        lines = []
        for names, word, sign in told_of:
            if names:
                told = f"{', '.join(names)}: a step changes {word} of the weights than the usual {USUAL:g}. If {sign}."
                lines += wrap(told)
        return lines or [f"A step changes about {USUAL:g} of each layer's weights (within ten times): as usual."]

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the size of each layer's gradient over the steps, on a logarithmic scale.

        Parameters
        ----------
        to_file : path, optional
            A picture file to write.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from scratchcnn.inspection.optimizer.gradient_flow_figure import plot_gradient_flow

        return plot_gradient_flow(self, to_file)

    def plot_ratios(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw what share of its weights each step changes, layer by layer; arguments as for `plot`."""
        from scratchcnn.inspection.optimizer.gradient_flow_figure import plot_update_ratios

        return plot_update_ratios(self, to_file)


class GradientWatcher(Watcher):
    """A callback that takes the norms of gradients, weights and steps while `fit` trains.

        watcher = GradientWatcher()
        model.fit(x, y, callbacks=[watcher])
        print(watcher.result)

    Parameters
    ----------
    every : int, default 1
        Look at every so many steps only; each look reads all parameters a few times.
    """

    def __init__(self, every: int = 1) -> None:
        super().__init__(every)
        self._layers: list[tuple[str, int]] = []  # names and how many parameters each has
        self._numbers: list[int] = []
        self._rows: list[tuple[list[float], list[float], list[float]]] = []
        self._before: list[Array] = []
        self._seen: tuple[list[float], list[float]] = ([], [])
        self._sizes: list[int] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Note the layers; a second `fit` of the same model goes on with the same notes."""
        trained = [layer for layer in self.model.layers if layer.params and layer.trainable]
        layers = [(str(layer.name), len(layer.params)) for layer in trained]
        if self._rows and layers != self._layers:
            raise ValueError("Expected to go on with the same model, received one of other layers; make a new watcher.")
        self._layers = layers
        self._sizes = [layer.parameter_count for layer in trained]
        super().on_train_begin(logs)

    def before_step(self, handed: Handed) -> None:
        """Take the norms of gradients and weights."""
        self._before = [parameter.copy() for parameter in handed.parameters]
        self._seen = self._norms(handed.gradients), self._norms(handed.parameters)

    def after_step(self, handed: Handed) -> None:
        """Take the norms of what the step changed."""
        for before, after in zip(self._before, handed.parameters, strict=True):
            np.subtract(after, before, out=before)
        self._rows.append((*self._seen, self._norms(self._before)))
        self._numbers.append(handed.state.iterations)
        self._before = []

    def _norms(self, arrays: Sequence[Array]) -> list[float]:
        """Of all arrays of one layer together, summed in float64."""
        squares = iter([float(np.einsum("i,i", flat, flat, dtype=np.float64)) for flat in map(np.ravel, arrays)])
        return [sum(next(squares) for _ in range(count)) ** 0.5 for _, count in self._layers]

    @property
    def result(self) -> GradientFlow:
        """What was seen so far."""
        table = np.array(self._rows, np.float64).reshape(len(self._rows), 3, len(self._layers))
        return GradientFlow(
            tuple(name for name, _ in self._layers), np.array(self._sizes), np.array(self._numbers, np.int64),
            table[:, 0], table[:, 1], table[:, 2],
        )  # fmt: skip

    def __str__(self) -> str:
        return str(self.result)
