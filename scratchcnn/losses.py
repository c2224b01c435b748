"""Losses: cross-entropy of class numbers (sparse) or of one-hot rows (categorical)."""

from __future__ import annotations

import copy
from typing import Self

import numpy as np

from scratchcnn.configs import Config, Configured
from scratchcnn.names import look_up
from scratchcnn.operands import Array
from scratchcnn.operations import Operations


class CategoricalCrossentropy(Configured):
    """Mean over the batch of - sum over j of target[j] * log(probability[j]), in nats; targets are rows.

    Parameters
    ----------
    from_logits : bool, default False
        True: the model's outputs are logits, and softmax is part of the loss, which is then finite for all finite
        logits. False: the outputs are probabilities. (A model that ends in softmax is trained on its logits either way:
        see `training.step.on_logits`.)

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 6.2.2.3.
    """

    name = "categorical_crossentropy"

    def __init__(self, from_logits: bool = False) -> None:
        self.from_logits = bool(from_logits)

    def get_config(self) -> Config:
        """The arguments of the constructor, by name."""
        return {"from_logits": self.from_logits}

    def on_logits(self) -> Self:
        """The same loss, with softmax as part of it."""
        loss = copy.copy(self)
        loss.from_logits = True
        return loss

    def check(self, y: Array, count: int, classes: int) -> Array:
        """The targets of a whole data set, checked; `encode` turns a batch of them into rows.

        Raises
        ------
        ValueError, TypeError
            Not one row of `classes` finite numbers for each of the `count` samples.
        """
        y = np.asarray(y)
        if y.shape != (count, classes):
            hint = " For class numbers, use loss='sparse_categorical_crossentropy'." if y.ndim == 1 else ""
            raise ValueError(
                f"Expected labels as rows of shape ({count}, {classes}), one for each of the {count} samples with one "
                f"column for each of the {classes} classes, received shape {y.shape}.{hint}"
            )
        if y.dtype.kind not in "iufb":
            raise TypeError(f"Expected labels as numbers, received dtype {y.dtype}.")
        if not np.isfinite(y).all():
            row = int(np.argwhere(~np.isfinite(y))[0, 0])
            raise ValueError(f"Expected finite labels, received {y[row]} at index {row}.")
        return y

    def encode(self, y: Array, classes: int, dtype: np.dtype[np.floating]) -> Array:
        """A batch of targets as rows of `dtype`: (N, classes)."""
        return np.ascontiguousarray(y, dtype)

    def forward(self, outputs: Array, targets: Array, ops: Operations) -> tuple[Array, Array]:
        """Loss of each sample, and its probabilities.

        Parameters
        ----------
        outputs : (N, J), what the model gave: logits or probabilities
        targets : (N, J), the dtype of outputs

        Returns
        -------
        losses : (N,)
        probabilities : (N, J), which `backward` needs
        """
        if self.from_logits:
            return ops.softmax_cross_entropy(outputs, targets)
        return ops.cross_entropy(outputs, targets), outputs

    def backward(self, probabilities: Array, targets: Array, ops: Operations) -> Array:
        """Gradient of the mean loss by the model's outputs: (N, J)."""
        if self.from_logits:
            return ops.softmax_cross_entropy_gradient(probabilities, targets, 1 / len(targets))
        return ops.cross_entropy_gradient(probabilities, targets, 1 / len(targets))


class SparseCategoricalCrossentropy(CategoricalCrossentropy):
    """Mean over the batch of - log(probability of the right class), in nats; labels are class numbers.

    Parameters
    ----------
    from_logits : bool, default False
        As for `CategoricalCrossentropy`.
    """

    name = "sparse_categorical_crossentropy"

    def check(self, y: Array, count: int, classes: int) -> Array:
        """The labels of a whole data set, checked; `encode` turns a batch of them into rows.

        Raises
        ------
        ValueError, TypeError
            Not one integer from 0 to `classes - 1` for each of the `count` samples.
        """
        y = np.asarray(y)
        if y.ndim == 2 and y.shape == (count, 1):
            y = y[:, 0]
        if y.shape != (count,):
            hint = " For one-hot rows, use loss='categorical_crossentropy'." if y.ndim == 2 else ""
            raise ValueError(
                f"Expected labels of shape ({count},), one for each of the {count} samples, received shape "
                f"{y.shape}.{hint}"
            )
        if y.dtype.kind not in "iu":
            raise TypeError(f"Expected labels of an integer type, received {y.dtype}; use y.astype(int).")
        if y.min() < 0 or y.max() >= classes:
            index = int(np.flatnonzero((y < 0) | (y >= classes))[0])
            raise ValueError(
                f"Expected labels from 0 to {classes - 1}, as the model has {classes} outputs, received {y[index]} at "
                f"index {index}."
            )
        return y

    def encode(self, y: Array, classes: int, dtype: np.dtype[np.floating]) -> Array:
        """A batch of labels as one-hot rows of `dtype`: (N, classes)."""
        targets = np.zeros((len(y), classes), dtype)
        targets[np.arange(len(y)), y] = 1
        return targets


Loss = CategoricalCrossentropy


def get(identifier: str | Loss) -> Loss:
    """The loss of that name, or `identifier` itself if it is one.

    Raises
    ------
    ValueError
        There is no loss of that name.
    """
    if isinstance(identifier, CategoricalCrossentropy):
        return identifier
    known = {loss.name: loss for loss in (SparseCategoricalCrossentropy, CategoricalCrossentropy)}
    return look_up("loss", identifier, known)()
