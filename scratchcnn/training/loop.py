"""The training loop, and the two passes that only look: evaluate and predict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import closing

import numpy as np

from scratchcnn.kernels.workspace import Workspace
from scratchcnn.layers import Layer
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.training.data import Samples, as_input, batches
from scratchcnn.training.history import History
from scratchcnn.training.progress import Progress
from scratchcnn.training.step import Trainer, run, train_step

Values = dict[str, float]


def fit(
    trainer: Trainer, samples: Samples, validation: Samples | None, batch_size: int, epochs: int, verbose: int
) -> History:
    """Batches -> forward -> loss -> backward -> optimizer, for every epoch; `Sequential.fit` says what each means."""
    history = History()
    for epoch in range(epochs):
        if verbose:
            print(f"Epoch {epoch + 1}/{epochs}")
        with closing(Progress(math.ceil(len(samples.x) / batch_size), verbose)) as progress:
            means = RunningMeans(trainer)
            for images, labels in batches(samples, batch_size, trainer.shuffle_rng):
                targets = trainer.loss.encode(labels, trainer.classes, trainer.dtype)
                losses, probabilities = train_step(trainer, as_input(images, trainer.dtype), targets)
                progress.step(means.add(losses, targets, probabilities))
            values = means.values
            if validation is not None:
                looked_at = evaluate(trainer, validation, batch_size, Progress(1, verbose=0))
                values |= {f"val_{name}": value for name, value in looked_at.items()}
            progress.end(values)
        history.append(epoch, values)
    trainer.workspace.release()
    return history


def evaluate(trainer: Trainer, samples: Samples, batch_size: int, progress: Progress) -> Values:
    """Loss and metrics over a data set, dropout off, weighted by samples.

    The sums are exactly rounded (`math.fsum`), so they do not depend on the batch size.
    """
    losses: list[float] = []
    means = RunningMeans(trainer)
    for images, labels in batches(samples, batch_size, rng=None):
        targets = trainer.loss.encode(labels, trainer.classes, trainer.dtype)
        with trainer.workspace.active():
            outputs = predict_batch(trainer.layers, as_input(images, trainer.dtype), trainer.ops)
        of_samples, probabilities = trainer.loss.forward(outputs, targets, trainer.ops)
        losses += of_samples.tolist()
        progress.step(means.add(of_samples, targets, probabilities))
    return means.values | {"loss": math.fsum(losses) / len(losses)}


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
    """Means of loss and metrics over the samples of an epoch so far, while the parameters change underneath."""

    def __init__(self, trainer: Trainer) -> None:
        self.metrics = trainer.metrics
        self.count = 0
        self.sums = dict.fromkeys(["loss", *(metric.name for metric in self.metrics)], 0.0)

    def add(self, losses: Array, targets: Array, probabilities: Array) -> Values:
        """Take in one batch; return the means."""
        self.count += len(losses)
        self.sums["loss"] += float(losses.sum(dtype=np.float64))
        for metric in self.metrics:
            self.sums[metric.name] += float(metric.of_samples(targets, probabilities).sum())
        return self.values

    @property
    def values(self) -> Values:
        """The means of all samples taken in."""
        return {name: total / self.count for name, total in self.sums.items()}
