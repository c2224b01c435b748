"""The base class of all losses."""

from __future__ import annotations

import copy
from typing import Any, Self, cast

import numpy as np

from scratchcnn.configs import Configured
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations, engine


class Loss(Configured):
    """Base class of all losses: a value for each sample, whose mean over the batch is minimized.

    To write your own loss, override `forward` and `backward`, and `check` and `encode` if the targets are anything but
    numbers of the shape of the model's output.

    Attributes
    ----------
    name : str
    activation : str or None
        The name of the activation function that `on_logits` includes, as 'softmax'; None if there is no such loss.

    Examples
    --------
    >>> class MeanFourthPower(Loss):
    ...     def forward(self, outputs, targets, ops):
    ...         return ((outputs - targets) ** 4).mean(axis=1), outputs
    ...
    ...     def backward(self, outputs, targets, ops):
    ...         return 4 * (outputs - targets) ** 3 / targets.size
    >>> from scratchcnn import Sequential
    >>> from scratchcnn.layers import Dense
    >>> model = Sequential([Dense(1, input_shape=(2,))], seed=0)
    >>> model.compile("sgd", MeanFourthPower())
    >>> x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> history = model.fit(x, x.sum(axis=1, keepdims=True), epochs=500, verbose=0)
    >>> bool(history.history["loss"][-1] < 0.01)
    True
    """

    name = "loss"
    activation: str | None = None

    def check(self, y: Array, count: int, output_shape: Shape) -> Array:
        """Return the targets of a data set, checked.

        Parameters
        ----------
        y : array-like
            The targets as passed to `fit`.
        count : int
            Number of samples.
        output_shape : tuple of int
            Shape of one output of the model.

        Raises
        ------
        ValueError, TypeError
            The targets do not fit; here, they are not finite numbers of shape (count, *output_shape). If the model has
            a single output, they may also be of shape (count,).
        """
        y = np.asarray(y)
        if output_shape == (1,) and y.shape == (count,):
            y = y[:, None]
        if y.shape != (count, *output_shape):
            are_classes = y.shape in ((count,), (count, 1)) and len(output_shape) == 1 and y.dtype.kind in "iu"
            hint = (
                f" For class numbers, use loss='sparse_categorical_crossentropy', or convert them to one-hot rows with "
                f"utils.to_categorical(y, {output_shape[-1]})."
            )
            raise ValueError(
                f"Expected targets of shape {(count, *output_shape)}, one for each output of the {count} samples, "
                f"received shape {y.shape}.{hint if are_classes else ''}"
            )
        return finite_numbers("targets", y)

    def encode(self, y: Array, output_shape: Shape, dtype: np.dtype[np.floating]) -> Array:
        """Return a batch of checked targets as an array of `dtype`: (N, *output_shape)."""
        return np.ascontiguousarray(y, dtype)

    def forward(self, outputs: Array, targets: Array, ops: Operations) -> tuple[Array, Array]:
        """Compute the loss of each sample, and the predictions.

        Parameters
        ----------
        outputs : (N, *output_shape)
            Outputs of the model.
        targets : (N, *output_shape), dtype of outputs

        Returns
        -------
        losses : (N,)
        predictions : (N, *output_shape)
            What metrics are computed from and `backward` receives: the outputs, or their probabilities.
        """
        raise NotImplementedError

    def backward(self, predictions: Array, targets: Array, ops: Operations) -> Array:
        """Compute the gradient of the mean loss with respect to the model's outputs: (N, *output_shape)."""
        raise NotImplementedError

    def __call__(self, y_true: object, y_pred: object) -> float:
        """Return the mean loss of outputs, without a model.

        Parameters
        ----------
        y_true : array-like
            Targets of N samples, as for `fit`.
        y_pred : array-like (N, ...)
            Outputs of a model.

        Raises
        ------
        ValueError, TypeError
            The targets do not fit the outputs.

        Examples
        --------
        >>> from scratchcnn.losses import SparseCategoricalCrossentropy
        >>> loss = SparseCategoricalCrossentropy(from_logits=True)
        >>> round(loss([1, 0], [[0.0, 0.0], [0.0, 0.0]]), 4)  # ln(2)
        0.6931
        """
        outputs = np.ascontiguousarray(finite_numbers("y_pred", np.asarray(y_pred)), np.float64)
        if outputs.ndim < 2 or not len(outputs):
            raise ValueError(
                f"Expected y_pred as the outputs of a model, (N, ...), received shape {outputs.shape}; add the axis of "
                f"the samples or of the outputs."
            )
        targets = self.check(np.asarray(y_true), len(outputs), outputs.shape[1:])
        encoded = self.encode(targets, outputs.shape[1:], outputs.dtype)
        return float(self.forward(outputs, encoded, engine("reference"))[0].mean())

    def on_logits(self) -> Self | None:
        """Return this loss as a function of logits, with `activation` included; None if there is no such loss.

        With it, a model that ends in that activation is trained on its logits, which neither overflows nor takes
        log(0). A loss with an `activation` has the attribute `from_logits`.
        """
        if self.activation is None:
            return None
        loss: Any = copy.copy(self)
        loss.from_logits = True
        return cast(Self, loss)


def finite_numbers(name: str, y: Array) -> Array:
    """Return `y`, whose elements must be finite numbers."""
    if y.dtype.kind not in "iufb":
        raise TypeError(f"Expected {name} as numbers, received dtype {y.dtype}.")
    if not np.isfinite(y).all():
        row = int(np.argwhere(~np.isfinite(y))[0, 0])
        raise ValueError(f"Expected finite {name}, received {y[row]} at index {row}.")
    return y
