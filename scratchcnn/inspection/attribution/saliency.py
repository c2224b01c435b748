"""Input gradient: the gradient of a class score with respect to each pixel, or to the output of any layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scratchcnn.display.blocks import Block, Facts, Paragraph, Table, Title
from scratchcnn.fusion.plan import Plan
from scratchcnn.inspection.arguments import index_of
from scratchcnn.inspection.attribution.image_result import Drawing, ImageResult, Map
from scratchcnn.inspection.attribution.prediction import Probabilities, checked_inputs, logit_layers
from scratchcnn.inspection.tracing.passes import backward, forward
from scratchcnn.names import look_up
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import as_input

LISTED = 5  # pixels in the text


@dataclass(frozen=True, eq=False, repr=False)
class InputGradient(ImageResult):
    """Result of `input_gradient`; `image`, `label` and `answer` as in `ImageResult`.

    The gradient is in the units of the image: per 1 of 0 to 255 where the model begins with Rescaling(1 / 255). Its
    product with the input is a first-order approximation of the contribution of each pixel. With ReLU and max pooling
    the logit differs from the sum of the products by the contribution of the biases (and of an offset of Rescaling).

    Attributes
    ----------
    probabilities : float64 (classes,)   of the image
    of : str                             the differentiated score, 'logit' or 'probability'
    score : float                        its value for this image
    gradient : (*input_shape)            of the score w.r.t. each element of the image, in the model's dtype
    times_input : (*input_shape)         gradient × input
    """

    probabilities: Probabilities
    of: str
    score: float
    gradient: Array
    times_input: Array

    @property
    def saliency(self) -> Array:
        """Largest absolute gradient over the channels of each pixel: (H, W) for images, else as `gradient`."""
        size = np.abs(self.gradient)
        return size.max(axis=2) if size.ndim == 3 else size

    @property
    def contributions(self) -> Array:
        """Gradient × input, summed over the channels of each pixel: (H, W) for images, else `times_input`."""
        return self.times_input.sum(axis=2) if self.times_input.ndim == 3 else self.times_input

    def blocks(self) -> list[Block]:
        """Return the title, facts, the pixels with the largest gradients, the map, and a note."""
        total, largest = self.times_input.sum(dtype=np.float64), float(np.abs(self.gradient).max())
        rest = "; the rest is the contribution of the biases" if self.of == "logit" else ""
        known = [
            *self._classes(self.probabilities),
            ("gradient of", f"the {self.of} of class {self.label}, {self.score:.4g}"),
            ("largest gradient", f"{largest:.3g} in absolute value, {self.of} per unit of the pixel"),
            ("gradient × input", f"its sum is {total:.4g}; the {self.of} is {self.score:.4g}{rest}"),
        ]
        rows = []
        for flat in np.argsort(-np.abs(self.gradient), axis=None, kind="stable")[:LISTED]:
            place = index_of(flat, self.gradient)
            pixel = place[:-1] if len(place) == 3 and self.gradient.shape[-1] == 1 else place
            position = str(pixel[0]) if len(pixel) == 1 else str(pixel)
            gradient, times = float(self.gradient[place]), float(self.times_input[place]) + 0.0  # 0, not -0
            rows.append([position, f"{self.image[place]:.4g}", f"{gradient:.3g}", f"{times:.3g}"])
        heads = ["position", "pixel", "gradient", "gradient × input"]
        shown: list[Block] = [Paragraph("Largest gradients:"), Table(heads, rows)]
        if self.contributions.ndim == 2:
            largest = float(np.abs(self.contributions).max())
            shown += self._sketch(self.contributions, "gradient × input", f"{largest:.3g}", "negative values")
        note = (
            "Where the gradient is positive, a larger pixel value increases the score. Limitations: a gradient "
            "describes very small changes only, and varies strongly between neighboring pixels; where a pixel is 0, "
            "gradient × input is 0, so that missing ink never appears (Simonyan et al. 2014, section 3)."
        )
        title = f"Input gradient: gradient of the {self.of} of class {self.label} with respect to each pixel"
        return [Title(title), Facts(known), *shown, Paragraph(note)]

    def _drawing(self) -> Drawing:
        """Gradient, and gradient × input, summed over the channels; only of an image."""
        if self.image.ndim not in (2, 3):
            raise ValueError(f"Expected an image (H, W, C) or (H, W), received {self.image.shape}; use .gradient.")
        gradient = self.gradient.sum(axis=2) if self.gradient.ndim == 3 else self.gradient
        maps = [
            Map(gradient, "gradient", f"{self.of} per unit of the pixel"),
            Map(self.contributions, "gradient × input", f"contribution to the {self.of}"),
        ]
        title = f"Input gradient: {self.of} of class {self.label} ({self.probabilities[self.label]:.1%})"
        return title, self._caption(self.probabilities), maps, None


def input_gradient(
    model: Sequential, image: npt.ArrayLike, label: int | None = None, *, of: str = "logit"
) -> InputGradient:
    """Compute the gradient of a class score with respect to every pixel, and its product with the pixel.

        gradient[y, x, c] = d score / d image[y, x, c]
        times_input[y, x, c] = gradient[y, x, c] * image[y, x, c]

    This requires one forward and one backward pass, dropout off. Unlike in training, where it ends at the first layer
    with parameters, the backward pass continues to the image.

    Parameters
    ----------
    model : Sequential
        Built.
    image, label : array-like, int, optional
        One image, as for `predict`, without the batch axis; the class of interest, by default the predicted class.
    of : {'logit', 'probability'}, default 'logit'
        The logit, before softmax, depends on this class alone, but only differences of logits affect the prediction.
        The probability also increases when other logits decrease, and saturates near 0 and 1: for two classes its
        gradient is p * (1 - p) times that of the difference of the logits, next to zero for a confident model.

    Returns
    -------
    InputGradient
        `print` it; `plot('gradient.png')` draws it.

    Raises
    ------
    TypeError, ValueError
        The model is not built; not one image; no such class; another `of`.

    References
    ----------
    Simonyan, Vedaldi & Zisserman 2014, "Deep inside convolutional networks", section 3. Gradient × input: Shrikumar et
    al. 2016, "Not just a black box: learning important features through propagating activation differences".

    Examples
    --------
    >>> from scratchcnn.layers import Dense
    >>> model = Sequential([Dense(2, "softmax", input_shape=(3,))], seed=0)
    >>> found = input_gradient(model, [1.0, 2.0, 3.0], label=1)
    >>> bool(np.allclose(found.gradient, model.layers[0].params["kernel"][:, 1]))
    True
    """
    pixels, label, answer, probabilities = checked_inputs(model, image, label, "input_gradient", images_only=False)
    score, original, gradient = class_gradient(model, pixels[None], label, of)
    return InputGradient(pixels, label, answer, probabilities, of, score, gradient, gradient * original)


def class_gradient(
    model: Sequential, batch: Array, label: int, of: str = "logit", place: int | None = None
) -> tuple[float, Array, Array]:
    """Return the score of a class, the output of a layer, and the gradient of the score w.r.t. it.

    `batch` is one image, (1, *input_shape); `of` is 'logit' or 'probability'; `place` is the index of the layer, None:
    the image itself takes the place of the output. Dropout is off; both passes are those of `trace`.
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
    return float(scores[0, label]), output[0], gradient[0]
