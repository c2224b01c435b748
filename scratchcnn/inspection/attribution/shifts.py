"""Pixel shifts: the sensitivity of a prediction to translations of the image by a few pixels."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from scratchcnn.arguments import positive_integer
from scratchcnn.display.blocks import Block, Facts, Paragraph, Table, Title
from scratchcnn.inspection.attribution.image_result import ImageResult, fill_text
from scratchcnn.inspection.attribution.prediction import Probabilities, checked_inputs, fill_values, probabilities_of
from scratchcnn.inspection.text.numbers import points
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import as_input

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_LISTED = 4  # the text lists shifts up to this number of pixels, which fit into a line


@dataclass(frozen=True, eq=False, repr=False)
class PixelShifts(ImageResult):
    """Result of `pixel_shifts`; `image`, `label` and `answer` as in `ImageResult`.

    Attributes
    ----------
    most : int                                                n: the image was moved by -n to n pixels, down and right
    fill : (C,) or ()                                         value of the pixels that come in from outside
    probabilities : float64 (2 * n + 1, 2 * n + 1, classes)   of the moved image, at [n + down, n + right]
    cut : bool (2 * n + 1, 2 * n + 1)                         whether pixels other than `fill` left the image
    """

    most: int
    fill: Array
    probabilities: Probabilities
    cut: npt.NDArray[np.bool_]

    @property
    def map(self) -> Probabilities:
        """Probability of the class for each translation, (2 * n + 1, 2 * n + 1)."""
        return self.probabilities[..., self.label]

    @property
    def answers(self) -> npt.NDArray[np.int64]:
        """The predicted class for each translation, (2 * n + 1, 2 * n + 1)."""
        return self.probabilities.argmax(axis=-1)

    def blocks(self) -> list[Block]:
        """Return the title, facts, the probabilities for each shift, and a note."""
        n, cut = self.most, int(self.cut.sum())
        lost = f"{cut} of the shifts move a part of the image out" if cut else "no part of the image is moved out"
        known = [
            *self._classes(self.probabilities[n, n]),
            ("by one pixel", self._summary(1)),
            (f"by up to {n}", self._summary(n)),
            ("new pixels", f"filled with {fill_text(self.fill)}; {lost}"),
        ]
        note = (
            "A convolution is equivariant to translations: its output moves with its input. Pooling with strides, "
            "Flatten and Dense are not, so that a single pixel can change the prediction (Azulay & Weiss 2019). "
            "Limitation: this is one image; the robustness of a model needs many."
        )
        title = f"Pixel shifts: probability of class {self.label} when the image is moved"
        shown = min(n, MOST_LISTED)
        steps = [f"{step:+d}" if step else "0" for step in range(-shown, shown + 1)]
        arrows = np.where(self.answers == self.answer, "", np.char.add("→", self.answers.astype(str)))
        width = int(np.char.str_len(arrows).max())
        middle = slice(n - shown, n + shown + 1)
        rows = [
            [step, *(f"{100 * value:.1f}{arrow:<{width}}" for value, arrow in zip(*row, strict=True))]
            for step, *row in zip(steps, self.map[middle, middle], arrows[middle, middle], strict=True)
        ]
        caption = "Probability in percent after moving the image down (rows) and right (columns); →: new prediction."
        limited = f" Only shifts up to {shown} are listed." if shown < n else ""
        shifts = Table(["", *(step + " " * width for step in steps)], rows, left=())
        return [Title(title), Facts(known), Paragraph(caption + limited), shifts, Paragraph(note)]

    def _summary(self, limit: int) -> str:
        """Return the range of the probability and the number of changed predictions for shifts of 1 to `limit`."""
        distance = np.abs(np.indices(self.map.shape) - self.most).max(axis=0)
        places = (distance > 0) & (distance <= limit)
        values, changed = self.map[places], int((self.answers[places] != self.answer).sum())
        worst = points(float(values.min() - self.map[self.most, self.most]), sign=True)
        return (
            f"probability from {values.min():.1%} to {values.max():.1%} (at worst {worst} points); the prediction "
            f"changes in {changed} of {values.size}"
        )

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the image, and a cell for each shift; write them to `to_file`, if given, as `plots.save`."""
        from scratchcnn.inspection.attribution.figure import plot_shifts

        title = f"Pixel shifts: probability of class {self.label}"
        caption = self._caption(self.probabilities[self.most, self.most])
        return plot_shifts(self.image, title, caption, self.map, self.answers, to_file)


def pixel_shifts(
    model: Sequential, image: npt.ArrayLike, label: int | None = None, *, most: int = 3, fill: object = None
) -> PixelShifts:
    """Predict an image translated by -n to n pixels in each direction: (2 * n + 1)^2 predictions.

    Parameters
    ----------
    model : Sequential
        Built, on images (H, W, C) or (H, W).
    image, label : array-like, int, optional
        One image, as for `predict`, without the batch axis; the class of interest, by default the predicted class.
    most : int, default 3
        n, less than rows and columns.
    fill : float or sequence of float, optional
        Value of the pixels that come in from outside, for all channels or for each; default: the background of the
        image (the median along its border).

    Returns
    -------
    PixelShifts
        `print` it; `plot('shifts.png')` draws it.

    Raises
    ------
    TypeError, ValueError
        As `predict`; a model without images as input; no such class; `most` out of range; `fill` not finite.

    References
    ----------
    Azulay & Weiss 2019, "Why do deep convolutional networks generalize so poorly to small image transformations?"

    Examples
    --------
    >>> from scratchcnn.layers import Dense, Flatten
    >>> model = Sequential([Flatten(input_shape=(6, 5, 1)), Dense(3, "softmax")], seed=0)
    >>> pixel_shifts(model, np.eye(6, 5), most=2).map.shape
    (5, 5)
    """
    pixels, label, answer, _ = checked_inputs(model, image, label, "pixel_shifts")
    height, width = pixels.shape[:2]
    most = positive_integer("most", most)
    if most >= min(height, width):
        raise ValueError(f"Expected most below {min(height, width)}, the smaller side, received {most}; use less.")
    original = as_input(pixels[None], model.dtype)[0]
    values = fill_values(original, fill)
    padded = np.empty((height + 2 * most, width + 2 * most, *original.shape[2:]), original.dtype)
    padded[...] = values
    padded[most:-most, most:-most] = original
    starts = range(2 * most, -1, -1)  # of the window in the padded image: the image moves against it
    rows, cut = [], []
    for top in starts:
        moved = np.stack([padded[top : top + height, left : left + width] for left in starts])
        rows.append(probabilities_of(model, moved))
        cut.append([np.count_nonzero(each != values) < np.count_nonzero(original != values) for each in moved])
    return PixelShifts(pixels, label, answer, most, values, np.stack(rows), np.array(cut))
