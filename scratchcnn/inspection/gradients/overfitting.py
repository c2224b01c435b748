"""overfit_one_batch: whether a model can learn a handful of images by heart. One that cannot has a bug."""

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

LEARNED = 0.1  # share of ln(classes), the loss of who knows nothing, that may be left
LEAST = 10  # steps, even of a model that knows the images already
FALLING = 0.9  # of the loss three quarters of the way: one that falls so much more is not done yet
KNOWS_NOTHING = 3.0  # a fresh model's loss may be so many times ln(classes)


@dataclass(frozen=True)
class Overfitting(Findings):
    """What `overfit_one_batch` found.

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

    A network has far more parameters than there are labels to memorize, so the loss must come close to zero. If it does
    not, something between the images and the update is wrong, or no gradient flows. The package's Dropout is off, since
    it makes memorizing harder.

    Parameters
    ----------
    model : Sequential
        Built and compiled; it stays as it is.
    x, y : as for `fit`
        Only the first `samples` are used.
    samples : int, default 16
    steps : int, default 300
        At most; it ends as soon as all is learned.
    learning_rate : float, default 0.003
        Of Adam, which takes the place of the model's optimizer here.

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
    twin = without_dropout(model.clone(optimizer=Adam(learning_rate)))
    images, labels = np.asarray(x)[:count], np.asarray(y)[:count]
    before = twin.get_weights()
    classes = class_count(twin)
    losses = _losses(twin, images, labels, steps, classes)
    still = [
        f"{layer.name} {name}"
        for (layer, name), old, new in zip(
            [(layer, name) for layer in twin.layers for name in layer.params], before, twin.get_weights(), strict=True
        )
        if np.array_equal(old, new)
    ]
    points = (_start(losses[0], classes), _end(losses, classes), _moved(still))
    return Overfitting(f"Learning {len(images)} images by heart: {len(losses) - 1} steps.", points, np.array(losses))


def _losses(model: Sequential, images: Array, labels: Array, steps: int, classes: int) -> list[float]:
    """Of the batch, before the first step and after each; until it is learned, or not finite."""
    losses = [model.loss_and_gradients(images, labels)[0]]
    while (
        len(losses) <= steps and math.isfinite(losses[-1]) and (len(losses) <= LEAST or not _learned(losses, classes))
    ):
        with np.errstate(all="ignore"):
            try:
                model.train_on_batch(images, labels)
            except FloatingPointError:
                break
            losses.append(model.loss_and_gradients(images, labels)[0])
    return losses


def _learned(losses: list[float], classes: int) -> bool:
    return losses[-1] <= LEARNED * math.log(classes)


def _start(loss: float, classes: int) -> Point:
    wanted = math.log(classes)
    ok = loss <= KNOWS_NOTHING * wanted
    text = f"loss {loss:.4g}; a model that knows nothing has ln {classes} = {wanted:.4g}"
    return Point("start", True if ok else None, text + ("" if ok else ": it is sure of wrong answers before it learns"))


def _end(losses: list[float], classes: int) -> Point:
    last = losses[-1]
    if _learned(losses, classes):
        return Point("end", True, f"loss {last:.4g}: known by heart")
    if not math.isfinite(last):
        return Point("end", False, f"the loss was not finite any more after {len(losses) - 1} steps")
    if last < FALLING * losses[3 * len(losses) // 4]:
        return Point("end", None, f"loss {last:.4g}, and still falling: not learned yet; give it more steps")
    text = f"loss {last:.4g}: not learned"
    if softmax_floor(classes) <= last <= 1.1 * softmax_floor(classes):
        text += (
            f"; {softmax_floor(classes):.4f} is the least that is possible if softmax is applied twice, for no "
            "probability can be above e / (e + classes - 1) then"
        )
    return Point("end", False, text)


def softmax_floor(classes: int) -> float:
    """The least cross-entropy of softmax applied to probabilities: ln(1 + (classes - 1) / e)."""
    return math.log(1 + (classes - 1) / math.e)


def _moved(still: list[str]) -> Point:
    text = f"never changed: {', '.join(still)}" if still else "every parameter has changed"
    return Point("parameters", not still, text)
