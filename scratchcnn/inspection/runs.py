"""A short training run with everything kept that two runs can be compared by: outputs, gradients, weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from scratchcnn.inspection.copies import copy_of
from scratchcnn.inspection.shaking import Shaken, ShakenLoss, shake, shaken_rates
from scratchcnn.inspection.watching import Handed, Watcher, watch_next_step
from scratchcnn.layers import Layer
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import Samples, as_input
from scratchcnn.training.step import Trainer, run, train_step


class Place(NamedTuple):
    """Where in a run an array belongs.

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
    """What a run left behind, in the order in which it was computed; gradients from the last layer to the first."""

    outputs: list[Array]
    loss: float
    gradients: list[Array]
    weights: list[list[Array]]  # after each step

    def arrays(self, layers: Sequence[Layer]) -> Iterator[tuple[Place, Array]]:
        """Every array with its place."""
        named = [(str(layer.name), name) for layer in layers for name in layer.params]
        for layer, output in zip(layers, self.outputs, strict=True):
            yield Place("output", 0, str(layer.name)), output
        yield Place("loss", 0), np.array([self.loss])
        for (layer_name, name), gradient in reversed(list(zip(named, self.gradients, strict=True))):
            yield Place("gradient", 0, layer_name, name), gradient
        for number, weights in enumerate(self.weights, 1):
            for (layer_name, name), array in zip(named, weights, strict=True):
                yield Place("weights", number, layer_name, name), array


class _Gradients(Watcher):
    """Keeps the gradients of one step."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Array] = []

    def before_step(self, handed: Handed) -> None:
        self.found = [gradient.copy() for gradient in handed.gradients]


def our_run(model: Sequential, batches: Sequence[Samples]) -> Kept:
    """Train a copy of a model by `fit`'s own steps, dropout off, its optimizer begun anew."""
    twin = copy_of(model, dropout=False)
    return _run(twin._ready_trainer(), twin.layers, batches)


def shaken_run(model: Sequential, batches: Sequence[Samples], rng: np.random.Generator) -> Kept:
    """The same with every operand changed by about what rounding may change; see `shaking`."""
    twin = copy_of(model, dropout=False)
    trainer = twin._ready_trainer()
    trainer.layers = [Shaken(layer, rng) for layer in trainer.layers]
    trainer.loss = ShakenLoss(trainer.loss, rng)
    trainer.optimizer = shaken_rates(trainer.optimizer, trainer.dtype, rng)
    return _run(trainer, [Shaken(layer, rng) for layer in twin.layers], batches, rng)


def _run(
    trainer: Trainer, layers: Sequence[Layer], batches: Sequence[Samples], rng: np.random.Generator | None = None
) -> Kept:
    outputs = layer_outputs(layers, as_input(batches[0].x, trainer.dtype), trainer.ops)
    eye, loss, weights = _Gradients(), np.nan, []
    watch_next_step(trainer, eye)
    for number, batch in enumerate(batches):
        targets = trainer.loss.encode(batch.y, trainer.classes, trainer.dtype)
        losses, _ = train_step(trainer, as_input(batch.x, trainer.dtype), targets)
        if not number:
            loss = float(losses.mean(dtype=np.float64))
        if rng is not None:
            for array in trainer.parameters:
                array[...] = shake(array, 1, rng)
        weights.append([array.copy() for array in trainer.parameters])
    return Kept(outputs, loss, eye.found, weights)


def layer_outputs(layers: Sequence[Layer], x: Array, ops: Operations) -> list[Array]:
    """What each layer makes of a batch, dropout off: the model's own pass.

    Where that pass joins convolutions with the pooling after them, each convolution is asked once more by itself.
    """
    outputs = []
    for layer, (output, _) in zip(layers, run(layers, x, ops, training=False, rng=None), strict=True):
        x = layer.forward(x, ops, training=False, rng=None)[0] if output is None else output
        outputs.append(x)
    return outputs
