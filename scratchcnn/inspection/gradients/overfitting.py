"""overfit_one_batch: tests the whole of training on a few images, which a correct model memorizes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from scratchcnn.arguments import positive_integer
from scratchcnn.inspection.arguments import built_model, class_count
from scratchcnn.inspection.gradients.findings import Findings, Point
from scratchcnn.inspection.tracing.passes import without_dropout
from scratchcnn.losses import BinaryCrossentropy, CategoricalCrossentropy
from scratchcnn.operands import Array
from scratchcnn.optimizers import Adam
from scratchcnn.sequential import Sequential

LEARNED = 0.1  # remaining fraction of the loss of equal probabilities, or of the first loss
LEAST = 10  # steps, even if the images are already memorized
FALLING = 0.9  # of the loss after three quarters of the steps; below it, training has not finished
LARGE_START = 3.0  # times the loss of equal probabilities
CLASSES = "ln(classes)"


@dataclass(frozen=True)
class Overfitting(Findings):
    """Result of `overfit_one_batch`; `losses` (n,) are those of the batch before each step and after the last."""

    losses: Array


def overfit_one_batch(
    model: Sequential, x: object, y: object, *, samples: int = 16, steps: int = 300, learning_rate: float = 0.003
) -> Overfitting:
    """Train a copy of a model on a few images until it has memorized them.

    A network has far more parameters than a few images have labels, so the loss must come close to zero. If it does
    not, no gradient arrives, or something between the images and the update is wrong. Dropout and regularizers are off,
    since they make memorizing harder.

    Parameters
    ----------
    model : Sequential
        Built and compiled. It is not modified.
    x, y : as for `fit`
        Only the first `samples` are used.
    samples : int, default 16
    steps : int, default 300
        The most steps; training ends as soon as the images are memorized.
    learning_rate : float, default 0.003
        Learning rate of Adam, which replaces the optimizer of the model.

    Raises
    ------
    RuntimeError, ValueError, TypeError
        The model is not built or compiled, or the data do not fit.

    References
    ----------
    Karpathy 2019, "A recipe for training neural networks", step 2.
    """
    count, steps = positive_integer("samples", samples), positive_integer("steps", steps)
    built_model(model, "overfit_one_batch").expect_compiled("overfit_one_batch")
    clone = without_dropout(model.clone(optimizer=Adam(learning_rate)))
    for layer in clone.leaf_layers:
        for name in layer.regularizers:
            setattr(layer, f"{name}_regularizer", None)
    images, labels, before = np.asarray(x)[:count], np.asarray(y)[:count], clone.get_weights()
    training = any(layer.statistics for layer in clone.leaf_layers)  # moving averages follow the parameters too slowly
    losses = [clone.loss_and_gradients(images, labels, training)[0]]
    what, equal = _uninformed(clone, losses[0])
    while len(losses) <= steps and math.isfinite(losses[-1]) and (len(losses) <= LEAST or losses[-1] > LEARNED * equal):
        with np.errstate(all="ignore"):
            try:
                clone.train_on_batch(images, labels)
            except FloatingPointError:
                break
            losses.append(clone.loss_and_gradients(images, labels, training)[0])
    layers = zip(clone.leaf_names, clone.leaf_layers, strict=True)
    names = [(f"{unique} {name}", layer.trainable) for unique, layer in layers for name in layer.params]
    arrays = zip(names, before, clone.get_weights(), strict=True)
    constant = ", ".join(name for (name, trained), old, new in arrays if trained and np.array_equal(old, new))
    points = (
        Point.of("start", losses[0] <= LARGE_START * equal, f"loss {losses[0]:.4g}, expected about {what} = "
                 f"{equal:.4g}", "the model is confident of wrong answers before training", otherwise=None),
        _end(losses, equal, class_count(clone) if what == CLASSES else None),
        Point.of("parameters", not constant,
                 f"constant in training: {constant}" if constant else "all that are trained change"),
    )  # fmt: skip
    return Overfitting(f"Memorizing {len(images)} images: {len(losses) - 1} steps.", points, np.array(losses))


def _uninformed(model: Sequential, first: float) -> tuple[str, float]:
    """Return the loss of a model that has learned nothing, and its name: of equal probabilities, or the first loss."""
    loss = model.expect_compiled("overfit_one_batch").loss
    if isinstance(loss, CategoricalCrossentropy):
        return CLASSES, math.log(class_count(model))
    return ("ln(2)", math.log(2)) if isinstance(loss, BinaryCrossentropy) else ("that of the first step", first)


def _end(losses: list[float], equal: float, classes: int | None) -> Point:
    last = losses[-1]
    if last <= LEARNED * equal:
        return Point("end", True, f"loss {last:.4g}: memorized")
    if not math.isfinite(last):
        return Point("end", False, f"the loss is not finite after {len(losses) - 1} steps")
    if last < FALLING * losses[3 * len(losses) // 4]:
        return Point("end", None, f"loss {last:.4g}, still decreasing: not memorized yet; increase steps")
    twice = ""
    if classes is not None:
        lowest = math.log(1 + (classes - 1) / math.e)  # with softmax applied twice
        if lowest <= last <= 1.1 * lowest:
            twice = f"; ln(1 + (classes - 1) / e) = {lowest:.4f} is the lowest loss if softmax is applied twice"
    return Point("end", False, f"loss {last:.4g}: not memorized{twice}")
