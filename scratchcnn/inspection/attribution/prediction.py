"""Common parts of the tools that explain one prediction: checked arguments, probabilities, logits, fill values."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scratchcnn.activations import Softmax
from scratchcnn.arguments import finite
from scratchcnn.inspection.arguments import built_model, one_image, one_label, sample_shape
from scratchcnn.layers import Layer
from scratchcnn.losses import CategoricalCrossentropy
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential
from scratchcnn.training.logits_loss import on_logits

Probabilities = npt.NDArray[np.float64]


def checked_inputs(
    model: Sequential, image: npt.ArrayLike, label: object, tool: str, images_only: bool = True
) -> tuple[Array, int, int, Probabilities]:
    """Check the arguments that the tools have in common, and predict the image.

    Return a copy of the image in its own dtype, the class of interest (by default the predicted class), the predicted
    class, and the probabilities (classes,).
    """
    shape = sample_shape(built_model(model, tool))
    if images_only and len(shape) not in (2, 3):
        raise ValueError(
            f"Expected a model of images (H, W, C) or (H, W) for {tool}, received one whose input is {shape}; let it "
            "begin with Flatten(input_shape=(28, 28, 1)), so that the position of each pixel is known."
        )
    batch = one_image(model, image)
    chosen = None if label is None else one_label(model, label)
    probabilities = probabilities_of(model, batch)[0]
    answer = int(probabilities.argmax())
    return batch[0].copy(), answer if chosen is None else chosen, answer, probabilities


def logit_layers(model: Sequential) -> list[Layer]:
    """Return the layers of a model without a final softmax, so that their output is logits, as in training."""
    return on_logits(model.leaf_layers, CategoricalCrossentropy(from_logits=not _ends_in_softmax(model)))[0]


def probabilities_of(model: Sequential, batch: Array) -> Probabilities:
    """Return class probabilities (N, classes): the result of `predict`, or its softmax if the model ends in logits."""
    outputs = model.predict(batch, batch_size=len(batch))
    if not _ends_in_softmax(model):
        outputs = model.ops.softmax(outputs)
    return outputs.astype(np.float64)


def _ends_in_softmax(model: Sequential) -> bool:
    return isinstance(getattr(model.leaf_layers[-1], "activation", None), Softmax)


def fill_values(image: Array, fill: object = None) -> Array:
    """Return the value of each channel, (C,) or (), for pixels that are covered or come in from outside.

    `fill` is one number, one for each channel, or None for the background of the image: the median along its border. It
    is 0 for a digit of MNIST and the transformed 0 for a standardized one, as no constant is right for every data set.
    """
    if fill is None:
        border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])  # (2 * W + 2 * H, C)
        return np.median(border, axis=0).astype(image.dtype)
    given = np.asarray(fill)
    if given.shape not in ((), image.shape[2:]):
        raise ValueError(
            f"Expected fill as one number or one for each of the {image.shape[2] if image.ndim == 3 else 1} channels, "
            f"received shape {given.shape}; omit it to use the background."
        )
    values = [finite("fill", value) for value in given.ravel().tolist()]
    return np.broadcast_to(np.array(values, image.dtype).reshape(given.shape), image.shape[2:])
