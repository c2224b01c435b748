"""Lines and sheets of several digits, with the position of each digit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, groupby
from typing import Any, NamedTuple

import numpy as np
from digit_conditions import INK, PAPER, noisy, tight
from drawn_digits import GLYPHS, Scene, write
from PIL import Image
from scipy import ndimage

from scratchcnn.preprocessing import DigitPicture

Array = np.ndarray[Any, Any]
Box = tuple[int, int, int, int]  # left, top, right, bottom

HEIGHT = 60  # pixels of a usual digit
GLYPH = Scene("glyph", size=(140, 140), height=0.7, pen_width=0.09)


class Sheet(NamedTuple):
    """A picture of several digits."""

    picture: Array  # uint8 (H, W)
    digits: list[list[int]]  # of each line
    boxes: list[list[Box]]


class LineCondition(NamedTuple):
    """A row of the table: a kind of sheets."""

    name: str
    sheets: Callable[[Array, Array, np.random.Generator, int], Iterator[Sheet]]


def segmented_right(sheet: Sheet, boxes: list[list[Box]]) -> bool:
    """Return whether each box covers most of its digit and little else: intersection over union of at least 0.6."""
    if [len(line) for line in boxes] != [len(line) for line in sheet.boxes]:
        return False
    pairs = zip(chain(*sheet.boxes), chain(*boxes), strict=True)
    return all(intersection_over_union(one, other) >= 0.6 for one, other in pairs)


def in_lines(digits: Iterable[DigitPicture]) -> list[list[Box]]:
    """Return the boxes of the digits of each line."""
    return [[digit.box for digit in line if digit.box] for _, line in groupby(digits, key=lambda digit: digit.line)]


def intersection_over_union(one: Box, other: Box) -> float:
    width = max(0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0, min(one[3], other[3]) - max(one[1], other[1]))
    area = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (area - width * height)


def mnist_digit(images: Array, labels: Array, rng: np.random.Generator) -> tuple[Array, int]:
    """Return a cropped MNIST digit of roughly the usual height, and what it is."""
    number = int(rng.integers(len(images)))
    parts, _ = ndimage.label(images[number] > 60, np.ones((3, 3)))
    areas = np.bincount(parts.ravel())[1:]
    specks = np.flatnonzero(areas < 0.1 * areas.max()) + 1  # some images have dots beside the digit
    digit = tight(np.where(np.isin(parts, specks), 0, images[number]))
    scale = HEIGHT / 20 * rng.uniform(0.85, 1.15)
    size = (max(1, round(scale * digit.shape[1])), max(1, round(scale * digit.shape[0])))
    return np.asarray(Image.fromarray(digit).resize(size, Image.Resampling.BICUBIC)), int(labels[number])


def drawn_digit(images: Array, labels: Array, rng: np.random.Generator) -> tuple[Array, int]:
    """Return a digit drawn with strokes."""
    glyph = list(GLYPHS)[int(rng.integers(len(GLYPHS)))]
    scene = GLYPH._replace(height=0.43 * rng.uniform(0.85, 1.15), pen_width=rng.uniform(0.06, 0.12))
    return tight(np.asarray(255 * write(glyph, scene, rng), np.uint8)), int(glyph[0])


def sheets_of(
    digit: Callable[[Array, Array, np.random.Generator], tuple[Array, int]],
    gaps: tuple[float, float] = (0.1, 0.4),
    lines: int = 1,
    touching: bool = False,
    noise: float = 3,
) -> Callable[[Array, Array, np.random.Generator, int], Iterator[Sheet]]:
    """Return a generator of sheets with lines of 2 to 8 digits, on natural places; gaps as fractions of the height."""

    def sheets(images: Array, labels: Array, rng: np.random.Generator, count: int) -> Iterator[Sheet]:
        for _ in range(count):
            height = round(HEIGHT * (1.2 + 1.7 * lines))
            canvas = np.zeros((height, 12 * HEIGHT), np.uint8)
            digits: list[list[int]] = []
            boxes: list[list[Box]] = []
            for line in range(lines):
                base = HEIGHT * (1.1 + 1.7 * line)
                left = HEIGHT * rng.uniform(0.4, 0.8)
                number = int(rng.integers(2, 9))
                joint = int(rng.integers(1, number)) if touching else 0  # in front of this digit there is no gap
                digits.append([])
                boxes.append([])
                for place in range(number):
                    image, label = digit(images, labels, rng)
                    if touching and place == joint:
                        left = _touching(canvas, image, boxes[-1][-1])
                    elif place > 0:
                        left += HEIGHT * rng.uniform(*gaps)
                    top = round(base - len(image) / 2 + HEIGHT * rng.normal(0, 0.04))
                    box = (round(left), top, round(left) + image.shape[1], top + len(image))
                    region = canvas[box[1] : box[3], box[0] : box[2]]
                    np.maximum(region, image, out=region)
                    left = box[2]
                    digits[-1].append(label)
                    boxes[-1].append(box)
            right = max(line[-1][2] for line in boxes) + HEIGHT // 2
            paper = PAPER + (INK - PAPER) * (canvas[:, :right] / 255)
            yield Sheet(noisy(paper, rng, noise), digits, boxes)

    return sheets


def _touching(canvas: Array, image: Array, last: Box) -> float:
    """Return the column at which a digit touches the last one, whose middles are at the same height."""
    middle = (last[1] + last[3]) // 2 - len(image) // 2
    ink = canvas[max(0, middle) : max(0, middle) + len(image), : last[2]] > 128
    other = image[: len(ink)] > 128
    shared = [row for row in range(len(ink)) if ink[row].any() and other[row].any()]
    if not shared:
        return last[2]
    free = min(last[2] - 1 - int(np.flatnonzero(ink[row])[-1]) + int(np.flatnonzero(other[row])[0]) for row in shared)
    return last[2] - free - 2


LINES = [
    LineCondition("MNIST digits in a line", sheets_of(mnist_digit)),
    LineCondition("MNIST digits, narrow gaps", sheets_of(mnist_digit, (0.06, 0.15))),
    LineCondition("drawn digits in a line", sheets_of(drawn_digit)),
    LineCondition("drawn digits, narrow gaps", sheets_of(drawn_digit, (0.06, 0.15))),
    LineCondition("MNIST digits in two lines", sheets_of(mnist_digit, lines=2)),
    LineCondition("drawn digits in two lines", sheets_of(drawn_digit, lines=2)),
    LineCondition("MNIST digits, noise 25", sheets_of(mnist_digit, noise=25)),
    LineCondition("MNIST digits, two touch", sheets_of(mnist_digit, touching=True)),
    LineCondition("drawn digits, two touch", sheets_of(drawn_digit, touching=True)),
]
