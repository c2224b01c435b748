"""A short training run, recorded for a comparison: outputs, loss and gradients of the first batch, and all weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from scratchcnn.fusion.plan import Plan
from scratchcnn.inspection.keras.perturbation import perturbed, perturbed_plan, perturbed_rates
from scratchcnn.inspection.runs import layer_outputs, without_dropout
from scratchcnn.layers import Layer
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import Samples, as_input
from scratchcnn.training.step import loss_and_gradients, train_step


class Place(NamedTuple):
    """Identifies an array of a run.

    Attributes
    ----------
    stage : {'output', 'loss', 'gradient', 'weights'}
        Outputs, loss and gradients of the first batch; weights after a step.
    step : int
        0 before the first step; n after step n.
    layer, parameter : str
        Empty if not applicable.
    """

    stage: str
    step: int
    layer: str = ""
    parameter: str = ""

    @property
    def name(self) -> str:
        """Layer and parameter, for example 'dense/kernel'; empty for the loss."""
        return "/".join(part for part in (self.layer, self.parameter) if part)

    def __str__(self) -> str:
        return {
            "output": f"the output of {self.name}",
            "loss": "the loss of the first batch",
            "gradient": f"the gradient of {self.name}",
            "weights": f"{self.name} after step {self.step}",
        }[self.stage]


class Run(NamedTuple):
    """The recorded arrays; gradients and weights are those of the trainable parameters, in layer order."""

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
        for names, gradient in reversed(list(zip(named, self.gradients, strict=True))):
            yield Place("gradient", 0, *names), gradient
        for step, weights in enumerate(self.weights, 1):
            for names, array in zip(named, weights, strict=True):
                yield Place("weights", step, *names), array


def train(model: Sequential, batches: Sequence[Samples], rng: np.random.Generator | None = None) -> Run:
    """Train a copy of a model, one step per batch, without dropout and with a new optimizer state.

    Parameters
    ----------
    model : Sequential
    batches : sequence of Samples
    rng : numpy.random.Generator, optional
        If given, every result is perturbed by about its rounding error; see `perturbation`.
    """
    clone = without_dropout(model.clone())
    trainer, plan = clone.trainer, Plan(clone.layers, clone.engine, fuse=False)
    if rng is not None:
        logits = getattr(trainer.loss, "from_logits", False)
        plan, trainer.plan = perturbed_plan(plan, rng), perturbed_plan(trainer.plan, rng, logits)
        trainer.optimizer = perturbed_rates(trainer.optimizer, trainer.dtype, rng)
    encoded = [
        (as_input(batch.x, trainer.dtype), trainer.loss.encode(batch.y, trainer.output_shape, trainer.dtype))
        for batch in batches
    ]
    outputs = layer_outputs(plan, encoded[0][0])
    loss, gradients = loss_and_gradients(trainer, *encoded[0], training=True)
    if rng is not None:  # the mean over the batch is a sum, too
        terms = len(batches[0].x)
        loss = float(perturbed(np.array(loss, trainer.dtype), rng, (1 + terms**0.5) / 2 * loss))
    weights = []
    for x, targets in encoded:
        train_step(trainer, x, targets)
        if rng is not None:
            for array in trainer.parameters:
                array[...] = perturbed(array, rng)
        weights.append([array.copy() for array in trainer.parameters])
    return Run(outputs, loss, gradients, weights)
