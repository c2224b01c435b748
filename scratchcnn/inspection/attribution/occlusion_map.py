"""Occlusion: the decrease of a class probability when a patch of the image is covered."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from scratchcnn.arguments import integer_pair, positive_integer
from scratchcnn.geometry import Pair
from scratchcnn.inspection.attribution.class_score import Probabilities, probabilities_of
from scratchcnn.inspection.attribution.image_result import ImageResult, checked_inputs, fill_text, fill_values, sections
from scratchcnn.inspection.text.layout import wrap
from scratchcnn.inspection.text.numbers import points
from scratchcnn.inspection.text.table import table
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import as_input

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Indices = npt.NDArray[np.int64]

FRACTION = 6  # the default patch has a sixth of the rows and columns
LISTED = 5  # patches in the text


@dataclass(frozen=True, eq=False, repr=False)
class Occlusion(ImageResult):
    """Result of `occlusion`; `image`, `label` and `answer` as in `ImageResult`.

    Attributes
    ----------
    baseline : float64 (classes,)
        Probabilities of the image.
    tops, lefts : int64 (rows,), (columns,)
        First row and first column of the patches.
    size, stride : (int, int)
        Size of a patch, and step from one to the next; the step to the last may be shorter, as it ends with the image.
    fill : (C,) or ()
        Value of the covered pixels.
    probabilities : float64 (rows, columns, classes)
        Of the image with the patch at tops[row], lefts[column] covered.
    """

    baseline: Probabilities
    tops: Indices
    lefts: Indices
    size: Pair
    stride: Pair
    fill: Array
    probabilities: Probabilities

    @property
    def falls(self) -> Probabilities:
        """Decrease of the class's probability for each patch, (rows, columns); negative where it increases."""
        return self.baseline[self.label] - self.probabilities[..., self.label]

    @property
    def answers(self) -> Indices:
        """The predicted class for each covered patch, (rows, columns)."""
        return self.probabilities.argmax(axis=-1)

    @property
    def map(self) -> Probabilities:
        """For each pixel, the mean decrease over all patches that cover it, (H, W)."""
        height, width = self.image.shape[:2]
        sums, counts = np.zeros((height, width)), np.zeros((height, width))
        for (row, column), fall in np.ndenumerate(self.falls):
            top, left = self.tops[row], self.lefts[column]
            place = slice(top, top + self.size[0]), slice(left, left + self.size[1])
            sums[place] += fall
            counts[place] += 1
        return sums / counts

    def greatest(self, count: int) -> list[tuple[int, int]]:
        """Row and column in `falls` of the largest decreases, taken greedily among patches that do not overlap."""
        found: list[tuple[int, int]] = []
        for flat in np.argsort(-self.falls, axis=None, kind="stable"):
            row, column = divmod(int(flat), len(self.lefts))
            if len(found) < count and not any(self._overlap((row, column), other) for other in found):
                found.append((row, column))
        return found

    def _overlap(self, one: tuple[int, int], other: tuple[int, int]) -> bool:
        """Return whether two patches have a pixel in common."""
        down = abs(int(self.tops[one[0]] - self.tops[other[0]]))
        right = abs(int(self.lefts[one[1]] - self.lefts[other[1]]))
        return down < self.size[0] and right < self.size[1]

    def __str__(self) -> str:
        changed = int((self.answers != self.answer).sum())
        height, width = self.size
        known = [
            *self._classes(self.baseline),
            ("patches", f"{self.falls.size:,} of {height} × {width} pixels, filled with {fill_text(self.fill)}"),
            ("changed predictions", f"{changed:,} of {self.falls.size:,}"),
        ]
        note = (
            "The model uses the pixels whose covering decreases the probability most. Limitations: a covered image is "
            "unlike those seen in training, and covering one of two redundant parts changes nothing (Zeiler & Fergus "
            "2014, section 4.2)."
        )
        return sections(
            f"Occlusion: decrease of the probability of class {self.label} when a patch is covered", known,
            ["Largest decreases:", "", *self._table()],
            self._sketch(
                self.map, "the mean decrease over the patches that cover each pixel",
                f"{points(float(np.abs(self.map).max()))} points", "increases",
            ),
            wrap(note),
        )  # fmt: skip

    def _table(self) -> list[str]:
        """Return a table of the patches with the largest decreases."""
        rows = []
        for row, column in self.greatest(LISTED):
            top, left, answer = int(self.tops[row]), int(self.lefts[column]), int(self.answers[row, column])
            rows.append([
                f"{top}–{top + self.size[0] - 1}",
                f"{left}–{left + self.size[1] - 1}",
                f"{self.probabilities[row, column, self.label]:.1%}",
                f"{points(float(self.falls[row, column]))} points",
                str(answer) if answer == self.answer else f"{answer} (changed)",
            ])  # fmt: skip
        return table(["rows", "columns", "probability", "decrease", "prediction"], rows, left=(0, 1, 4))

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the image with its most important patch, and the map; write to `to_file`, if given, as `plots.save`."""
        from scratchcnn.inspection.attribution.figure import Map, plot_maps

        ((row, column),) = self.greatest(1)
        below, answer = self.probabilities[row, column], self.answers[row, column]
        corner = float(self.lefts[column]) - 0.5, float(self.tops[row]) - 0.5
        return plot_maps(
            self.image,
            f"Occlusion: decrease of the probability of class {self.label} ({self.baseline[self.label]:.1%})",
            f"prediction: {self.answer} ({self.baseline[self.answer]:.1%})",
            [Map(100 * self.map, f"{self.size[0]} × {self.size[1]} covered", "mean decrease, percentage points")],
            to_file,
            patch=(corner, self.size, f"with this patch covered:\n{answer} ({below[answer]:.1%})"),
        )


def occlusion(
    model: Sequential,
    image: npt.ArrayLike,
    label: int | None = None,
    *,
    size: int | Pair | None = None,
    stride: int | Pair = 1,
    fill: object = None,
    batch_size: int = 256,
) -> Occlusion:
    """Cover one patch of an image at a time, and measure the decrease of a class probability.

        fall[patch] = P(label | image) - P(label | image with the patch covered)

    Parameters
    ----------
    model : Sequential
        Built, on images (H, W, C) or (H, W).
    image : array-like
        One image, as for `predict`, without the batch axis; with one channel, also (H, W).
    label : int, optional
        The class of interest; default: the predicted class.
    size : int or (int, int), optional
        Rows and columns of a patch; default: a sixth of the image's, 5 for 28.
    stride : int or (int, int), default 1
        Step from one patch to the next; at most `size`, so that every pixel is covered.
    fill : float or sequence of float, optional
        Value of the covered pixels, one for all or one for each channel, in the units of the image. Default: the
        background of the image (the median along its border), so that covering removes ink and adds none.
    batch_size : int, default 256
        Number of covered images predicted at once; it does not affect the result except for rounding.

    Returns
    -------
    Occlusion
        `print` it; `plot('occlusion.png')` draws it.

    Raises
    ------
    TypeError, ValueError
        The model is not built or its inputs are no images; not one image; no such class; a patch larger than the
        image, a stride larger than the patch, or a fill value that is not finite.

    Notes
    -----
    Cost: one prediction for each patch, 576 for a 28 x 28 image with the defaults.

    References
    ----------
    Zeiler & Fergus 2014, "Visualizing and understanding convolutional networks", section 4.2 and figure 6.

    Examples
    --------
    >>> from scratchcnn.layers import Conv2D, Dense, Flatten
    >>> model = Sequential([Conv2D(2, 3, input_shape=(6, 5, 1)), Flatten(), Dense(3, "softmax")], seed=0)
    >>> occlusion(model, np.eye(6, 5), label=2, size=3).falls.shape
    (4, 3)
    """
    pixels, label, answer, baseline = checked_inputs(model, image, label, "occlusion")
    height, width = pixels.shape[:2]
    size, stride = _checked_patch(size, stride, (height, width))
    original = as_input(pixels[None], model.dtype)[0]
    fill = fill_values(original, fill)
    tops, lefts = _starts(height, size[0], stride[0]), _starts(width, size[1], stride[1])
    corners = [(top, left) for top in tops.tolist() for left in lefts.tolist()]
    batch_size = positive_integer("batch_size", batch_size)
    parts = [corners[start : start + batch_size] for start in range(0, len(corners), batch_size)]
    found = np.concatenate([probabilities_of(model, _covered(original, part, size, fill)) for part in parts])
    probabilities = found.reshape(len(tops), len(lefts), -1)
    return Occlusion(pixels, label, answer, baseline, tops, lefts, size, stride, fill, probabilities)


def _covered(image: Array, corners: list[tuple[int, int]], size: Pair, fill: Array) -> Array:
    """Return copies of an image, each with one patch covered that begins at (top, left): (corners, H, W, C)."""
    images = np.repeat(image[None], len(corners), axis=0)
    for copy, (top, left) in zip(images, corners, strict=True):
        copy[top : top + size[0], left : left + size[1]] = fill
    return images


def _checked_patch(size: object, stride: object, image: Pair) -> tuple[Pair, Pair]:
    """Return size and stride of the patches, which must fit into the image and leave no gaps."""
    default = max(1, round(image[0] / FRACTION)), max(1, round(image[1] / FRACTION))
    patch, step = default if size is None else integer_pair("size", size), integer_pair("stride", stride)
    if patch[0] > image[0] or patch[1] > image[1]:
        raise ValueError(f"Expected size as at most that of the image, {image}, received {patch}; use smaller patches.")
    if step[0] > patch[0] or step[1] > patch[1]:
        raise ValueError(
            f"Expected stride as at most the size of a patch, {patch}, received {step}; the patches would leave gaps."
        )
    return patch, step


def _starts(length: int, size: int, stride: int) -> Indices:
    """Return the first indices of the patches along one axis; the last patch ends with the image."""
    last = length - size
    return np.array(sorted({*range(0, last, stride), last}))
