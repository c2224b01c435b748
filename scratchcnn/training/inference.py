"""Inference: evaluate and predict, with dropout off; and the running means that every pass reports."""

from __future__ import annotations

import math
from contextlib import closing, nullcontext
from typing import Any

import numpy as np

from scratchcnn.fusion.plan import Plan
from scratchcnn.kernels.runtime.dry_run import compiled_together
from scratchcnn.kernels.runtime.threads import threads_for
from scratchcnn.kernels.runtime.workspace import Workspace
from scratchcnn.operands import Array
from scratchcnn.training.data import Samples
from scratchcnn.training.dry_run import dry_run_of_prediction
from scratchcnn.training.model import Callbacks, Model
from scratchcnn.training.penalties import penalized, total_penalty
from scratchcnn.training.position import Position
from scratchcnn.training.progress import Progress
from scratchcnn.training.sources import ImageSource, Source
from scratchcnn.training.trainer import Trainer
from scratchcnn.training.warning import warn

Values = dict[str, float]
Result = Any  # a float, a list of floats or a dict of floats: it depends on the metrics and on return_dict


def evaluate(trainer: Trainer, source: Source, progress: Progress, callbacks: Callbacks) -> Values:
    """Return loss and metrics over the batches of a data set, as means over the samples.

    The losses are summed with exact rounding (`math.fsum`), so the result does not depend on the batch size.
    """
    losses: list[float] = []
    means = RunningMeans(trainer)
    callbacks.call("on_test_begin", {})
    for number, batch in enumerate(source.batches(trainer.shuffle_rng)):
        callbacks.call("on_test_batch_begin", number, {})
        values = evaluate_batch(trainer, batch, means, losses)
        progress.step(values)
        callbacks.call("on_test_batch_end", number, values)
    values = means.values | {"loss": math.fsum(losses) / len(losses) if losses else math.nan}
    callbacks.call("on_test_end", values)
    return values


def evaluate_batch(trainer: Trainer, batch: Samples, means: RunningMeans, losses: list[float]) -> Values:
    """Add a batch to the means, and the loss of each sample to `losses`; return the means so far."""
    x, targets = trainer.encoded(batch)
    with trainer.workspace.active():
        outputs = predict_batch(trainer.plan, x)
    of_samples, predictions = trainer.loss.forward(outputs, targets, trainer.ops)
    if batch.weights is not None:
        of_samples = of_samples * batch.weights
    of_samples = of_samples + total_penalty(penalized(trainer.layers), trainer.ops)
    losses += of_samples.tolist()
    return means.add(of_samples, targets, predictions)


def evaluation(model: Model, source: Source, verbose: int, callbacks: Callbacks) -> Values:
    """Evaluate a model on a data set, with progress and callbacks; documented at `Sequential.evaluate`."""
    callbacks.begin(model, {"verbose": verbose, "epochs": 1, "steps": source.steps})
    with closing(Progress(source.steps, verbose)) as progress:
        values = evaluate(model.trainer, source, progress, callbacks)
        _expect_batches(progress.done, source.steps)
        progress.end(values)
    return values


def prediction(model: Model, source: ImageSource, verbose: int, callbacks: Callbacks) -> Array:
    """Return the outputs of a model, with progress and callbacks; documented at `Sequential.predict`."""
    plan, outputs = model.plan, []
    callbacks.begin(model, {"verbose": verbose, "epochs": 1, "steps": source.steps})
    callbacks.call("on_predict_begin", {})
    reused = nullcontext() if source.steps == 1 else Workspace().active()
    with closing(Progress(source.steps, verbose)) as progress, reused:
        for number, images in enumerate(source.batches()):
            callbacks.call("on_predict_batch_begin", number, {})
            outputs.append(predict_batch(plan, images).copy())  # the workspace is used again for the next batch
            progress.step({})
            callbacks.call("on_predict_batch_end", number, {"outputs": outputs[-1]})
        _expect_batches(progress.done, source.steps)
        progress.end({})
    callbacks.call("on_predict_end", {})
    return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)


def _expect_batches(count: int, steps: int | None) -> None:
    """Raise ValueError if there was no batch; warn if there were fewer than expected."""
    if not count:
        raise ValueError("Expected at least one batch, received data that yielded none; make a new iterator.")
    if steps is not None and count < steps:
        warn(f"Expected {steps} batches, received {count}: the data ran out; reduce steps, or provide more batches.")


def predict_batch(plan: Plan, x: Array) -> Array:
    """Return the output of the last stage for one batch; no caches are kept for a backward pass."""
    with threads_for(plan.multiply_adds * len(x)), compiled_together(dry_run_of_prediction(plan, x)):
        for stage in plan.stages:
            x = stage.forward(x, training=False, rng=None)[0]
    return x


class RunningMeans:
    """Means of loss and metrics over the samples of an epoch so far, while the parameters are being updated.

    The sums are those of the position in the epoch, if one is given.
    """

    def __init__(self, trainer: Trainer, position: Position | None = None) -> None:
        self.metrics = trainer.metrics
        self.count = 0 if position is None else position.count
        self.sums = {} if position is None else position.sums
        for name in ("loss", *(metric.name for metric in self.metrics)):
            self.sums.setdefault(name, 0.0)

    def add(self, losses: Array, targets: Array, predictions: Array) -> Values:
        """Add one batch; return the means."""
        self.count += len(losses)
        self.sums["loss"] += float(losses.sum(dtype=np.float64))
        for metric in self.metrics:
            self.sums[metric.name] += float(metric.of_samples(targets, predictions).sum(dtype=np.float64))
        return self.values

    @property
    def values(self) -> Values:
        """The means over all samples added so far; NaN if there are none."""
        return {name: total / self.count if self.count else math.nan for name, total in self.sums.items()}


def as_keras(values: Values, return_dict: bool) -> Result:
    """Return the values as a list, or the loss alone if there are no metrics; with return_dict, by their names."""
    if return_dict:
        return values
    listed = list(values.values())
    return listed if len(listed) > 1 else listed[0]
