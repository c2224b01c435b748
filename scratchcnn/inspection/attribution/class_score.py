"""Score of a class: its logit or probability, and the gradient of the score w.r.t. the output of any layer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scratchcnn.activations import Softmax
from scratchcnn.fusion.plan import Plan
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
    """The score of a class, the output of a layer (or the image), and the gradient of the score w.r.t. it."""

    score: float
    output: Array
    gradient: Array


def class_gradient(
    model: Sequential, batch: Array, label: int, of: str = "logit", place: int | None = None
) -> ClassGradient:
    """Compute the gradient of a class score w.r.t. the output of a layer or the image, in the dtype of the model.

    `batch` is one image, (1, *input_shape); `of` is 'logit' or 'probability'; `place` is the index of the layer, None:
    the gradient is w.r.t. the image itself, in its original units. Dropout is off; both passes are those of `trace`.
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
    return on_logits(model.layers, CategoricalCrossentropy(from_logits=not _ends_in_softmax(model)))[0]


def probabilities_of(model: Sequential, batch: Array) -> Probabilities:
    """Return class probabilities (N, classes): the result of `predict`, or its softmax if the model ends in logits."""
    outputs = model.predict(batch, batch_size=len(batch))
    if not _ends_in_softmax(model):
        outputs = model.ops.softmax(outputs)
    return outputs.astype(np.float64)


def _ends_in_softmax(model: Sequential) -> bool:
    return isinstance(getattr(model.layers[-1], "activation", None), Softmax)
