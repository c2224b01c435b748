"""Occlusion: the decrease of a class probability when a patch of the image is covered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scratchcnn.arguments import integer_pair, positive_integer
from scratchcnn.display.blocks import Block, Facts, Paragraph, Table, Title
from scratchcnn.geometry import Pair
from scratchcnn.inspection.attribution.image_result import Drawing, ImageResult, Map, fill_text
from scratchcnn.inspection.attribution.prediction import Probabilities, checked_inputs, fill_values, probabilities_of
from scratchcnn.inspection.text.numbers import points
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import as_input

Indices = npt.NDArray[np.int64]

FRACTION = 6  # the default patch has a sixth of the rows and columns
LISTED = 5  # patches in the text


@dataclass(frozen=True, eq=False, repr=False)
class Occlusion(ImageResult):
    """Result of `occlusion`; `image`, `label` and `answer` as in `ImageResult`.

    Attributes
    ----------
    baseline : float64 (classes,)                      probabilities of the image
    tops, lefts : int64 (rows,), (columns,)            first row and first column of the patches
    size, stride : (int, int)                          of a patch; the last step may be shorter, to end with the image
    fill : (C,) or ()                                  value of the covered pixels
    probabilities : float64 (rows, columns, classes)   with the patch at tops[row], lefts[column] covered
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
        falls = self.falls
        while len(found) < count and not np.isneginf(falls).all():
            row, column = divmod(int(falls.argmax()), len(self.lefts))
            found.append((row, column))
            down, right = np.abs(self.tops - self.tops[row]), np.abs(self.lefts - self.lefts[column])
            falls[np.ix_(down < self.size[0], right < self.size[1])] = -np.inf  # they overlap
        return found

    def blocks(self) -> list[Block]:
        """Return the title, facts, the patches of the largest decreases, the map, and a note."""
        (height, width), count, changed = self.size, self.answers.size, int((self.answers != self.answer).sum())
        known = [
            *self._classes(self.baseline),
            ("patches", f"{count:,} of {height} × {width} pixels, filled with {fill_text(self.fill)}"),
            ("changed predictions", f"{changed:,} of {count:,}"),
        ]
        note = (
            "The model uses the pixels whose covering decreases the probability most. Limitations: a covered image is "
            "unlike those seen in training, and covering one of two redundant parts changes nothing (Zeiler & Fergus "
            "2014, section 4.2)."
        )
        title = f"Occlusion: decrease of the probability of class {self.label} when a patch is covered"
        largest = f"{points(float(np.abs(self.map).max()))} points"
        what = "the mean decrease over the patches that cover each pixel"
        rows = []
        for row, column in self.greatest(LISTED):
            top, left, answer = int(self.tops[row]), int(self.lefts[column]), int(self.answers[row, column])
            probability, fall = self.probabilities[row, column, self.label], float(self.falls[row, column])
            rows.append([
                f"{top}–{top + height - 1}", f"{left}–{left + width - 1}", f"{probability:.1%}",
                f"{points(fall)} points", str(answer) if answer == self.answer else f"{answer} (changed)",
            ])  # fmt: skip
        patches = Table(["rows", "columns", "probability", "decrease", "prediction"], rows, left=(0, 1, 4))
        drawing = self._sketch(self.map, what, largest, "increases")
        return [Title(title), Facts(known), Paragraph("Largest decreases:"), patches, *drawing, Paragraph(note)]

    def _drawing(self) -> Drawing:
        """The most important patch on the image, and the map."""
        ((row, column),) = self.greatest(1)
        below, answer = self.probabilities[row, column], self.answers[row, column]
        corner = float(self.lefts[column]) - 0.5, float(self.tops[row]) - 0.5
        patch = corner, self.size, f"with this patch covered:\n{answer} ({below[answer]:.1%})"
        maps = [Map(100 * self.map, f"{self.size[0]} × {self.size[1]} covered", "mean decrease, percentage points")]
        title = f"Occlusion: decrease of the probability of class {self.label} ({self.baseline[self.label]:.1%})"
        return title, self._caption(self.baseline), maps, patch


def occlusion(
    model: Sequential, image: npt.ArrayLike, label: int | None = None, *, size: int | Pair | None = None,
    stride: int | Pair = 1, fill: object = None, batch_size: int = 256,
) -> Occlusion:  # fmt: skip
    """Cover one patch of an image at a time, and measure the decrease of a class probability.

        fall[patch] = P(label | image) - P(label | image with the patch covered)

    This requires one prediction for each patch: 576 for an image of 28 x 28 with the defaults.

    Parameters
    ----------
    model : Sequential
        Built, on images (H, W, C) or (H, W).
    image, label : array-like, int, optional
        One image, as for `predict`, without the batch axis; the class of interest, by default the predicted class.
    size : int or (int, int), optional
        Rows and columns of a patch; default: a sixth of the image's, 5 for 28.
    stride : int or (int, int), default 1
        Step from one patch to the next; at most `size`, so that every pixel is covered.
    fill : float or sequence of float, optional
        Value of the covered pixels, for all channels or for each. Default: the background of the image (the median
        along its border), so that covering removes ink and adds none.
    batch_size : int, default 256
        Number of covered images predicted at once; it does not affect the result except for rounding.

    Returns
    -------
    Occlusion
        `print` it; `plot('occlusion.png')` draws it.

    Raises
    ------
    TypeError, ValueError
        As `predict`; a model without images as input; no such class; a patch larger than the image, a stride larger
        than the patch, or a fill value that is not finite.

    References
    ----------
    Zeiler & Fergus 2014, "Visualizing and understanding convolutional networks", section 4.2 and figure 6.

    Examples
    --------
    >>> from scratchcnn.layers import Dense, Flatten
    >>> model = Sequential([Flatten(input_shape=(6, 5)), Dense(3, "softmax")], seed=0)
    >>> occlusion(model, np.eye(6, 5), label=2, size=3).falls.shape
    (4, 3)
    """
    pixels, label, answer, baseline = checked_inputs(model, image, label, "occlusion")
    height, width = pixels.shape[:2]
    default = max(1, round(height / FRACTION)), max(1, round(width / FRACTION))
    size, stride = default if size is None else integer_pair("size", size), integer_pair("stride", stride)
    if size[0] > height or size[1] > width:
        raise ValueError(f"Expected size of at most {(height, width)}, the image, received {size}; use a smaller one.")
    if stride[0] > size[0] or stride[1] > size[1]:
        raise ValueError(f"Expected stride of at most {size}, a patch, received {stride}; larger steps leave gaps.")
    original = as_input(pixels[None], model.dtype)[0]
    fill = fill_values(original, fill)
    tops, lefts = (  # the last patch ends with the image
        np.array(sorted({*range(0, length - side, step), length - side}))
        for length, side, step in zip((height, width), size, stride, strict=True)
    )
    corners = [(top, left) for top in tops.tolist() for left in lefts.tolist()]
    batch_size = positive_integer("batch_size", batch_size)
    found = []
    for start in range(0, len(corners), batch_size):
        part = corners[start : start + batch_size]
        covered = np.repeat(original[None], len(part), axis=0)  # (patches, H, W, C)
        for copy, (top, left) in zip(covered, part, strict=True):
            copy[top : top + size[0], left : left + size[1]] = fill
        found.append(probabilities_of(model, covered))
    probabilities = np.concatenate(found).reshape(len(tops), len(lefts), -1)
    return Occlusion(pixels, label, answer, baseline, tops, lefts, size, stride, fill, probabilities)
