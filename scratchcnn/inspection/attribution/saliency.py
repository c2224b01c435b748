"""Input gradient: the gradient of a class score with respect to each pixel."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from scratchcnn.inspection.attribution.class_score import Probabilities, class_gradient
from scratchcnn.inspection.attribution.image_result import ImageResult, checked_inputs, sections
from scratchcnn.inspection.text.layout import wrap
from scratchcnn.inspection.text.table import table
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LISTED = 5  # pixels in the text


@dataclass(frozen=True, eq=False, repr=False)
class InputGradient(ImageResult):
    """Result of `input_gradient`; `image`, `label` and `answer` as in `ImageResult`.

    Attributes
    ----------
    probabilities : float64 (classes,)   of the image
    of : str                             the differentiated score, 'logit' or 'probability'
    score : float                        its value for this image
    gradient : (*input_shape)            of the score w.r.t. each element of the image, in the model's dtype
    times_input : (*input_shape)         gradient × input

    The gradient is in the units of the image: per 1 of 0 to 255 where the model begins with Rescaling(1 / 255). Its
    product with the input is a first-order approximation of the contribution of each pixel. With ReLU and max pooling
    the logit is piecewise linear, and differs from the sum of the products by the contribution of the biases (and of an
    offset of Rescaling).
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

    def __str__(self) -> str:
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
            place = tuple(int(i) for i in np.unravel_index(int(flat), self.gradient.shape))
            shown = place[:-1] if len(place) == 3 and self.gradient.shape[-1] == 1 else place
            position = str(shown[0]) if len(shown) == 1 else str(shown)
            gradient, times = float(self.gradient[place]), float(self.times_input[place]) + 0.0  # 0, not -0
            rows.append([position, f"{self.image[place]:.4g}", f"{gradient:.3g}", f"{times:.3g}"])
        heads = ["position", "pixel", "gradient", "gradient × input"]
        blocks = [["Largest gradients:", "", *table(heads, rows)]]
        if self.contributions.ndim == 2:
            largest = float(np.abs(self.contributions).max())
            blocks.append(self._sketch(self.contributions, "gradient × input", f"{largest:.3g}", "negative values"))
        note = (
            "Where the gradient is positive, a larger pixel value increases the score. Limitations: a gradient "
            "describes very small changes only, and varies strongly between neighboring pixels; where a pixel is 0, "
            "gradient × input is 0, so that missing ink never appears (Simonyan et al. 2014, section 3)."
        )
        title = f"Input gradient: gradient of the {self.of} of class {self.label} with respect to each pixel"
        return sections(title, known, *blocks, wrap(note))

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw image, gradient, and gradient × input, summed over the channels; write to `to_file`, as `plots.save`.

        ValueError if the input of the model is not an image.
        """
        from scratchcnn.inspection.attribution.figure import Map, plot_maps

        if self.image.ndim not in (2, 3):
            raise ValueError(
                f"Expected the gradient of an image (H, W, C) or (H, W), received one of shape {self.image.shape}; "
                "use the values in .gradient."
            )
        gradient = self.gradient.sum(axis=2) if self.gradient.ndim == 3 else self.gradient
        maps = [
            Map(gradient, "gradient", f"{self.of} per unit of the pixel"),
            Map(self.contributions, "gradient × input", f"contribution to the {self.of}"),
        ]
        title = f"Input gradient: {self.of} of class {self.label} ({self.probabilities[self.label]:.1%})"
        return plot_maps(self.image, title, self._caption(self.probabilities), maps, to_file)


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
    image : array-like
        One image, as for `predict`, without the batch axis; with one channel, also (H, W).
    label : int, optional
        The class of interest; default: the predicted class.
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
    Simonyan, Vedaldi & Zisserman 2014, "Deep inside convolutional networks: visualising image classification models
    and saliency maps", section 3; gradient × input: Shrikumar et al. 2016, "Not just a black box: learning important
    features through propagating activation differences".

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
