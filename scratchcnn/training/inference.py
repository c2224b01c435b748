"""The two passes that only look, evaluate and predict; and the means over samples that every pass reports."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from scratchcnn.kernels.runtime.workspace import Workspace
from scratchcnn.layers import Layer
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations
from scratchcnn.training.data import Samples, as_input
from scratchcnn.training.position import Position
from scratchcnn.training.progress import Progress
from scratchcnn.training.step import Trainer, run

Values = dict[str, float]


def evaluate(trainer: Trainer, batches: Iterable[Samples], progress: Progress) -> Values:
    """Loss and metrics over the batches of a data set, dropout off, weighted by samples.

    The sums are exactly rounded (`math.fsum`), so they do not depend on the batch size.
    """
    losses: list[float] = []
    means = RunningMeans(trainer)
    for images, labels, weights in batches:
        targets = trainer.loss.encode(labels, trainer.classes, trainer.dtype)
        with trainer.workspace.active():
            outputs = predict_batch(trainer.layers, as_input(images, trainer.dtype), trainer.ops)
        of_samples, probabilities = trainer.loss.forward(outputs, targets, trainer.ops)
        if weights is not None:
            of_samples *= weights
        losses += of_samples.tolist()
        progress.step(means.add(of_samples, targets, probabilities))
    return means.values | {"loss": math.fsum(losses) / len(losses) if losses else math.nan}


def predict(
    layers: Sequence[Layer],
    x: Array,
    ops: Operations,
    dtype: np.dtype[np.floating],
    batch_size: int,
    progress: Progress,
) -> Array:
    """Outputs of the last layer for all images, dropout off."""
    shape = layers[-1].output_shape
    assert shape is not None
    y = np.empty((len(x), *shape), dtype)
    with Workspace().active():
        for start in range(0, len(x), batch_size):
            rows = slice(start, start + batch_size)
            y[rows] = predict_batch(layers, as_input(x[rows], dtype), ops)
            progress.step({})
    return y


def predict_batch(layers: Sequence[Layer], x: Array, ops: Operations) -> Array:
    """Output of the last layer for one batch; nothing is kept for a backward pass."""
    for passed in run(layers, x, ops, training=False, rng=None):
        x = x if passed.output is None else passed.output
    return x


class RunningMeans:
    """Means of loss and metrics over the samples of an epoch so far, while the parameters change underneath.

    The sums are those of the position in the epoch, if there is one.
    """

    def __init__(self, trainer: Trainer, position: Position | None = None) -> None:
        self.metrics = trainer.metrics
        self.count = 0 if position is None else position.count
        self.sums = {} if position is None else position.sums
        for name in ("loss", *(metric.name for metric in self.metrics)):
            self.sums.setdefault(name, 0.0)

    def add(self, losses: Array, targets: Array, probabilities: Array) -> Values:
        """Take in one batch; return the means."""
        self.count += len(losses)
        self.sums["loss"] += float(losses.sum(dtype=np.float64))
        for metric in self.metrics:
            self.sums[metric.name] += float(metric.of_samples(targets, probabilities).sum())
        return self.values

    @property
    def values(self) -> Values:
        """The means of all samples taken in; NaN of none."""
        return {name: total / self.count if self.count else math.nan for name, total in self.sums.items()}


def as_keras(values: Values) -> float | list[float]:
    """The values in a list, or the loss alone if there are no metrics."""
    listed = list(values.values())
    return listed if len(listed) > 1 else listed[0]


def shapes(layers: Sequence[Layer], input_shape: Shape) -> tuple[Shape, Shape]:
    """Shapes of one input and one output, of layers that need not be built yet."""
    following = input_shape
    for layer in layers:
        following = layer.compute_output_shape(following)
    return input_shape, following
