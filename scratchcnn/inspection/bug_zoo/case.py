"""A case: a model and its data, healthy until a mistake is planted in one of them; and how its training goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from scratchcnn.datasets import mnist
from scratchcnn.layers import Conv2D, Dense, Dropout, Flatten, Layer, MaxPooling2D
from scratchcnn.operands import Array
from scratchcnn.optimizers import Adam, Optimizer
from scratchcnn.sequential import Sequential

TRAINING, VALIDATION = 1500, 500  # images of the embedded sample
BATCH, STEPS = 32, 120
FEW = 6  # images are enough to look at a gradient
LAST = 20  # steps over whose losses a mean is taken at the end


@dataclass(frozen=True)
class Case:
    """All that a training is made of.

    Attributes
    ----------
    model : Sequential
        Built and compiled.
    x, y : training images and labels
    x_val, y_val : those of validation
    """

    model: Sequential
    x: Array
    y: Array
    x_val: Array
    y_val: Array


class Measured(NamedTuple):
    """One quantity of a case, and the loss of each step if it was trained for it."""

    value: float
    losses: Array


def healthy() -> Case:
    """A small network and 2,000 digits of the embedded sample, in which nothing is wrong."""
    (x, y), _ = mnist.load_sample()
    images = (x[: TRAINING + VALIDATION, ..., None] / 255).astype(np.float32)
    model = Sequential(
        [
            Conv2D(8, 3, activation="relu", input_shape=(28, 28, 1)),
            Conv2D(8, 3, activation="relu"),
            MaxPooling2D(2),
            Dropout(0.25),
            Flatten(),
            Dense(32, activation="relu"),
            Dense(10, activation="softmax"),
        ],
        seed=0,
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer=Adam(0.003), metrics=["accuracy"])
    labels = y[: TRAINING + VALIDATION].astype(np.int64)
    return Case(model, images[:TRAINING], labels[:TRAINING], images[TRAINING:], labels[TRAINING:])


def train(case: Case, optimizer: Optimizer | None = None, steps: int = STEPS) -> tuple[Sequential, Array]:
    """Train a copy of the case's model; return it, and the loss of each batch before its step.

    If the loss stops being finite, so does training; the last of the losses is NaN then.
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
    """Which samples each step takes: a new order for each epoch, always the same orders."""
    rng = np.random.default_rng(1)
    size = min(BATCH, len(case.x))
    each = len(case.x) // size
    orders = [rng.permutation(len(case.x)) for _ in range(-(-steps // each))]
    return [order[i * size : (i + 1) * size] for order in orders for i in range(each)][:steps]


def accuracy(model: Sequential, x: Array, y: Array) -> float:
    """Share of images that are recognised; 0 for a model whose outputs are not finite."""
    with np.errstate(all="ignore"):
        outputs = model.predict(x, batch_size=256)
    return float((outputs.argmax(axis=1) == y).mean()) if np.isfinite(outputs).all() else 0.0


def validation_accuracy(case: Case) -> Measured:
    """After training."""
    model, losses = train(case)
    return Measured(accuracy(model, case.x_val, case.y_val), losses)


def final_loss(case: Case) -> Measured:
    """Mean of the last losses of training; infinite if training broke off."""
    _, losses = train(case)
    return Measured(mean_of_last(losses), losses)


def mean_of_last(losses: Array) -> float:
    """Of the last steps; infinite if the loss stopped being finite."""
    return float(losses[-LAST:].mean()) if np.isfinite(losses).all() else float("inf")


def transplanted_accuracy(case: Case) -> Measured:
    """On the validation images, with the weights that a healthy network has learned."""
    trained, losses = train(healthy())
    model = case.model.clone()
    model.set_weights(trained.get_weights())
    return Measured(accuracy(model, case.x_val, case.y_val), losses)


def position(model: Sequential, kind: type[Layer], where: Callable[[Layer], bool] = lambda layer: True) -> int:
    """Place of the last layer of a kind.

    Raises
    ------
    ValueError
        There is none.
    """
    found = [i for i, layer in enumerate(model.layers) if isinstance(layer, kind) and where(layer)]
    if not found:
        raise ValueError(f"Expected a model with a {kind.__name__} that this mistake can be made in, received none.")
    return found[-1]


def reaching(case: Case, place: int, images: int = FEW) -> Array:
    """What reaches the layer at `place` in predict, for the first training images."""
    x = case.x[:images].astype(case.model.dtype)
    for layer in case.model.layers[:place]:
        x = layer.forward(x, case.model.ops, training=False, rng=None)[0]
    return x
