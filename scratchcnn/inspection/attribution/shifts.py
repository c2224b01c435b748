"""Pixel shifts: whether the answer stays when the image is moved by a few pixels."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from scratchcnn.arguments import positive_integer
from scratchcnn.inspection.arguments import built_model, one_image
from scratchcnn.inspection.attribution.class_score import class_to_watch, probabilities_of
from scratchcnn.inspection.attribution.covering import fill_values, image_size, told
from scratchcnn.inspection.attribution.shifts_data import PixelShiftsData
from scratchcnn.inspection.text.layout import facts, wrap
from scratchcnn.inspection.text.numbers import points
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import as_input

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_COLUMNS = 11  # of the table in the text, which is 120 characters wide


@dataclass(frozen=True, eq=False)
class PixelShifts(PixelShiftsData):
    """What `pixel_shifts` found.

    Attributes
    ----------
    image : (H, W, C) or (H, W), as it was given
    label : int
        The class whose probability is watched.
    most : int
        n: the image was moved by -n to n pixels, down and to the right.
    fill : (C,) or ()
        What comes in from outside.
    probabilities : float64 (2 * n + 1, 2 * n + 1, classes)
        At [n + down, n + right].
    cut : bool (2 * n + 1, 2 * n + 1)
        Whether something other than `fill` left the picture.
    """

    def __str__(self) -> str:
        n, before = self.most, float(self.map[self.most, self.most])
        known = [
            ("model's answer", f"{self.answer} ({self.probabilities[n, n, self.answer]:.1%})"),
            ("class watched", f"{self.label} ({before:.1%} unmoved)"),
            ("by one pixel", self._told_by_one()),
            (f"by up to {n}", self._told(self._others())),
            ("what comes in", f"{told(self.fill)}; {self._told_cut()}"),
        ]
        lines = [f"Pixel shifts: the probability of class {self.label} when the image is moved", ""]
        lines += [*facts(known), "", *self._table(), ""]
        lines += wrap(
            "A convolution moves its output with its input. Pooling with strides, Flatten and Dense do not, so an "
            "answer can hang on one pixel (Azulay & Weiss 2019). Weakness: this is one image; only many tell how "
            "steady a model is."
        )
        return "\n".join(lines)

    def _others(self) -> npt.NDArray[np.bool_]:
        """All shifts but none at all."""
        places = np.ones(self.map.shape, bool)
        places[self.most, self.most] = False
        return places

    def _told_by_one(self) -> str:
        """What the eight smallest shifts do."""
        n = self.most
        near = np.zeros(self.map.shape, bool)
        near[n - 1 : n + 2, n - 1 : n + 2] = True
        near &= self._others()
        return self._told(near)

    def _told(self, places: npt.NDArray[np.bool_]) -> str:
        """How much the probability moves over some shifts, and how often the answer changes."""
        values, changed = self.map[places], int((self.answers[places] != self.answer).sum())
        worst = points(float(values.min() - self.map[self.most, self.most]), sign=True)
        answers = (
            f"the answer changes in {changed} of {values.size}" if changed else f"same answer in all {values.size}"
        )
        return f"probability from {values.min():.1%} to {values.max():.1%} (at worst {worst} points); {answers}"

    def _told_cut(self) -> str:
        cut = int(self.cut.sum())
        return f"{cut} of the shifts push a part of the image out" if cut else "nothing is pushed out of the picture"

    def _table(self) -> list[str]:
        """The probabilities in percent, rows down and columns to the right; a changed answer stands behind."""
        n, shown = self.most, min(self.most, MOST_COLUMNS // 2)
        steps = range(-shown, shown + 1)
        cut = f" Only shifts up to {shown} are listed." if shown < n else ""
        lines = wrap(
            "Probability in percent, with the image moved down (rows) and to the right (columns); a changed answer "
            f"stands behind an arrow.{cut}"
        )
        lines += ["", " " * 6 + "".join(f"{_signed(step):>6}    " for step in steps).rstrip()]
        for down in steps:
            cells = []
            for right in steps:
                answer = int(self.answers[n + down, n + right])
                arrow = "" if answer == self.answer else f"→{answer}"
                cells.append(f"{100 * self.map[n + down, n + right]:>6.1f}{arrow:<4}")
            lines.append(f"{_signed(down):>6}" + "".join(cells).rstrip())
        return lines

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the image and the probability at each shift; write them to a file if one is named.

        Errors as `plots.save`.
        """
        from scratchcnn.inspection.attribution.shifts_figure import plot_pixel_shifts

        return plot_pixel_shifts(self, to_file)


def pixel_shifts(
    model: Sequential, image: npt.ArrayLike, label: int | None = None, *, most: int = 3, fill: object = None
) -> PixelShifts:
    """Move an image by -n to n pixels in each direction, and see what the model makes of it.

    Parameters
    ----------
    model : Sequential
        Built, on images (H, W, C) or (H, W).
    image : array-like
        One image, as the model takes it; without the channel axis if there is one channel.
    label : int, optional
        The class to watch; default: what the model takes the unmoved image for.
    most : int, default 3
        n, less than rows and columns.
    fill : float or sequence of float, optional
        What comes in from outside, one number or one for each channel; default: the image's background (the median
        along its border).

    Returns
    -------
    PixelShifts
        `print` it; `plot('shifts.png')` draws it.

    Raises
    ------
    TypeError, ValueError
        The model is not built or takes no images; not one image; no such class; `most` out of range, or a fill that is
        no number.

    Notes
    -----
    Cost: (2 * n + 1)^2 predictions.

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
    model = built_model(model, "pixel_shifts")
    height, width = image_size(model, "pixel_shifts")
    batch = one_image(model, image)
    pixels = as_input(batch, model.dtype)[0]
    most = positive_integer("most", most)
    if most >= min(height, width):
        raise ValueError(f"Expected most below {min(height, width)}, as the images are {height} × {width}, "
                         f"received {most}; move less, so that something is left to see.")  # fmt: skip
    values = fill_values(pixels, fill)
    label = class_to_watch(model, batch, label)[1]
    steps = range(-most, most + 1)
    rows, cut = [], []
    for down in steps:  # one row of shifts is predicted at once
        rows.append(probabilities_of(model, np.stack([shifted(pixels, down, right, values) for right in steps])))
        cut.append([_loses(pixels, down, right, values) for right in steps])
    return PixelShifts(batch[0].copy(), label, most, values, np.stack(rows), np.array(cut))


def _signed(step: int) -> str:
    return f"{step:+d}" if step else "0"


def shifted(image: Array, down: int, right: int, fill: Array) -> Array:
    """The image moved by so many pixels, which may be negative; `fill` comes in. The shape and dtype of the image."""
    height, width = image.shape[:2]
    moved = np.empty_like(image)
    moved[...] = fill
    to_rows, to_columns = slice(max(0, down), height + min(0, down)), slice(max(0, right), width + min(0, right))
    rows, columns = slice(max(0, -down), height - max(0, down)), slice(max(0, -right), width - max(0, right))
    moved[to_rows, to_columns] = image[rows, columns]
    return moved


def _loses(image: Array, down: int, right: int, fill: Array) -> bool:
    """Whether a pixel other than `fill` leaves the picture."""
    back = shifted(shifted(image, down, right, fill), -down, -right, fill)
    return bool((back != image).any())
