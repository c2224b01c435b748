"""overfit_one_batch: test whether a model can memorize a few images. If it cannot, there is a bug."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from scratchcnn.arguments import positive_integer
from scratchcnn.inspection.arguments import built_model, class_count
from scratchcnn.inspection.gradients.findings import Findings, Point
from scratchcnn.inspection.runs import without_dropout
from scratchcnn.operands import Array
from scratchcnn.optimizers import Adam
from scratchcnn.sequential import Sequential

LEARNED = 0.1  # remaining fraction of ln(classes), the loss of equal probabilities
LEAST = 10  # steps, even if the images are already memorized
FALLING = 0.9  # of the loss after three quarters of the steps; below it, training has not finished
LARGE_START = 3.0  # times ln(classes)


@dataclass(frozen=True)
class Overfitting(Findings):
    """Result of `overfit_one_batch`.

    Attributes
    ----------
    losses : float64 (n,)
        The loss of the batch before each step and after the last; at most steps + 1.
    """

    losses: Array


def overfit_one_batch(
    model: Sequential, x: object, y: object, *, samples: int = 16, steps: int = 300, learning_rate: float = 0.003
) -> Overfitting:
    """Train a copy of a model on a few images until it has memorized them.

    A network has far more parameters than a few images have labels, so the loss must come close to zero. If it does
    not, no gradient arrives, or something between the images and the update is wrong. Dropout is off, since it makes
    memorizing harder.

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

    Returns
    -------
    Overfitting

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
    images, labels = np.asarray(x)[:count], np.asarray(y)[:count]
    before, equal = clone.get_weights(), math.log(class_count(clone))
    losses = _losses(clone, images, labels, steps, LEARNED * equal)
    names = [f"{layer.name} {name}" for layer in clone.layers for name in layer.params]
    arrays = zip(names, before, clone.get_weights(), strict=True)
    constant = ", ".join(name for name, old, new in arrays if np.array_equal(old, new))
    points = (
        Point.of("start", losses[0] <= LARGE_START * equal, f"loss {losses[0]:.4g}, expected about ln(classes) = "
                 f"{equal:.4g}", "the model is confident of wrong answers before training", otherwise=None),
        _end(losses, class_count(clone)),
        Point.of("parameters", not constant, f"constant in training: {constant}" if constant else "all change"),
    )  # fmt: skip
    return Overfitting(f"Memorizing {len(images)} images: {len(losses) - 1} steps.", points, np.array(losses))


def _losses(model: Sequential, images: Array, labels: Array, steps: int, learned: float) -> list[float]:
    """The loss of the batch before the first step and after each, until it is learned or not finite."""
    losses = [model.loss_and_gradients(images, labels)[0]]
    while len(losses) <= steps and math.isfinite(losses[-1]) and (len(losses) <= LEAST or losses[-1] > learned):
        with np.errstate(all="ignore"):
            try:
                model.train_on_batch(images, labels)
            except FloatingPointError:
                break
            losses.append(model.loss_and_gradients(images, labels)[0])
    return losses


def _end(losses: list[float], classes: int) -> Point:
    last = losses[-1]
    if last <= LEARNED * math.log(classes):
        return Point("end", True, f"loss {last:.4g}: memorized")
    if not math.isfinite(last):
        return Point("end", False, f"the loss is not finite after {len(losses) - 1} steps")
    if last < FALLING * losses[3 * len(losses) // 4]:
        return Point("end", None, f"loss {last:.4g}, still decreasing: not memorized yet; increase steps")
    text, floor = f"loss {last:.4g}: not memorized", math.log(1 + (classes - 1) / math.e)
    if floor <= last <= 1.1 * floor:
        text += f"; ln(1 + (classes - 1) / e) = {floor:.4f} is the lowest loss if softmax is applied twice"
    return Point("end", False, text)
