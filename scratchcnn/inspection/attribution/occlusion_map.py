"""Occlusion: how the probability of a class falls when a patch of the image is covered."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from scratchcnn.arguments import integer_pair, positive_integer
from scratchcnn.geometry import Pair
from scratchcnn.inspection.arguments import built_model, one_image
from scratchcnn.inspection.attribution.class_score import class_to_watch, probabilities_of
from scratchcnn.inspection.attribution.covering import fill_values, image_size, told
from scratchcnn.inspection.attribution.occlusion_map_data import OcclusionData, Places
from scratchcnn.inspection.text.layout import facts, wrap
from scratchcnn.inspection.text.numbers import points
from scratchcnn.inspection.text.sketch import sketch
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import as_input

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SHARE = 6  # of the image's side is the side of a patch
LISTED = 5  # patches in the text


@dataclass(frozen=True, eq=False)
class Occlusion(OcclusionData):
    """What `occlusion` found.

    Attributes
    ----------
    image : (H, W, C) or (H, W), as it was given
    label : int
        The class whose probability is watched.
    baseline : float64 (classes,)
        The probabilities with nothing covered.
    tops, lefts : int64 (rows,), (columns,)
        Where the patches begin.
    size, stride : (int, int)
        Of a patch, and from one to the next; the last lies at the image's edge and may be nearer.
    fill : (C,) or ()
        What a patch is filled with.
    probabilities : float64 (rows, columns, classes)
        With the patch at tops[row], lefts[column].
    """

    def __str__(self) -> str:
        changed = int((self.answers != self.answer).sum())
        height, width = self.size
        known = [
            ("model's answer", f"{self.answer} ({self.baseline[self.answer]:.1%})"),
            ("class watched", f"{self.label} ({self.baseline[self.label]:.1%} with nothing covered: the baseline)"),
            ("patches", f"{self.falls.size:,} of {height} × {width} pixels, filled with {told(self.fill)}"),
            ("answer changes", f"under {changed:,} of them"),
        ]
        limit = float(np.abs(self.map).max())
        lines = [f"Occlusion: how the probability of class {self.label} falls when a patch is covered", ""]
        lines += [*facts(known), "", *self._table(), ""]
        lines += wrap(
            f"The image, and the mean fall under the patches that cover each pixel (9: near {points(limit)} "
            "points; 1: a tenth of that; a to i: the probability rises by as much)."
        )
        lines += ["", *sketch(self.image, self.map, limit), ""]
        lines += wrap(
            "A great fall: the model needs what lies there. Weakness: a covered image is one the model never saw "
            "in training; and where two parts say the same, covering one of them changes nothing (Zeiler & Fergus "
            "2014, section 4.2)."
        )
        return "\n".join(lines)

    def _table(self) -> list[str]:
        """The patches that matter most, one a line."""
        lines = [f"{'greatest falls':17}{'rows':>9}{'columns':>10}{'probability':>14}{'fall, points':>15}   answer"]
        for row, column in self.greatest(LISTED):
            top, left = int(self.tops[row]), int(self.lefts[column])
            rows, columns = f"{top}–{top + self.size[0] - 1}", f"{left}–{left + self.size[1] - 1}"
            probability = f"{self.probabilities[row, column, self.label]:.1%}"
            fall, answer = points(float(self.falls[row, column])), int(self.answers[row, column])
            changed = "" if answer == self.answer else "   changed"
            lines.append(f"{'':17}{rows:>9}{columns:>10}{probability:>14}{fall:>15}   {answer}{changed}")
        return lines

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the map over the image; write it to a file if one is named. Errors as `plots.save`."""
        from scratchcnn.inspection.attribution.occlusion_map_figure import plot_occlusion

        return plot_occlusion(self, to_file)


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
    """Cover one patch of an image after the other, and see how the probability of a class falls.

    Parameters
    ----------
    model : Sequential
        Built, on images (H, W, C) or (H, W).
    image : array-like
        One image, as the model takes it; without the channel axis if there is one channel.
    label : int, optional
        The class to watch; default: what the model takes the image for.
    size : int or (int, int), optional
        Rows and columns of a patch; default: a sixth of the image's, 5 for 28.
    stride : int or (int, int), default 1
        From one patch to the next; at most `size`, so that every pixel is covered.
    fill : float or sequence of float, optional
        What a patch is filled with, one number or one for each channel, in the units of the image. Default: the
        image's background (the median along its border), so that covering means taking ink away and not adding any:
        a patch of grey would be a new object in the picture.
    batch_size : int, default 256
        Covered images that are predicted at once; the result does not depend on it.

    Returns
    -------
    Occlusion
        `print` it; `plot('occlusion.png')` draws it.

    Raises
    ------
    TypeError, ValueError
        The model is not built or takes no images; not one image; no such class; a patch larger than the image, a
        stride larger than the patch, or a fill that is no number.

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
    model = built_model(model, "occlusion")
    height, width = image_size(model, "occlusion")
    batch = one_image(model, image)
    pixels = as_input(batch, model.dtype)[0]
    size, stride = _checked_patch(size, stride, (height, width))
    fill = fill_values(pixels, fill)
    baseline, label = class_to_watch(model, batch, label)
    tops, lefts = _starts(height, size[0], stride[0]), _starts(width, size[1], stride[1])
    places = [(top, left) for top in tops.tolist() for left in lefts.tolist()]
    batch_size = positive_integer("batch_size", batch_size)
    parts = [places[start : start + batch_size] for start in range(0, len(places), batch_size)]
    found = np.concatenate([probabilities_of(model, covered(pixels, part, size, fill)) for part in parts])
    probabilities = found.reshape(len(tops), len(lefts), -1)
    return Occlusion(batch[0].copy(), label, baseline, tops, lefts, size, stride, fill, probabilities)


def covered(image: Array, places: list[tuple[int, int]], size: Pair, fill: Array) -> Array:
    """Copies of an image, each with one patch of `size` covered, that begins at (top, left): (places, H, W, C)."""
    images = np.repeat(image[None], len(places), axis=0)
    for copy, (top, left) in zip(images, places, strict=True):
        copy[top : top + size[0], left : left + size[1]] = fill
    return images


def _checked_patch(size: object, stride: object, image: Pair) -> tuple[Pair, Pair]:
    """Size and stride of the patches, which must fit the image and leave no gaps."""
    default = max(1, round(image[0] / SHARE)), max(1, round(image[1] / SHARE))
    patch, step = default if size is None else integer_pair("size", size), integer_pair("stride", stride)
    if patch[0] > image[0] or patch[1] > image[1]:
        raise ValueError(f"Expected size as at most that of the image, {image}, received {patch}; cover less at once.")
    if step[0] > patch[0] or step[1] > patch[1]:
        raise ValueError(
            f"Expected stride as at most the size of a patch, {patch}, received {step}; the patches would leave gaps."
        )
    return patch, step


def _starts(length: int, size: int, stride: int) -> Places:
    """Where the patches begin along one axis; the last one ends with the image."""
    last = length - size
    return np.array(sorted({*range(0, last, stride), last}))
