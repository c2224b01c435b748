"""The second model of a page: what its panel needs, and on which images the two models disagree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchcnn.inspection.arguments import built_model, class_count, sample_shape
from scratchcnn.inspection.laboratory.network import network_data
from scratchcnn.inspection.laboratory.stored_weights import largest_rounding, with_stored_weights
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential

SHOWN = 24  # images on which the models disagree


@dataclass(frozen=True)
class Comparison:
    """Two models on the same images, with the weights that the page stores.

    Attributes
    ----------
    names : tuple of str
    rounding : float  largest rounding error of a weight of the second model, as `Laboratory.rounding`
    changed : int  how many images have another predicted class with its stored weights
    accuracies : tuple of float
    disagreements : int array  all images for which the predicted classes differ; the most confident ones first
    answers : int array (2, N)  predicted classes of both
    """

    names: tuple[str, str]
    rounding: float
    changed: int
    accuracies: tuple[float, float]
    disagreements: Array
    answers: Array

    def data(self, other: Sequential, numbers: Sequence[int]) -> dict[str, Any]:
        """Return the entry of the page: `numbers` are those of the stored images that are shown."""
        shown = self.disagreements[:SHOWN]
        return {
            "names": list(self.names),
            "network": network_data(other),
            "accuracies": list(self.accuracies),
            "images": self.answers.shape[1],
            "disagreements": len(self.disagreements),
            "shown": [
                {"digit": digit, "answers": self.answers[:, image].tolist()}
                for digit, image in zip(numbers, shown, strict=True)
            ],
        }


def compare_models(
    model: Sequential, other: Sequential, names: Sequence[str], x: Array, y: Array, probabilities: Array
) -> Comparison:
    """Return where the models disagree on images x (N, *shape) with labels y.

    Parameters
    ----------
    model, other : Sequential
    names : sequence of two str
    x, y : (N, *shape), (N,)
    probabilities : (N, classes)
        Of `model` with its stored weights.

    Raises
    ------
    TypeError, ValueError
        `other` is not built, or has another input shape or number of classes; `names` are not two different names.
    """
    other = built_model(other, "compare")
    expected, received = ((sample_shape(each), class_count(each)) for each in (model, other))
    if expected != received:
        raise ValueError(
            f"Expected compare with the input shape {expected[0]} and the {expected[1]} classes of the model, received "
            f"input shape {received[0]} and {received[1]} classes; compare models of the same images."
        )
    if isinstance(names, str) or len(set(names)) != 2 or not all(isinstance(name, str) and name for name in names):
        raise ValueError(
            f"Expected names as two different texts, received {names!r}; give, for example, ('after 1 epoch', "
            f"'after 10 epochs')."
        )
    both = np.stack([probabilities, with_stored_weights(other).predict(x)])  # (2, N, classes)
    answers = both.argmax(axis=2)
    differing = np.flatnonzero(answers[0] != answers[1])
    confidence = both[:, differing].max(axis=2).min(axis=0)  # of the less confident one
    changed = int((answers[1] != other.predict(x).argmax(axis=1)).sum())
    return Comparison(
        (names[0], names[1]),
        largest_rounding(other),
        changed,
        (float((answers[0] == y).mean()), float((answers[1] == y).mean())),
        differing[np.argsort(-confidence, kind="stable")],
        answers,
    )
