"""Binary cross-entropy, the loss of independent yes-or-no outputs."""

from __future__ import annotations

import numpy as np

from scratchcnn.arguments import boolean, fraction
from scratchcnn.losses.base import Loss
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations


class BinaryCrossentropy(Loss):
    """Cross-entropy of independent yes-or-no outputs, in nats; see `reference.binary_cross_entropy`.

        loss[n] = -(sum over j of t[n, j] * log(p[n, j]) + (1 - t[n, j]) * log(1 - p[n, j])) / J
        t[n, j] = target[n, j] * (1 - label_smoothing) + label_smoothing / 2

    averaged over the batch, with the probabilities p. If an output has several axes, j counts all of its elements.

    Parameters
    ----------
    from_logits : bool, default False
        True: the model's outputs are logits, and the loss includes the sigmoid; it is then finite for all finite
        logits. Metrics are computed from the probabilities. False: the outputs are probabilities. (A model that ends in
        a sigmoid is trained on its logits in either case: see `training.logits_loss`.)
    label_smoothing : float, default 0
        From 0 to 1: moves the targets towards 1/2 by this fraction of the distance.

    Raises
    ------
    ValueError
        An argument is out of range.

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 6.2.2.2; Szegedy et al. 2016, "Rethinking the
    Inception architecture", arXiv 1512.00567, section 7 (label smoothing).

    Examples
    --------
    >>> from scratchcnn import Sequential
    >>> from scratchcnn.layers import Dense
    >>> model = Sequential([Dense(1, "sigmoid", kernel_initializer="zeros", input_shape=(2,))])
    >>> model.compile("sgd", BinaryCrossentropy())  # or loss="binary_crossentropy"
    >>> round(model.evaluate(np.zeros((2, 2)), [0, 1], verbose=0), 6)  # log(2), since both probabilities are 1/2
    0.693147
    """

    name = "binary_crossentropy"
    activation = "sigmoid"

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0) -> None:
        self.from_logits = boolean("from_logits", from_logits)
        self.label_smoothing = fraction("label_smoothing", label_smoothing)

    def check(self, y: Array, count: int, output_shape: Shape) -> Array:
        """Return the targets of a data set, checked.

        Raises
        ------
        ValueError, TypeError
            The targets are not numbers from 0 to 1, one for each output of the `count` samples.
        """
        y = super().check(y, count, output_shape)
        outside = (y < 0) | (y > 1)
        if outside.any():
            index = tuple(int(i) for i in np.argwhere(outside)[0])
            raise ValueError(
                f"Expected labels from 0 to 1, the probabilities of yes, received {y[index]} at index "
                f"{index[0] if y.shape[1:] == (1,) else index}; use loss='sparse_categorical_crossentropy' for several "
                f"classes, or loss='mse' for other numbers."
            )
        return y

    def forward(self, outputs: Array, targets: Array, ops: Operations) -> tuple[Array, Array]:
        """Compute the loss of each sample (N,), and its probabilities (N, *output_shape)."""
        rows = outputs.reshape(len(outputs), -1)
        if self.from_logits:
            losses, probabilities = ops.sigmoid_cross_entropy(rows, self._smoothed(targets))
            return losses, probabilities.reshape(outputs.shape)
        return ops.binary_cross_entropy(rows, self._smoothed(targets)), outputs

    def backward(self, predictions: Array, targets: Array, ops: Operations) -> Array:
        """Compute the gradient of the mean loss with respect to the logits or probabilities: (N, *output_shape)."""
        rows, scale = predictions.reshape(len(predictions), -1), 1 / len(targets)
        if self.from_logits:
            gradient = ops.sigmoid_cross_entropy_gradient(rows, self._smoothed(targets), scale)
        else:
            gradient = ops.binary_cross_entropy_gradient(rows, self._smoothed(targets), scale)
        return gradient.reshape(predictions.shape)

    def _smoothed(self, targets: Array) -> Array:
        """Return the targets (N, J), moved towards 1/2."""
        rows, real = targets.reshape(len(targets), -1), targets.dtype.type
        if not self.label_smoothing:
            return rows
        smoothed: Array = rows * real(1 - self.label_smoothing) + real(self.label_smoothing / 2)
        return smoothed
