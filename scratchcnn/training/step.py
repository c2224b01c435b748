"""One training step: forward pass, loss, backward pass, update. Training repeats this for every batch.

The passes change no layer. The step updates the parameters at its end, and with them the statistics of layers such as
BatchNormalization, so a loss that is not finite leaves everything unchanged.

The loss of a sample includes the penalties of the regularizers (`scratchcnn.regularizers`), which have no weights.

A stage is a layer, or several that are computed together (`scratchcnn.fusion`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from scratchcnn.fusion.plan import Plan
from scratchcnn.operands import Array
from scratchcnn.training.diagnosis import expect_finite
from scratchcnn.training.penalties import penalized, total_penalty, with_penalty_gradients
from scratchcnn.training.trainer import Trainer


class Passed(NamedTuple):
    """What the forward pass of one stage leaves behind: its output, and the cache for its backward pass."""

    output: Array
    cache: Any


def train_step(trainer: Trainer, x: Array, targets: Array, weights: Array | None = None) -> tuple[Array, Array]:
    """Perform one training step on a batch.

    Parameters
    ----------
    trainer : Trainer
        Its parameters, their statistics and the optimizer state are updated in place.
    x : (N, *input_shape)
    targets : (N, *output_shape)
    weights : (N,), optional
        Weight of each sample in the loss.

    Returns
    -------
    losses : (N,)
        Weighted loss of each sample plus the penalties, before the update.
    predictions : (N, *output_shape)

    Raises
    ------
    FloatingPointError
        The loss is not finite; the message names the first layer with a value that is not. Nothing was updated.
    """
    with trainer.workspace.active():
        outputs, passed = forward(trainer.plan, x, training=True, rng=trainer.dropout_rng)
        losses, predictions = trainer.loss.forward(outputs, targets, trainer.ops)
        regularized = penalized(trainer.layers)
        penalty = total_penalty(regularized, trainer.ops)
        expect_finite(losses + penalty, x, trainer.plan, [output for output, _ in passed])
        d_outputs = trainer.loss.backward(predictions, targets, trainer.ops)
        if weights is not None:  # the loss is a sum over samples, so each row of its gradient belongs to one sample
            losses, d_outputs = losses * weights, d_outputs * weights.reshape(-1, *[1] * (d_outputs.ndim - 1))
        statistics = next_statistics(trainer.plan, passed)
        parameters, gradients = trainer.parameters, backward(trainer.plan, passed, d_outputs)
        gradients = with_penalty_gradients(regularized, parameters, gradients, trainer.ops)
        trainer.optimizer_state = trainer.optimizer.step(parameters, gradients, trainer.optimizer_state, trainer.ops)
        for array, value in statistics:
            array[...] = value
    return losses + penalty, predictions


def forward(plan: Plan, x: Array, training: bool, rng: np.random.Generator | None) -> tuple[Array, list[Passed]]:
    """Pass a batch through the stages; return the output of the last one, and what each stage leaves behind."""
    passed = []
    for stage in plan.stages:
        x, cache = stage.forward(x, training, rng)
        passed.append(Passed(x, cache))
    return x, passed


def backward(plan: Plan, passed: list[Passed], dy: Array) -> list[Array]:
    """Backpropagate the gradient of the loss; return the gradient w.r.t. each trainable parameter, in layer order.

    The pass ends at the first stage with trainable parameters, since no gradient w.r.t. the images is required.
    `passed` is emptied on the way, so that its memory can be reused.
    """
    gradients: list[Array] = []
    dx: Array | None = dy  # gradient w.r.t. the output of the current stage
    for i in reversed(range(plan.first, len(plan.stages))):
        assert dx is not None
        stage = plan.stages[i]
        dx, of_layers = stage.backward(dx, passed.pop().cache, input_gradient=i > plan.first)
        of_layer = zip(stage.layers, of_layers, strict=True)
        gradients[:0] = [found[name] for layer, found in of_layer for name in layer.trainable_params]
    return gradients


def next_statistics(plan: Plan, passed: list[Passed]) -> list[tuple[Array, Array]]:
    """Return the statistics of all layers that are not frozen, each with its value after this step."""
    stages = zip(plan.stages, passed, strict=True)
    return [pair for stage, (_, cache) in stages for pair in stage.next_statistics(cache)]


def loss_and_gradients(trainer: Trainer, x: Array, targets: Array, training: bool) -> tuple[float, list[Array]]:
    """Return the mean loss of a batch plus the penalties, and its gradients, without an update."""
    outputs, passed = forward(trainer.plan, x, training, trainer.dropout_rng)
    losses, predictions = trainer.loss.forward(outputs, targets, trainer.ops)
    gradients = backward(trainer.plan, passed, trainer.loss.backward(predictions, targets, trainer.ops))
    regularized = penalized(trainer.layers)
    loss = float(losses.mean(dtype=np.float64)) + total_penalty(regularized, trainer.ops)
    return loss, with_penalty_gradients(regularized, trainer.parameters, gradients, trainer.ops)
