"""What the model in training makes of a few images: the predicted class with its probability, and the right one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scratchcnn.losses import BinaryCrossentropy
from scratchcnn.operands import Array
from scratchcnn.training.data import Samples
from scratchcnn.training.inference import predict_batch
from scratchcnn.training.trainer import Trainer

MOST_VALUES = 3  # of an output that is not a class


class Prediction(NamedTuple):
    """The prediction for one image, in words."""

    predicted: str
    right: str  # the label, or the target
    probability: float | None = None  # of the predicted class; None if the model does not predict classes
    is_right: bool | None = None


def predict(trainer: Trainer, samples: Samples, names: Sequence[str] | None) -> list[Prediction]:
    """Return the predictions for samples, without dropout; nothing of the trainer changes.

    The probabilities are those that the metrics are computed from, so they exist also if the model's outputs are
    logits. `names` are the names of the classes, default: their numbers.
    """
    x, targets = trainer.encoded(samples)
    outputs = predict_batch(trainer.plan, x)
    found = trainer.loss.forward(outputs, targets, trainer.ops)[1]  # (N, *output_shape)
    if isinstance(trainer.loss, BinaryCrossentropy) and trainer.output_shape == (1,):
        found, targets = (np.hstack([1 - each, each]) for each in (found, targets))  # of the classes 0 and 1
    if _are_distributions(found) and _are_distributions(targets):
        return [_class_of(*row, names) for row in zip(found, targets, strict=True)]
    return [Prediction(_values(row), _values(target)) for row, target in zip(found, targets, strict=True)]


def class_count(trainer: Trainer) -> int:
    """Return the number of classes: of the outputs, or 2 for a single one."""
    return max(2, trainer.output_shape[-1])


def _are_distributions(rows: Array) -> bool:
    """Whether the rows are probabilities of several classes, up to rounding; not if any of them is NaN."""
    if rows.ndim != 2 or rows.shape[1] < 2:
        return False
    return bool((rows >= 0).all() and (abs(rows.sum(axis=1, dtype=np.float64) - 1) < 1e-3).all())


def _class_of(probabilities: Array, target: Array, names: Sequence[str] | None) -> Prediction:
    predicted, right = int(probabilities.argmax()), int(target.argmax())
    words = [str(number) if names is None else names[number] for number in (predicted, right)]
    return Prediction(words[0], words[1], float(probabilities[predicted]), predicted == right)


def _values(row: Array) -> str:
    values = row.reshape(-1)
    rest = ", …" if values.size > MOST_VALUES else ""
    return ", ".join(f"{value:.3g}" for value in values[:MOST_VALUES]) + rest
