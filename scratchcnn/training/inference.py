"""Inference: evaluate and predict, with dropout off; and the running means that every pass reports."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from scratchcnn.fusion.plan import Plan
from scratchcnn.kernels.runtime.workspace import Workspace
from scratchcnn.layers import Layer
from scratchcnn.operands import Array, Shape
from scratchcnn.training.data import Samples, as_input
from scratchcnn.training.position import Position
from scratchcnn.training.progress import Progress
from scratchcnn.training.trainer import Trainer

Values = dict[str, float]


def evaluate(trainer: Trainer, batches: Iterable[Samples], progress: Progress) -> Values:
    """Return loss and metrics over the batches of a data set, as means over the samples.

    The losses are summed with exact rounding (`math.fsum`), so the result does not depend on the batch size.
    """
    losses: list[float] = []
    means = RunningMeans(trainer)
    for batch in batches:
        x, targets = trainer.encoded(batch)
        with trainer.workspace.active():
            outputs = predict_batch(trainer.plan, x)
        of_samples, predictions = trainer.loss.forward(outputs, targets, trainer.ops)
        if batch.weights is not None:
            of_samples = of_samples * batch.weights
        losses += of_samples.tolist()
        progress.step(means.add(of_samples, targets, predictions))
    return means.values | {"loss": math.fsum(losses) / len(losses) if losses else math.nan}


def predict(plan: Plan, x: Array, dtype: np.dtype[np.floating], batch_size: int, progress: Progress) -> Array:
    """Return the outputs of the last layer for all images."""
    shape = plan.layers[-1].output_shape
    assert shape is not None
    y = np.empty((len(x), *shape), dtype)
    with Workspace().active():
        for start in range(0, len(x), batch_size):
            rows = slice(start, start + batch_size)
            y[rows] = predict_batch(plan, as_input(x[rows], dtype))
            progress.step({})
    return y


def predict_batch(plan: Plan, x: Array) -> Array:
    """Return the output of the last stage for one batch; no caches are kept for a backward pass."""
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
            self.sums[metric.name] += float(metric.of_samples(targets, predictions).sum())
        return self.values

    @property
    def values(self) -> Values:
        """The means over all samples added so far; NaN if there are none."""
        return {name: total / self.count if self.count else math.nan for name, total in self.sums.items()}


def as_keras(values: Values) -> float | list[float]:
    """Return the values as a list, or the loss alone if there are no metrics."""
    listed = list(values.values())
    return listed if len(listed) > 1 else listed[0]


def shapes(layers: Sequence[Layer], input_shape: Shape) -> tuple[Shape, Shape]:
    """Return the shapes of one input and one output of layers that need not be built yet."""
    following = input_shape
    for layer in layers:
        following = layer.compute_output_shape(following)
    return input_shape, following
