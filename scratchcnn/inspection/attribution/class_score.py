"""The score of a class, its probability, and the gradient of the score w.r.t. the output of any layer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scratchcnn.activations import Softmax
from scratchcnn.fusion.plan import Plan
from scratchcnn.inspection.arguments import one_label
from scratchcnn.inspection.tracing.passes import backward, forward
from scratchcnn.layers import Layer
from scratchcnn.losses import CategoricalCrossentropy
from scratchcnn.names import look_up
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import as_input
from scratchcnn.training.softmax_loss import on_logits

Probabilities = npt.NDArray[np.float64]


class ClassGradient(NamedTuple):
    """The score of one class for one image, and its gradient w.r.t. the output of one layer.

    Attributes
    ----------
    score : float
        The logit of the class, or its probability.
    output : (*output_shape), the model's dtype
        The output of the layer, or the image in the model's dtype.
    gradient : (*output_shape), the model's dtype
        Of the score w.r.t. each element of the output.
    """

    score: float
    output: Array
    gradient: Array


def class_gradient(
    model: Sequential, batch: Array, label: int, of: str = "logit", place: int | None = None
) -> ClassGradient:
    """Compute the gradient of a class score w.r.t. the output of a layer or the image, by backpropagation.

    Parameters
    ----------
    model : Sequential
        Built.
    batch : (1, *input_shape)
        One image, as `arguments.one_image` gives it.
    label : int
        The class.
    of : {'logit', 'probability'}
        The score: before softmax, or after it.
    place : int, optional
        Index of the layer in `model.layers`. Default: w.r.t. the image itself, in its original units.

    Raises
    ------
    ValueError
        Another `of`, or a custom layer that returns no gradient w.r.t. its input.

    Notes
    -----
    Dropout is off. Both passes are those of `trace`, which keep the input and output of each layer.
    """
    of_probability = look_up("of", of, {"logit": False, "probability": True})
    plan, ops = Plan(logit_layers(model), model.engine, fuse=False), model.ops
    steps = forward(plan, as_input(batch, model.dtype), training=False, rng=None)
    scores, by_scores = steps[-1].output, np.zeros_like(steps[-1].output)  # (1, classes)
    by_scores[0, label] = 1
    if of_probability:
        scores = ops.softmax(scores)
        by_scores = ops.softmax_gradient(by_scores, scores)
    gradients = backward(plan, steps, by_scores)
    output = steps[0].input if place is None else steps[place].output
    gradient = gradients[0].d_input if place is None else gradients[place].d_output
    assert gradient is not None
    return ClassGradient(float(scores[0, label]), output[0], gradient[0])


def logit_layers(model: Sequential) -> list[Layer]:
    """Return the layers of a model without a final softmax, so that their output is logits, as in training."""
    return on_logits(model.layers, CategoricalCrossentropy(from_logits=not ends_in_softmax(model)))[0]


def ends_in_softmax(model: Sequential) -> bool:
    """Return whether the predictions of the model are probabilities."""
    return isinstance(getattr(model.layers[-1], "activation", None), Softmax)


def probabilities_of(model: Sequential, batch: Array) -> Probabilities:
    """Return class probabilities (N, classes): the result of `predict`, or its softmax if the model ends in logits."""
    outputs = model.predict(batch, batch_size=len(batch))
    if not ends_in_softmax(model):
        outputs = model.ops.softmax(outputs)
    return outputs.astype(np.float64)


def class_to_watch(model: Sequential, batch: Array, label: object) -> tuple[Probabilities, int]:
    """Return the probabilities (classes,) of one image, and the class `label`; for None, the predicted class.

    Raises
    ------
    ValueError, TypeError
        A label that is no class of the model.
    """
    watched = None if label is None else one_label(model, label)
    probabilities = probabilities_of(model, batch)[0]
    return probabilities, int(probabilities.argmax()) if watched is None else watched
