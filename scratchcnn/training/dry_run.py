"""Dry runs of a training step and of a prediction, by which their kernels are compiled together before the first one.

A dry run calls the methods that the computation calls, on arrays of zeros, while kernels do not run. Layers, losses and
optimizers of a user's own are left out: they may do anything.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from scratchcnn.fusion.plan import Plan
from scratchcnn.fusion.stage import Stage
from scratchcnn.kernels.runtime.dry_run import DryRun
from scratchcnn.operands import Array, Shape
from scratchcnn.training.penalties import penalized, total_penalty, with_penalty_gradients
from scratchcnn.training.progress import of_compilation
from scratchcnn.training.trainer import Trainer

DType = np.dtype[np.generic]


def dry_run_of_step(trainer: Trainer, x: Array) -> DryRun:
    """Return the dry run of `train_step` for a batch like x."""
    return DryRun(partial(_step, trainer, x.shape, x.dtype), of_compilation)


def dry_run_of_prediction(plan: Plan, x: Array) -> DryRun:
    """Return the dry run of `predict_batch` for a batch like x."""
    return DryRun(partial(_predict, plan, x.shape, x.dtype), of_compilation)


def _predict(plan: Plan, shape: Shape, dtype: DType) -> None:
    x = np.zeros(shape, dtype)
    for stage in plan.stages:
        if _is_own(*stage.layers):
            x = np.zeros_like(stage.forward(x, training=False, rng=None)[0])
        else:
            x = _zeros_after(stage, x)


def _step(trainer: Trainer, shape: Shape, dtype: DType) -> None:
    plan, x, rng = trainer.plan, np.zeros(shape, dtype), np.random.default_rng(0)
    for i, stage in enumerate(plan.stages):
        if _is_own(*stage.layers):
            y, cache = stage.forward(x, training=True, rng=rng)
            x = np.zeros_like(y)
            if i >= plan.first:
                stage.backward(x, cache, input_gradient=i > plan.first)
        else:
            x = _zeros_after(stage, x)
    if _is_own(trainer.loss):
        _, predictions = trainer.loss.forward(x, x, trainer.ops)
        trainer.loss.backward(predictions, x, trainer.ops)
    parameters = trainer.parameters
    gradients = [np.zeros_like(parameter) for parameter in parameters]
    regularized = [each for each in penalized(trainer.layers) if _is_own(each.regularizer)]
    total_penalty(regularized, trainer.ops)
    gradients = with_penalty_gradients(regularized, parameters, gradients, trainer.ops)
    if _is_own(trainer.optimizer):
        copies, optimizer = [np.zeros_like(parameter) for parameter in parameters], trainer.optimizer
        # The method of its class: a callback may have replaced that of the instance, to observe the real step.
        type(optimizer).step(optimizer, copies, gradients, optimizer.start(copies), trainer.ops)


def _is_own(*things: object) -> bool:
    """Whether all of these are of classes of this package."""
    return all(type(thing).__module__.startswith("scratchcnn.") for thing in things)


def _zeros_after(stage: Stage, x: Array) -> Array:
    """Zeros of the shape of a stage's output for x."""
    shape = stage.layers[-1].output_shape
    assert shape is not None
    return np.zeros((len(x), *shape), x.dtype)
