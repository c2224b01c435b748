"""The input gradient: how the score of a class would change with each pixel."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from scratchcnn.inspection.arguments import built_model, one_image
from scratchcnn.inspection.attribution.class_score import class_gradient, class_to_watch
from scratchcnn.inspection.attribution.saliency_data import InputGradientData
from scratchcnn.inspection.text.layout import facts, wrap
from scratchcnn.inspection.text.sketch import sketch
from scratchcnn.sequential import Sequential

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LISTED = 5  # pixels in the text


@dataclass(frozen=True, eq=False)
class InputGradient(InputGradientData):
    """What `input_gradient` found.

    Attributes
    ----------
    image : (*input_shape), as it was given
    label : int
        The class.
    probabilities : float64 (classes,)
        What the model gives the image.
    of : {'logit', 'probability'}
        What the gradient is of.
    score : float
        Its value for this image.
    gradient : (*input_shape), the model's dtype
        Of the score by each number of the image, in the units in which it was given: of 0 to 255 where the model
        begins with Rescaling(1 / 255).
    times_input : (*input_shape), the model's dtype
        Gradient times input: roughly what each pixel adds to the score. With ReLU and max-pooling alone the logit is
        piecewise linear, and the sum of these differs from it by what the biases (and an offset of Rescaling) add.
    """

    def __str__(self) -> str:
        total = float(self.times_input.sum(dtype=np.float64))
        value = f"{self.score:.4g}"
        known = [
            ("model's answer", f"{self.answer} ({self.probabilities[self.answer]:.1%})"),
            ("gradient of", f"the {self.of} of class {self.label}, {value} (probability "
                            f"{self.probabilities[self.label]:.1%})"),
            ("largest gradient", f"{float(np.abs(self.gradient).max()):.3g} of {self.of} for each 1 of a pixel"),
            ("gradient × input", f"sums to {total:.4g}; the {self.of} is {value}{self._why_not_all()}"),
        ]  # fmt: skip
        lines = [f"Input gradient: how the {self.of} of class {self.label} would change with each pixel", ""]
        lines += [*facts(known), "", *self._table(), ""]
        if self.contributions.ndim == 2:
            limit = float(np.abs(self.contributions).max())
            lines += wrap(
                f"The image, and gradient × input (9: near {limit:.3g}, the most; 1: a tenth of that; a to i: the "
                "same below zero)."
            )
            lines += ["", *sketch(self.image, self.contributions, limit), ""]
        lines += wrap(
            "Above zero: more of this pixel raises the score. Weakness: a gradient tells of very small changes "
            "only, and differs wildly from pixel to pixel; and where a pixel is 0, gradient × input is 0, so ink "
            "that is missing never shows there (Simonyan et al. 2014, section 3)."
        )
        return "\n".join(lines)

    def _why_not_all(self) -> str:
        """What the sum of gradient times input leaves out."""
        if self.of == "probability":
            return ""
        return "; the rest is what the biases add"  # between kinks, ReLU and pooling are straight lines

    def _table(self) -> list[str]:
        """The pixels whose gradient is greatest, one a line."""
        lines = [f"{'greatest':17}{'position':>14}{'pixel':>10}{'gradient':>12}{'× input':>12}"]
        for flat in np.argsort(-np.abs(self.gradient), axis=None, kind="stable")[:LISTED]:
            place = tuple(int(i) for i in np.unravel_index(int(flat), self.gradient.shape))
            shown = place[:-1] if len(place) == 3 and self.gradient.shape[-1] == 1 else place
            where = str(shown[0]) if len(shown) == 1 else str(shown)
            gradient, times = float(self.gradient[place]), float(self.times_input[place])
            lines.append(f"{'':17}{where:>14}{self.image[place]:>10.4g}{gradient:>12.3g}{times + 0.0:>12.3g}")
        return lines

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw gradient and gradient × input over the image; write it to a file if one is named.

        Raises
        ------
        ValueError
            The model's input is no image; or as `plots.save`, as is OSError.
        """
        from scratchcnn.inspection.attribution.saliency_figure import plot_input_gradient

        return plot_input_gradient(self, to_file)


def input_gradient(
    model: Sequential, image: npt.ArrayLike, label: int | None = None, *, of: str = "logit"
) -> InputGradient:
    """The gradient of a class's score by every pixel, plain and times the pixel.

    Parameters
    ----------
    model : Sequential
        Built.
    image : array-like
        One image, as the model takes it; without the channel axis if there is one channel.
    label : int, optional
        The class; default: what the model takes the image for.
    of : {'logit', 'probability'}, default 'logit'
        The logit is the number before softmax, and depends on this class alone. A probability also rises when other
        classes fall, and near 0 or 1 it hardly moves: the surer the model, the nearer to zero its gradient everywhere
        (of two classes, p * (1 - p) times that of the difference of their logits), until nothing but rounding is left.
        In return, a logit has no zero of its own: softmax sees only how logits differ, and what all classes share
        shows in the gradient of each.

    Returns
    -------
    InputGradient
        `print` it; `plot('gradient.png')` draws it.

    Raises
    ------
    TypeError, ValueError
        The model is not built; not one image; no such class; another `of`.

    Notes
    -----
    One forward and one backward pass, dropout off. Training stops its backward pass at the first layer with
    parameters; here it goes on to the image.

    References
    ----------
    Simonyan, Vedaldi & Zisserman 2014, "Deep inside convolutional networks: visualising image classification models
    and saliency maps", section 3; gradient times input: Shrikumar et al. 2016, "Not just a black box: learning
    important features through propagating activation differences".

    Examples
    --------
    >>> from scratchcnn.layers import Dense
    >>> model = Sequential([Dense(2, "softmax", input_shape=(3,))], seed=0)
    >>> found = input_gradient(model, [1.0, 2.0, 3.0], label=1)
    >>> bool(np.allclose(found.gradient, model.layers[0].params["kernel"][:, 1]))
    True
    """
    model = built_model(model, "input_gradient")
    batch = one_image(model, image)
    probabilities, label = class_to_watch(model, batch, label)
    score, pixels, gradient = class_gradient(model, batch, label, of)
    return InputGradient(batch[0].copy(), label, probabilities, of, score, gradient, gradient * pixels)
