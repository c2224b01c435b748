"""Base class of the results for one image: their text and their figure."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from scratchcnn.display.blocks import Block, Lines, Paragraph
from scratchcnn.display.displayed import Displayed
from scratchcnn.inspection.attribution.prediction import Probabilities
from scratchcnn.inspection.text.numbers import short
from scratchcnn.inspection.text.sketch import sketch
from scratchcnn.operands import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Map(NamedTuple):
    """A map over the image in a figure; the fields are arguments of `overlay.draw_map`."""

    values: npt.NDArray[np.floating]
    title: str
    label: str
    signed: bool = True
    rows: npt.NDArray[np.float64] | None = None
    columns: npt.NDArray[np.float64] | None = None


Patch = tuple[tuple[float, float], tuple[int, int], str]  # (x, y), (height, width), note
Drawing = tuple[str, str, Sequence[Map], Patch | None]  # title, caption of the image, maps, patch on the image


@dataclass(frozen=True, eq=False, repr=False)
class ImageResult(Displayed):
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

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the image and the maps of the result; write them to `to_file`, if given, as `plots.save`."""
        from scratchcnn.inspection.attribution.figure import plot_maps

        return plot_maps(self.image, *self._drawing(), to_file)

    def _drawing(self) -> Drawing:
        """Return the arguments of `plot_maps`."""
        raise NotImplementedError

    def _caption(self, probabilities: Probabilities) -> str:
        """Return the caption of the image in a figure."""
        return f"prediction: {self.answer} ({probabilities[self.answer]:.1%})"

    def _sketch(self, values: Array, what: str, largest: str, below: str = "") -> list[Block]:
        """Return the image and a map (H, W) in tenths of its maximum; `below` names negative values, if any."""
        letters = f"; a to i: {below}" if below else ""
        caption = f"The image, and {what} (1 to 9: tenths of the maximum, {largest}{letters})."
        return [Paragraph(caption), Lines(sketch(self.image, values, float(np.abs(values).max())))]


def fill_text(values: Array) -> str:
    """Return fill values as text: '0' or '(0.2, 0.4, 0.1)'."""
    numbers = [short(float(value)) for value in values.ravel()]
    return numbers[0] if len(set(numbers)) == 1 else f"({', '.join(numbers)})"
