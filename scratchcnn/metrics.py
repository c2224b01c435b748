"""Metrics: accuracy, the fraction of samples classified correctly, and the base class of all metrics."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from scratchcnn.configs import Config, Configured
from scratchcnn.names import look_up, names_of_module
from scratchcnn.operands import Array


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
    >>> class MeanAbsoluteError(Metric):
    ...     higher_is_better = False
    ...
    ...     def of_samples(self, targets, outputs):
    ...         return abs(targets - outputs).mean(axis=1)
    >>> MeanAbsoluteError().name
    'mean_absolute_error'
    """

    higher_is_better = True

    def __init__(self, name: str | None = None) -> None:
        self.name = name or re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()

    def get_config(self) -> Config:
        """Return the constructor's arguments by name."""
        return {"name": self.name}

    def of_samples(self, targets: Array, outputs: Array) -> Array:
        """Compute the metric of each sample: (N, *output_shape), (N, *output_shape) -> (N,), numbers or booleans."""
        raise NotImplementedError


class CategoricalAccuracy(Metric):
    """Accuracy: the fraction of samples whose largest output is at the position of the largest target."""

    def of_samples(self, targets: Array, outputs: Array) -> Array:
        """Return whether each sample is classified correctly: (N, J), (N, J) -> (N,) bool.

        >>> CategoricalAccuracy().of_samples(np.array([[0, 1], [1, 0]]), np.array([[0.2, 0.8], [0.1, 0.9]]))
        array([ True, False])
        """
        correct: Array = targets.argmax(axis=1) == outputs.argmax(axis=1)
        return correct


class SparseCategoricalAccuracy(CategoricalAccuracy):
    """`CategoricalAccuracy` under its name for integer labels, which are one-hot rows when they arrive here."""


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
    known = {
        "accuracy": CategoricalAccuracy,
        "acc": CategoricalAccuracy,
        "categorical_accuracy": CategoricalAccuracy,
        "sparse_categorical_accuracy": SparseCategoricalAccuracy,
    }
    return look_up("metric", identifier, known)(name=identifier)


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
