"""A model with its data, and measurements of its training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np

from scratchcnn.datasets import mnist
from scratchcnn.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from scratchcnn.operands import Array
from scratchcnn.optimizers import Adam, Optimizer
from scratchcnn.sequential import Sequential

TRAINING, VALIDATION = 1500, 500  # images of the embedded sample
BATCH, STEPS = 32, 120
LAST = 20  # steps whose mean loss is the final loss


@final
@dataclass(frozen=True)
class Case:
    """A built and compiled model with its training data x, y and its validation data x_val, y_val."""

    model: Sequential
    x: Array
    y: Array
    x_val: Array
    y_val: Array


class Measured(NamedTuple):
    """A quantity of a case, and the loss in each step if it was trained for it."""

    value: float
    losses: Array


def healthy() -> Case:
    """Return a small network and 2,000 digits of the embedded sample, without any bug."""
    (x, y), _ = mnist.load_sample()
    images = (x[: TRAINING + VALIDATION, ..., None] / 255).astype(np.float32)
    model = Sequential([
        Conv2D(8, 3, activation="relu", input_shape=(28, 28, 1)), Conv2D(8, 3, activation="relu"), MaxPooling2D(2),
        Dropout(0.25), Flatten(), Dense(32, activation="relu"), Dense(10, activation="softmax"),
    ], seed=0)  # fmt: skip
    model.compile(loss="sparse_categorical_crossentropy", optimizer=Adam(0.003), metrics=["accuracy"])
    labels = y[: TRAINING + VALIDATION].astype(np.int64)
    return Case(model, images[:TRAINING], labels[:TRAINING], images[TRAINING:], labels[TRAINING:])


def train(case: Case, optimizer: Optimizer | None = None, steps: int = STEPS) -> tuple[Sequential, Array]:
    """Train a copy of the model; return it, and the loss of each batch before its step.

    Training stops when the loss is not finite; the last loss is then NaN.
    """
    model = case.model.clone(optimizer=optimizer)
    losses: list[float] = []
    with np.errstate(all="ignore"):
        for batch in batches(case, steps):
            try:
                found = model.train_on_batch(case.x[batch], case.y[batch])
            except FloatingPointError:
                losses.append(np.nan)
                break
            losses.append(found[0] if isinstance(found, list) else found)
    return model, np.array(losses)


def batches(case: Case, steps: int) -> list[Array]:
    """Return the indices of the samples of each step, shuffled in each epoch, the same in every call."""
    rng = np.random.default_rng(1)
    size = min(BATCH, len(case.x))
    each = len(case.x) // size
    orders = [rng.permutation(len(case.x)) for _ in range(-(-steps // each))]
    return [order[i * size : (i + 1) * size] for order in orders for i in range(each)][:steps]


def accuracy(model: Sequential, x: Array, y: Array) -> float:
    """Return the accuracy; 0 for a model whose outputs are not finite."""
    with np.errstate(all="ignore"):
        outputs = model.predict(x, batch_size=256)
    return float((outputs.argmax(axis=1) == y).mean()) if np.isfinite(outputs).all() else 0.0


def validation_accuracy(case: Case, optimizer: Optimizer | None = None) -> Measured:
    """Measure the validation accuracy after training."""
    model, losses = train(case, optimizer)
    return Measured(accuracy(model, case.x_val, case.y_val), losses)


def final_loss(case: Case, optimizer: Optimizer | None = None, steps: int = STEPS) -> Measured:
    """Measure the mean loss of the last training steps; infinite if the loss became NaN."""
    _, losses = train(case, optimizer, steps)
    return Measured(float(losses[-LAST:].mean()) if np.isfinite(losses).all() else float("inf"), losses)
