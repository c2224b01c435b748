"""Common parts of the tools that explain one prediction: checked arguments, fill values, and the text of a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scratchcnn.arguments import finite
from scratchcnn.inspection.arguments import built_model, one_image, one_label, sample_shape
from scratchcnn.inspection.attribution.class_score import Probabilities, probabilities_of
from scratchcnn.inspection.text.layout import facts, wrap
from scratchcnn.inspection.text.numbers import short
from scratchcnn.inspection.text.printed import Printed
from scratchcnn.inspection.text.sketch import sketch
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential


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


@dataclass(frozen=True, eq=False, repr=False)
class ImageResult(Printed):
    """Base class of the results for one image.

    Attributes
    ----------
    image : (*input_shape)   as given
    label, answer : int      the class of interest, the predicted class of the image
    """

    image: Array
    label: int
    answer: int

    def _classes(self, probabilities: Probabilities) -> list[tuple[str, str]]:
        """Return the facts about the two classes, given the probabilities (classes,) of the unchanged image."""
        both = ("prediction", self.answer), ("class of interest", self.label)
        return [(name, f"{number} ({probabilities[number]:.1%})") for name, number in both]

    def _caption(self, probabilities: Probabilities) -> str:
        """Return the caption of the image in a figure."""
        return f"prediction: {self.answer} ({probabilities[self.answer]:.1%})"

    def _sketch(self, values: Array, what: str, largest: str, below: str = "") -> list[str]:
        """Return the image and a map (H, W) in tenths of its maximum; `below` names negative values, if any."""
        letters = f"; a to i: {below}" if below else ""
        caption = f"The image, and {what} (1 to 9: tenths of the maximum, {largest}{letters})."
        return [*wrap(caption), "", *sketch(self.image, values, float(np.abs(values).max()))]


def sections(title: str, known: Sequence[tuple[str, str]], *blocks: list[str]) -> str:
    """Return the text of a result: a title, facts and blocks of lines, separated by blank lines."""
    return "\n\n".join("\n".join(lines) for lines in ([title], facts(known), *blocks))


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


def fill_text(values: Array) -> str:
    """Return fill values as text: '0' or '(0.2, 0.4, 0.1)'."""
    numbers = [short(float(value)) for value in values.ravel()]
    return numbers[0] if len(set(numbers)) == 1 else f"({', '.join(numbers)})"
