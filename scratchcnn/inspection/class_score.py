"""The score that a model gives a class, its probability, and the score's gradient by what any layer put out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scratchcnn.activations import Softmax
from scratchcnn.inspection.arguments import one_label
from scratchcnn.inspection.passes import backward, forward
from scratchcnn.layers import Layer
from scratchcnn.losses import CategoricalCrossentropy
from scratchcnn.names import look_up
from scratchcnn.operands import Array
from scratchcnn.operations import engine as operations_of
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import as_input
from scratchcnn.training.step import on_logits

Probabilities = npt.NDArray[np.float64]


class ClassGradient(NamedTuple):
    """The score of one class for one image, and its gradient by some layer's output.

    Attributes
    ----------
    score : float
        The logit of the class, or its probability.
    output : (*output_shape), the model's dtype
        What the layer put out; of no layer, the image as the model computes with it.
    gradient : (*output_shape), the model's dtype
        Of the score by each number of the output.
    """

    score: float
    output: Array
    gradient: Array


def class_gradient(
    model: Sequential, batch: Array, label: int, of: str = "logit", place: int | None = None
) -> ClassGradient:
    """The gradient of a class's score by the output of a layer, or by the image: one forward and one backward pass.

    Parameters
    ----------
    model : Sequential
        Built.
    batch : (1, *input_shape)
        One image, as `arguments.one_image` gives it.
    label : int
        The class.
    of : {'logit', 'probability'}
        Which score: the number before softmax, or after it.
    place : int, optional
        Of the layer in `model.layers`; default: by the image itself, in the units in which it was given.

    Raises
    ------
    ValueError
        Another `of`, or a user's own layer that returns no gradient by its input.

    Notes
    -----
    Dropout is off. Both passes are those of `trace`, which keep what each layer was given and made.
    """
    of_probability = look_up("of", of, {"logit": False, "probability": True})
    layers, ops = logit_layers(model), operations_of(model.engine)
    steps = forward(layers, as_input(batch, model.dtype), ops, training=False, rng=None)
    scores, by_scores = steps[-1].output, np.zeros_like(steps[-1].output)  # (1, classes)
    by_scores[0, label] = 1
    if of_probability:
        scores = ops.softmax(scores)
        by_scores = ops.softmax_gradient(by_scores, scores)
    gradients = backward(layers, steps, by_scores, ops)
    output = steps[0].input if place is None else steps[place].output
    gradient = gradients[0].d_input if place is None else gradients[place].d_output
    assert gradient is not None
    return ClassGradient(float(scores[0, label]), output[0], gradient[0])


def logit_layers(model: Sequential) -> list[Layer]:
    """The layers of a model without the softmax at their end: they give logits, as in training.

    A model that does not end in softmax gives logits by itself.
    """
    return on_logits(model.layers, CategoricalCrossentropy(from_logits=not ends_in_softmax(model)))[0]


def ends_in_softmax(model: Sequential) -> bool:
    """Whether what the model predicts are probabilities already."""
    return isinstance(getattr(model.layers[-1], "activation", None), Softmax)


def probabilities_of(model: Sequential, batch: Array) -> Probabilities:
    """The probability of every class for each image of a batch: (N, classes).

    They are what `predict` gives, or softmax of it where the model ends in logits.
    """
    outputs = model.predict(batch, batch_size=len(batch))
    if not ends_in_softmax(model):
        outputs = operations_of(model.engine).softmax(outputs)
    return outputs.astype(np.float64)


def class_to_watch(model: Sequential, batch: Array, label: object) -> tuple[Probabilities, int]:
    """The probabilities (classes,) of one image, and the class asked for: `label`, or for None the model's answer.

    Raises
    ------
    ValueError, TypeError
        A label that is no class of the model.
    """
    watched = None if label is None else one_label(model, label)
    probabilities = probabilities_of(model, batch)[0]
    return probabilities, int(probabilities.argmax()) if watched is None else watched
