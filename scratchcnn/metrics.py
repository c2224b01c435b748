"""Metrics: accuracy (the fraction of samples classified correctly), errors, and the base class of all metrics."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from scratchcnn.arguments import fraction
from scratchcnn.configs import Configured
from scratchcnn.names import look_up, names_of_module
from scratchcnn.operands import Array

__all__ = [
    "KNOWN", "Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "MeanAbsoluteError", "MeanSquaredError", "Metric",
    "SparseCategoricalAccuracy", "get", "get_all",
]  # fmt: skip


class Metric(Configured):
    """Base class of all metrics: a value for each sample, averaged over the samples.

    To write your own metric, override `of_samples`.

    Parameters
    ----------
    name : str, optional
        Its name in `History` and in the progress lines; default: the class name in snake case.

    Attributes
    ----------
    higher_is_better : bool
        Whether it is maximized (True, the default) or minimized: what callbacks with mode='auto' assume.

    Examples
    --------
    >>> class LargestError(Metric):
    ...     higher_is_better = False
    ...
    ...     def of_samples(self, targets, outputs):
    ...         return abs(targets - outputs).max(axis=1)
    >>> LargestError().name
    'largest_error'
    """

    higher_is_better = True

    def __init__(self, name: str | None = None) -> None:
        self.name = name or re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()

    def of_samples(self, targets: Array, outputs: Array) -> Array:
        """Compute the metric of each sample: (N, *output_shape), (N, *output_shape) -> (N,), numbers or booleans."""
        raise NotImplementedError


class CategoricalAccuracy(Metric):
    """Accuracy: the fraction of samples whose largest output is at the position of the largest target.

    If an output has several axes, the last one is that of the classes, and the accuracy is averaged over the others.
    """

    def of_samples(self, targets: Array, outputs: Array) -> Array:
        """Return whether each sample is classified correctly: (N, J), (N, J) -> (N,) bool.

        >>> CategoricalAccuracy().of_samples(np.array([[0, 1], [1, 0]]), np.array([[0.2, 0.8], [0.1, 0.9]]))
        array([ True, False])
        """
        return _mean(targets.argmax(axis=-1) == outputs.argmax(axis=-1))


class SparseCategoricalAccuracy(CategoricalAccuracy):
    """`CategoricalAccuracy` under its name for integer labels, which are one-hot rows when they arrive here."""


class BinaryAccuracy(Metric):
    """Accuracy of yes-or-no outputs: the fraction that is on the same side of the threshold as the target.

    Parameters
    ----------
    name : str, optional
    threshold : float, default 0.5
        An output above it means yes. The targets are 0 (no) and 1 (yes).

    Raises
    ------
    ValueError
        The threshold is not a number between 0 and 1.
    """

    def __init__(self, name: str | None = None, threshold: float = 0.5) -> None:
        super().__init__(name)
        self.threshold = fraction("threshold", threshold)

    def of_samples(self, targets: Array, outputs: Array) -> Array:
        """Return the fraction of outputs of each sample that are right: (N, J), (N, J) -> (N,).

        >>> BinaryAccuracy().of_samples(np.array([[0, 1], [1, 1]]), np.array([[0.2, 0.8], [0.1, 0.9]]))
        array([1. , 0.5])
        """
        return _mean(targets == (outputs > self.threshold))


class Accuracy(Metric):
    """What 'accuracy' means: `BinaryAccuracy` for a single output, `CategoricalAccuracy` for several, as in Keras."""

    def of_samples(self, targets: Array, outputs: Array) -> Array:
        """Return whether each sample is classified correctly: (N, J), (N, J) -> (N,)."""
        metric = _of_one_output if outputs.shape[-1] == 1 else _of_several_outputs
        return metric.of_samples(targets, outputs)


_of_one_output, _of_several_outputs = BinaryAccuracy(), CategoricalAccuracy()


class MeanSquaredError(Metric):
    """Mean of the squared differences between outputs and targets."""

    higher_is_better = False

    def of_samples(self, targets: Array, outputs: Array) -> Array:
        """Return the mean squared error of each sample: (N, J), (N, J) -> (N,).

        >>> MeanSquaredError().of_samples(np.array([[0.0, 1.0]]), np.array([[1.0, 3.0]]))
        array([2.5])
        """
        return _mean((outputs - targets) ** 2)


class MeanAbsoluteError(Metric):
    """Mean of the absolute differences between outputs and targets."""

    higher_is_better = False

    def of_samples(self, targets: Array, outputs: Array) -> Array:
        """Return the mean absolute error of each sample: (N, J), (N, J) -> (N,).

        >>> MeanAbsoluteError().of_samples(np.array([[0.0, 1.0]]), np.array([[1.0, 3.0]]))
        array([1.5])
        """
        return _mean(abs(outputs - targets))


def _mean(values: Array) -> Array:
    """Return the mean of each sample: (N, ...) -> (N,); (N,) is returned as it is."""
    return values if values.ndim == 1 else values.reshape(len(values), -1).mean(axis=1)


KNOWN: dict[str, type[Metric]] = {
    "accuracy": Accuracy, "acc": Accuracy, "categorical_accuracy": CategoricalAccuracy,
    "sparse_categorical_accuracy": SparseCategoricalAccuracy, "binary_accuracy": BinaryAccuracy,
    "mean_squared_error": MeanSquaredError, "mse": MeanSquaredError,
    "mean_absolute_error": MeanAbsoluteError, "mae": MeanAbsoluteError,
}  # fmt: skip


def get(identifier: str | Metric) -> Metric:
    """Return the metric of that name, or `identifier` itself if it is a metric.

    'accuracy' (or 'acc') keeps that name in the history, as in Keras.

    Raises
    ------
    ValueError
        There is no metric of that name.
    """
    if isinstance(identifier, Metric):
        return identifier
    return look_up("metric", identifier, KNOWN)(name=identifier)


def get_all(identifiers: str | Metric | Iterable[str | Metric] | None) -> list[Metric]:
    """Return the metrics of these names; one name or metric is a list of one, and None an empty one.

    Raises
    ------
    ValueError
        There is no metric of that name.
    """
    if not isinstance(identifiers, Iterable) or isinstance(identifiers, (str, type)):
        identifiers = [] if identifiers is None else [identifiers]
    return [get(identifier) for identifier in identifiers]


if not TYPE_CHECKING:  # a type checker would take every name for defined
    __getattr__ = names_of_module(__name__)
