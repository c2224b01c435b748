"""Gradient flow: the size of gradients, weights and updates of every layer, throughout training."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scratchcnn.callbacks.base import Logs
from scratchcnn.display.blocks import Block, Group, Paragraph, Table
from scratchcnn.display.displayed import Displayed
from scratchcnn.inspection.optimizer.watching import Arrays, Step, Watcher
from scratchcnn.operands import Array
from scratchcnn.optimizers import State

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FAR = 1000.0  # ratio to the gradient of the last layer, or of the first step, that counts as vanishing or exploding
USUAL = 1e-3  # rule of thumb for the update-to-weight ratio
FACTOR = 10.0  # ratios from USUAL / FACTOR to USUAL * FACTOR count as usual
EXPLANATIONS = {
    "not finite": "the gradient contains NaN or infinity. Lower the learning rate, or scale the images to [0, 1].",
    "none": "the gradient is zero: a later layer passes none on. Look at dead_units(model, x).",
    "vanishes": f"the gradient is over {FAR:g} times smaller than that of the last layer, so the layer hardly learns. "
    "Larger initial weights (he_normal with ReLU) or fewer layers help.",
    "explodes": f"the gradient is over {FAR:g} times larger than that of the last layer, or than in the first step, so "
    "the updates overshoot. Smaller initial weights or a lower learning rate help.",
}
RULE = (
    f"Update-to-weight ratio: |update| / |weights| of one step. Rule of thumb: about {USUAL:g} (Karpathy, notes of "
    f'CS231n, "Neural Networks Part 3"); {USUAL / FACTOR:g} to {USUAL * FACTOR:g} is counted as usual here.'
)
EARLY = (
    "Early in training, larger ratios are normal with Adam: the first updates change every weight by about the "
    "learning rate, however small its gradient is, while the initial weights are small. If the loss is unsteady, the "
    "learning rate is too high."
)


@dataclass(frozen=True, eq=False, repr=False)
class GradientFlow(Displayed):
    """Result of a `GradientWatcher`; `print` it, `plot` it, or `plot_ratios`.

    A norm is the square root of the sum of squares over all parameters of a layer (kernel and bias together).

    Attributes
    ----------
    layers : tuple of str  those with trainable parameters, from first to last
    sizes : int64 (L,)  number of parameters of each
    steps : int64 (K,)  the observed steps, numbered from 1, as the optimizer counts
    gradient_norms, weight_norms, update_norms : float64 (K, L)  norms of the gradient, of the weights before the step,
        and of the update (weights after minus before)
    """

    layers: tuple[str, ...]
    sizes: Array
    steps: Array
    gradient_norms: Array
    weight_norms: Array
    update_norms: Array

    @property
    def root_mean_squares(self) -> Array:
        """Root mean square of each layer's gradient, which does not grow with its size: norm / sqrt(size), (K, L)."""
        return self.gradient_norms / np.sqrt(self.sizes)

    @property
    def ratios(self) -> Array:
        """Update-to-weight ratio, (K, L): norm of the update / norm of the weights; NaN where all weights are zero.

        As a rule of thumb about 1e-3: far below, training is slow; far above, it may be unstable (Karpathy, CS231n,
        notes "Neural Networks Part 3", section "Ratio of weights:updates"). Adam's first updates are larger: m_hat /
        sqrt(v_hat) is +1 or -1 for every weight in step 1, so the ratio is learning_rate / RMS(weights).
        """
        return self.update_norms / np.where(self.weight_norms > 0, self.weight_norms, np.nan)

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

    @property
    def median_ratios(self) -> list[float | None]:
        """Median update-to-weight ratio of each layer over the observed steps; None where it is never finite."""
        known = [column[np.isfinite(column)] for column in self.ratios.T]
        return [float(np.median(column)) if len(column) else None for column in known]

    def blocks(self) -> list[Block]:
        """Return an introduction, the table of layers, and conclusions."""
        if not len(self.steps):
            return [Paragraph("No steps yet; pass this callback to model.fit.")]
        intro = (
            f"Gradient flow over {len(self.steps)} steps, {self.steps[0]} to {self.steps[-1]}. |gradient|: norm in the "
            "first step, median, and norm in the last step. RMS: median root mean square of the gradient's elements. "
            "|weights|: norm before the last step. ratio: median of |update| / |weights|."
        )
        heads = ["layer", "parameters", "|gradient|", "median", "last", "RMS", "|weights|", "ratio", "gradient"]
        norms, typical = self.gradient_norms, np.median(self.root_mean_squares, axis=0)
        ratios = ["-" if ratio is None else f"{ratio:.1e}" for ratio in self.median_ratios]
        values = zip(norms[0], np.median(norms, axis=0), norms[-1], typical, self.weight_norms[-1], strict=True)
        columns = zip(self.layers, self.sizes, values, ratios, self.verdicts, strict=True)
        rows = [
            [name, f"{size:,}", *(f"{value:.2e}" for value in values), ratio, verdict]
            for name, size, values, ratio, verdict in columns
        ]
        conclusions = []
        for verdict, explanation in EXPLANATIONS.items():
            names = [name for name, found in zip(self.layers, self.verdicts, strict=True) if found == verdict]
            conclusions += [f"{', '.join(names)}: {explanation}"] if names else []
        conclusions = conclusions or ["Gradients reach every layer: none vanishes, none explodes."]
        texts = [*conclusions, self.about_ratios()]
        return [Paragraph(intro), Table(heads, rows, left=(0, 8)), Group(*map(Paragraph, texts))]

    def about_ratios(self) -> str:
        """Return the rule of thumb for update-to-weight ratios, and which layers are above or below it."""
        known = {name: ratio for name, ratio in zip(self.layers, self.median_ratios, strict=True) if ratio is not None}
        above = [f"{name} ({ratio:.1e})" for name, ratio in known.items() if ratio > USUAL * FACTOR]
        below = [f"{name} ({ratio:.1e})" for name, ratio in known.items() if 0 < ratio < USUAL / FACTOR]
        sentences = [RULE]
        if above:
            sentences += [f"Above it: {', '.join(above)}.", EARLY]
        if below:
            sentences += [f"Below it: {', '.join(below)}.", "If the loss hardly falls, the learning rate is too low."]
        if known and not above and not below:
            sentences.append("All layers are within it.")
        return " ".join(sentences)

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the root mean square of each layer's gradient over the steps; save to `to_file` if given."""
        from scratchcnn.inspection.optimizer.figure import plot_layers

        quantity = "root mean square of the gradient"
        return plot_layers(self, self.root_mean_squares, "Gradient flow", quantity, (), to_file)

    def plot_ratios(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the update-to-weight ratio of each layer over the steps; save to `to_file` if given."""
        from scratchcnn.inspection.optimizer.figure import plot_layers

        usual = USUAL / FACTOR, USUAL, USUAL * FACTOR
        return plot_layers(self, self.ratios, "Update-to-weight ratio", "|update| / |weights|", usual, to_file)


class GradientWatcher(Displayed, Watcher):
    """A callback that records the norms of gradients, weights and updates while `fit` trains.

        watcher = GradientWatcher()
        model.fit(x, y, callbacks=[watcher])
        print(watcher.result)

    Every step reads all parameters a few times.
    """

    def __init__(self) -> None:
        super().__init__()
        self._layers: list[tuple[str, int, int]] = []  # name, number of arrays, number of parameters
        self._numbers: list[int] = []
        self._rows: list[list[list[float]]] = []  # for each step, the norms of gradients, weights and updates

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Record the layers; a second `fit` of the same model continues the same record."""
        named = zip(self.model.leaf_names, self.model.leaf_layers, strict=True)
        trained = [(name, layer.trainable_weights) for name, layer in named]
        layers = [(name, len(arrays), sum(array.size for array in arrays)) for name, arrays in trained if arrays]
        if self._rows and layers != self._layers:
            raise ValueError("Expected the same model as before, received one of other layers; make a new watcher.")
        self._layers = layers
        super().on_train_begin(logs)

    def observe(self, step: Step, parameters: Arrays, gradients: Arrays, state: State) -> State:
        """Perform a step, and record the norms of gradients, weights and updates."""
        before = [parameter.copy() for parameter in parameters]
        norms = [self._norms(gradients), self._norms(parameters)]
        state = step()
        updates = [np.subtract(new, old, out=old) for new, old in zip(parameters, before, strict=True)]
        self._rows.append([*norms, self._norms(updates)])
        self._numbers.append(state.iterations)
        return state

    def _norms(self, arrays: Arrays) -> list[float]:
        """Return the norm over all arrays of each layer, summed in float64."""
        squares = iter([float(np.einsum("i,i", flat, flat, dtype=np.float64)) for flat in map(np.ravel, arrays)])
        return [sum(next(squares) for _ in range(count)) ** 0.5 for _, count, _ in self._layers]

    @property
    def result(self) -> GradientFlow:
        """The record so far."""
        norms = np.array(self._rows, np.float64).reshape(len(self._rows), 3, len(self._layers))
        names, sizes = tuple(name for name, _, _ in self._layers), np.array([size for _, _, size in self._layers])
        return GradientFlow(names, sizes, np.array(self._numbers, np.int64), *norms.transpose(1, 0, 2))

    def blocks(self) -> list[Block]:
        """Return those of the result."""
        return self.result.blocks()
