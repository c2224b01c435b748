"""A short training run, recorded for comparison with another: outputs, loss, gradients and weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from scratchcnn.fusion.plan import Plan
from scratchcnn.inspection.shaking import PerturbedLoss, perturbed_plan, perturbed_rates, shake
from scratchcnn.inspection.watching import Handed, Watcher, watch_next_step
from scratchcnn.layers import Dropout, Layer
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import Samples, as_input
from scratchcnn.training.step import forward, train_step
from scratchcnn.training.trainer import Trainer


class Place(NamedTuple):
    """The place of an array in a run.

    Attributes
    ----------
    stage : {'output', 'loss', 'gradient', 'weights'}
        In the order in which a run computes them: outputs, loss and gradients of the first batch, weights after steps.
    step : int
        0 before the first step; n after step n.
    layer, parameter : str
        Empty where there is none.
    """

    stage: str
    step: int
    layer: str = ""
    parameter: str = ""


class Kept(NamedTuple):
    """The values of a run; gradients and weights are those of the trainable parameters, in layer order."""

    outputs: list[Array]
    loss: float
    gradients: list[Array]
    weights: list[list[Array]]  # after each step

    def arrays(self, layers: Sequence[Layer]) -> Iterator[tuple[Place, Array]]:
        """Yield every array with its place, in the order of computation: gradients from the last layer to the first."""
        named = [(str(layer.name), name) for layer in layers if layer.trainable for name in layer.params]
        for layer, output in zip(layers, self.outputs, strict=True):
            yield Place("output", 0, str(layer.name)), output
        yield Place("loss", 0), np.array([self.loss])
        for (layer_name, name), gradient in reversed(list(zip(named, self.gradients, strict=True))):
            yield Place("gradient", 0, layer_name, name), gradient
        for number, weights in enumerate(self.weights, 1):
            for (layer_name, name), array in zip(named, weights, strict=True):
                yield Place("weights", number, layer_name, name), array


class _Gradients(Watcher):
    """Keeps copies of the gradients of one step."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Array] = []

    def before_step(self, handed: Handed) -> None:
        self.found = [gradient.copy() for gradient in handed.gradients]


def our_run(model: Sequential, batches: Sequence[Samples]) -> Kept:
    """Train a copy of a model by the steps of `fit`, without dropout and with a new optimizer state."""
    clone = without_dropout(model.clone())
    return _run(clone.trainer, Plan(clone.layers, clone.engine, fuse=False), batches)


def perturbed_run(model: Sequential, batches: Sequence[Samples], rng: np.random.Generator) -> Kept:
    """Train as `our_run` does, with every operand perturbed by about as much as rounding changes it; see `shaking`."""
    clone = without_dropout(model.clone())
    trainer = clone.trainer
    trainer.plan = perturbed_plan(trainer.plan, rng)
    trainer.loss = PerturbedLoss(trainer.loss, rng)
    trainer.optimizer = perturbed_rates(trainer.optimizer, trainer.dtype, rng)
    return _run(trainer, perturbed_plan(clone.plan, rng), batches, rng)


def without_dropout(clone: Sequential) -> Sequential:
    """Set the rate of every Dropout of a clone to 0, and return the clone."""
    for layer in clone.layers:
        if isinstance(layer, Dropout):
            layer.rate = 0.0
    return clone


def _run(trainer: Trainer, plan: Plan, batches: Sequence[Samples], rng: np.random.Generator | None = None) -> Kept:
    outputs = layer_outputs(plan, as_input(batches[0].x, trainer.dtype))
    watcher, loss, weights = _Gradients(), np.nan, []
    watch_next_step(trainer, watcher)
    for number, batch in enumerate(batches):
        targets = trainer.loss.encode(batch.y, trainer.output_shape, trainer.dtype)
        losses, _ = train_step(trainer, as_input(batch.x, trainer.dtype), targets)
        if not number:
            loss = float(losses.mean(dtype=np.float64))
        if rng is not None:
            for array in trainer.parameters:
                array[...] = shake(array, 1, rng)
        weights.append([array.copy() for array in trainer.parameters])
    return Kept(outputs, loss, watcher.found, weights)


def layer_outputs(plan: Plan, x: Array) -> list[Array]:
    """Return the output of each layer for a batch, without dropout; the plan has no fused stages."""
    return [output for output, _ in forward(plan, x, training=False, rng=None)[1]]
