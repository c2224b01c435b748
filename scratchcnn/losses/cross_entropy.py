"""Cross-entropy of class numbers (sparse) or one-hot rows (categorical)."""

from __future__ import annotations

import numpy as np

from scratchcnn.arguments import boolean
from scratchcnn.losses.base import Loss, finite_numbers
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations


class CategoricalCrossentropy(Loss):
    """Cross-entropy of one-hot rows (or any target probabilities), averaged over the batch, in nats.

        loss[n] = - sum over j of target[n, j] * log(probability[n, j])

    Parameters
    ----------
    from_logits : bool, default False
        True: the model's outputs are logits, and the loss includes softmax; it is then finite for all finite logits.
        False: the outputs are probabilities. (A model that ends in softmax is trained on its logits in either case: see
        `training.logits_loss`.)

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 6.2.2.3.
    """

    name = "categorical_crossentropy"
    activation = "softmax"

    def __init__(self, from_logits: bool = False) -> None:
        self.from_logits = boolean("from_logits", from_logits)

    def check(self, y: Array, count: int, output_shape: Shape) -> Array:
        """Return the targets of a data set, checked; `encode` converts a batch of them to rows.

        Raises
        ------
        ValueError, TypeError
            The targets are not one row of finite numbers, one per class, for each of the `count` samples.
        """
        y, classes = np.asarray(y), _classes(output_shape)
        if y.shape != (count, classes):
            hint = " For class numbers, use loss='sparse_categorical_crossentropy'." if y.ndim == 1 else ""
            raise ValueError(
                f"Expected labels as rows of shape ({count}, {classes}), one for each of the {count} samples with one "
                f"column for each of the {classes} classes, received shape {y.shape}.{hint}"
            )
        return finite_numbers("labels", y)

    def forward(self, outputs: Array, targets: Array, ops: Operations) -> tuple[Array, Array]:
        """Compute the loss of each sample (N,), and its probabilities (N, J)."""
        if self.from_logits:
            return ops.softmax_cross_entropy(outputs, targets)
        return ops.cross_entropy(outputs, targets), outputs

    def backward(self, predictions: Array, targets: Array, ops: Operations) -> Array:
        """Compute the gradient of the mean loss with respect to the logits or probabilities: (N, J)."""
        if self.from_logits:
            return ops.softmax_cross_entropy_gradient(predictions, targets, 1 / len(targets))
        return ops.cross_entropy_gradient(predictions, targets, 1 / len(targets))


class SparseCategoricalCrossentropy(CategoricalCrossentropy):
    """Cross-entropy of class numbers, averaged over the batch, in nats: loss[n] = - log(probability[n, label[n]]).

    Parameters
    ----------
    from_logits : bool, default False
        As for `CategoricalCrossentropy`.
    """

    name = "sparse_categorical_crossentropy"

    def check(self, y: Array, count: int, output_shape: Shape) -> Array:
        """Return the labels of a data set, checked; `encode` converts a batch of them to one-hot rows.

        Raises
        ------
        ValueError, TypeError
            The labels are not one integer from 0 to `classes - 1` for each of the `count` samples.
        """
        y, classes = np.asarray(y), _classes(output_shape)
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

    def encode(self, y: Array, output_shape: Shape, dtype: np.dtype[np.floating]) -> Array:
        """Return a batch of labels as one-hot rows of `dtype`: (N, classes)."""
        targets = np.zeros((len(y), *output_shape), dtype)
        targets[np.arange(len(y)), y] = 1
        return targets


def _classes(output_shape: Shape) -> int:
    """Return the number of classes, or raise ValueError if the output has more than one axis."""
    if len(output_shape) != 1:
        raise ValueError(
            f"Expected a model with one axis of classes as output, received output shape {(None, *output_shape)}; "
            f"end it with Flatten() and Dense(classes, activation='softmax')."
        )
    return output_shape[0]
