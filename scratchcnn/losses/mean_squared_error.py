"""Mean squared error, the loss of regression."""

from __future__ import annotations

from scratchcnn.losses.base import Loss
from scratchcnn.operands import Array
from scratchcnn.operations import Operations


class MeanSquaredError(Loss):
    """Mean of the squared differences between outputs and targets; see `reference.mean_squared_error`.

        loss[n] = (sum over j of (output[n, j] - target[n, j])**2) / J

    averaged over the batch. If an output has several axes, j counts all of its elements.

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 5.1.4.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn import Sequential
    >>> from scratchcnn.layers import Dense
    >>> model = Sequential([Dense(1, kernel_initializer="zeros", input_shape=(2,))])
    >>> model.compile("sgd", MeanSquaredError())  # or loss="mse"
    >>> model.evaluate(np.zeros((2, 2)), [1, 3], verbose=0)  # (1 + 9) / 2
    5.0
    """

    name = "mean_squared_error"

    def forward(self, outputs: Array, targets: Array, ops: Operations) -> tuple[Array, Array]:
        """Compute the loss of each sample (N,), and return the outputs as predictions."""
        return ops.mean_squared_error(outputs.reshape(len(outputs), -1), targets.reshape(len(targets), -1)), outputs

    def backward(self, predictions: Array, targets: Array, ops: Operations) -> Array:
        """Compute the gradient of the mean loss with respect to the outputs: (N, *output_shape)."""
        rows = predictions.reshape(len(predictions), -1), targets.reshape(len(targets), -1)
        return ops.mean_squared_error_gradient(*rows, 1 / len(targets)).reshape(predictions.shape)
