"""Weights of the samples in the loss: checks of sample_weight, and conversion of class_weight."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from scratchcnn.arguments import non_negative
from scratchcnn.operands import Array


def check_weights(sample_weight: object, count: int, dtype: np.dtype[np.floating], what: str = "") -> Array | None:
    """Return weights (N,) of `dtype`; None stays None.

    Raises
    ------
    ValueError, TypeError
        Not one finite, non-negative number for each of the `count` samples.
    """
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight)
    if weights.shape == (count, 1):
        weights = weights[:, 0]
    if weights.shape != (count,):
        raise ValueError(
            f"Expected {what}sample_weight of shape ({count},), one number for each of the {count} samples, received "
            f"shape {weights.shape}."
        )
    if weights.dtype.kind not in "iufb":
        raise TypeError(f"Expected {what}sample_weight as numbers, received dtype {weights.dtype}.")
    fits = (weights >= 0) & (weights <= np.finfo(dtype).max)
    if not fits.all():
        index = int(np.argmin(fits))
        raise ValueError(
            f"Expected {what}sample_weight as finite numbers of at least 0, received {weights[index]} at index {index}."
        )
    return np.ascontiguousarray(weights, dtype)


def check_class_weight(class_weight: object, outputs: int) -> dict[int, float] | None:
    """Return weights by class number; None stays None.

    Parameters
    ----------
    class_weight : object
    outputs : int
        Number of outputs of the model; a single one distinguishes the classes 0 and 1.

    Raises
    ------
    ValueError
        Not a dict, a class that the model does not have, or a weight that is not finite and non-negative.
    """
    if class_weight is None:
        return None
    if not isinstance(class_weight, Mapping):
        raise ValueError(f"Expected class_weight as a dict, for example {{0: 1.0, 1: 2.5}}, received {class_weight!r}.")
    classes = _classes(outputs)
    unknown = [key for key in class_weight if key not in range(classes)]
    if unknown:
        raise ValueError(f"Expected classes from 0 to {classes - 1} in class_weight, received {unknown[0]!r}.")
    return {int(key): non_negative(f"the class_weight of class {key}", value) for key, value in class_weight.items()}


def of_classes(class_weight: Mapping[int, float], labels: Array, outputs: int, dtype: np.dtype[np.floating]) -> Array:
    """Return the weight of each sample's class, 1 for a class without one; labels are class numbers or rows.

    Raises
    ------
    ValueError
        The labels of a model with a single output are not 0 and 1.
    """
    weight_of = np.array([class_weight.get(number, 1.0) for number in range(_classes(outputs))], dtype)
    if labels.ndim > 1 and outputs == 1:
        labels = labels.reshape(len(labels), -1)[:, 0]
        wrong = labels[(labels != 0) & (labels != 1)]
        if wrong.size:
            raise ValueError(f"Expected labels 0 and 1 with class_weight, received {wrong[0]}; use sample_weight.")
        labels = labels.astype(np.int64)
    return weight_of[labels if labels.ndim == 1 else labels.argmax(axis=-1)]


def _classes(outputs: int) -> int:
    return 2 if outputs == 1 else outputs
