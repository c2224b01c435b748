"""Metrics: accuracy, the share of samples whose most probable class is the right one."""

from __future__ import annotations

from scratchcnn.configs import Config, Configured
from scratchcnn.names import look_up
from scratchcnn.operands import Array


class CategoricalAccuracy(Configured):
    """Share of samples whose largest output stands where the largest target does.

    Parameters
    ----------
    name : str, optional
        What the metric is called in `History` and in the progress lines.
    """

    name = "categorical_accuracy"

    def __init__(self, name: str | None = None) -> None:
        self.name = name or self.name

    def get_config(self) -> Config:
        """The arguments of the constructor, by name."""
        return {"name": self.name}

    def of_samples(self, targets: Array, outputs: Array) -> Array:
        """For each sample whether it is right: (N, J), (N, J) -> (N,) bool.

        >>> CategoricalAccuracy().of_samples(np.array([[0, 1], [1, 0]]), np.array([[0.2, 0.8], [0.1, 0.9]]))
        array([ True, False])
        """
        correct: Array = targets.argmax(axis=1) == outputs.argmax(axis=1)
        return correct


class SparseCategoricalAccuracy(CategoricalAccuracy):
    """`CategoricalAccuracy` under its name for labels that are class numbers; labels reach it as one-hot rows."""

    name = "sparse_categorical_accuracy"


Metric = CategoricalAccuracy


def get(identifier: str | Metric) -> Metric:
    """The metric of that name, or `identifier` itself if it is one.

    'accuracy' (or 'acc') is called so in the history, as in Keras.

    Raises
    ------
    ValueError
        There is no metric of that name.
    """
    if isinstance(identifier, CategoricalAccuracy):
        return identifier
    known = {
        "accuracy": CategoricalAccuracy,
        "acc": CategoricalAccuracy,
        CategoricalAccuracy.name: CategoricalAccuracy,
        SparseCategoricalAccuracy.name: SparseCategoricalAccuracy,
    }
    return look_up("metric", identifier, known)(name=identifier)
