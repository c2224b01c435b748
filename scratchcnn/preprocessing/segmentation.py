"""Segmentation into digits: parts of a broken digit are joined, touching digits are separated, dirt is left out.

A small network decides: of all ways to divide the ink, the one whose parts look most like single digits is chosen. (Y.
LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition", Proceedings of
the IEEE 86, 1998, section V: heuristic over-segmentation.) Its weights are stored with the package;
`benchmarks/train_shape_network.py` trained it on images made of MNIST's training set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from scratchcnn import reference
from scratchcnn.preprocessing.fitting import lay_out
from scratchcnn.preprocessing.grey import Grey
from scratchcnn.preprocessing.ink import Mask
from scratchcnn.preprocessing.shapes import Shape, find_shapes, trimmed, union

Columns = npt.NDArray[np.int64]  # (h,), the first column to the right of the cut, in each row

LEVELS = (0.15, 0.3, 0.5)  # ink at which a digit ends, the faintest first
LINE_LEVEL = 0.3  # the same in a line, where fainter ink would join neighbouring digits
MOST_PARTS = 16  # shapes considered in a picture of one digit
MOST_DIGITS = 200
FREE = 0.06  # least size of a digit that does not touch the border, as a fraction of the image's longer side
MARK = 0.45  # height of a mark at most, such as a point or a dash, as a fraction of the digits' usual height
# Largest gaps between two parts of a digit, beside and above each other, as fractions of the larger one's size.
BESIDE, ABOVE = 0.15, 0.35
TALLEST = 1.4  # height of a digit at most, as a multiple of the usual height
DIRT = 0.5  # probability of a mark that is no part of a digit
JOINED = 0.3  # least probability of a digit that is joined from parts
STACKED = 10.0  # how much less likely two parts on top of each other are two digits than two side by side
LOWEST = 0.55  # height of a digit that touches another one, as a fraction of the height of both
PIECE = 0.15  # of the largest piece of a part, from which a piece belongs to the part
LEAST = 0.15  # probability that all parts of a shape are digits, to separate it
# Probability of several digits, relative to that of one, from which a shape is divided or refused. Of MNIST's training
# digits that the network has not seen, 17 of 5,000 are refused (29 with 1); 22 of 1,500 touching pairs are read (17).
ODDS = 3.0
WIDEST = 2.1  # width of a digit relative to its height; 5 of MNIST's 60,000 training digits are wider
ROWS = 40  # of the reduced shape in which the paths are searched
SPACING = 0.07  # between the middle columns of the cuts, as a fraction of the height
MOST_CROSSED = 0.5  # ink that a cut crosses, as a fraction of the height
MOST_CUTS = 100  # of one reach; enough for five digits
REACHES = (0.1, 0.25)  # of a cut from its middle column, as fractions of the height
DETOUR = 0.02  # ink that is as costly as a distance of the height from the middle column, and half a diagonal step
WEIGHTS = Path(__file__).parent / "data" / "shape_network.npz"
SEVERAL, FRAGMENT = 10, 11  # classes beside the ten digits


@dataclass(frozen=True, eq=False)
class Digit:
    """A shape with its layout as in MNIST, and the probabilities of the network's classes."""

    shape: Shape
    cut: Grey
    fitted: Grey
    image: Grey  # (28, 28)
    certainty: float  # probability of a single digit
    several: float  # probability of several digits


def find_digit(ink: Grey, noise: float) -> Digit:
    """Find the only digit, or raise a ValueError.

    The faintest level at which a single digit does not touch the border of the image is used. So a stroke keeps its
    faint parts, unless they connect it to lines or shadows that leave the image. `noise` is its standard deviation.
    """
    for level in (*LEVELS, LEVELS[0]):  # the last one for a tightly cropped digit
        digits = _joined(ink, find_shapes(ink, max(level, 4 * noise), MOST_PARTS))
        free = [d for d in digits if d.shape.contact == 0 and max(d.shape.mask.shape) >= FREE * max(ink.shape)]
        # A shape at the border may be the edge of the paper or of the table, but also a tightly cropped digit.
        digit = max(free or digits, key=lambda digit: digit.shape.area)
        others = [d for d in digits if d is not digit and _is_digit(d, digit.shape.height, digit.shape.area)]
        if digit.shape.contact == 0:
            others = [other for other in others if not other.shape.is_edge]
            if not others:
                break
    if not others and not _is_several(digit):
        return digit
    received = f"{len(others) + 1} separate shapes of a digit's size"
    if not others:
        height, width = digit.shape.mask.shape
        received = f"a shape {width} pixels wide and {height} high, which looks like several digits or a drawing"
    raise ValueError(
        f"Expected an image of one digit, received {received}; crop the image to one digit, or use read_digits."
    )


def find_digits(ink: Grey, noise: float) -> list[list[Digit]]:
    """Find the digits of each line, from left to right; the lines from top to bottom.

    ValueError: there is no digit, there are too many, or touching digits cannot be separated.
    """
    shapes = [s for s in find_shapes(ink, max(LINE_LEVEL, 4 * noise), MOST_DIGITS + 1) if not s.is_edge]
    if len(shapes) > MOST_DIGITS:
        raise ValueError(
            f"Expected an image of at most {MOST_DIGITS} digits, received more shapes; crop the image to a part of the "
            "sheet, or use one with less dirt."
        )
    if not shapes:
        raise ValueError(
            "Expected an image of digits, received only shapes along the border; use an image with paper around the "
            "digits."
        )
    tallest = max(shape.height for shape in shapes)
    usual = float(np.median([shape.height for shape in shapes if shape.height >= 0.5 * tallest]))
    digits = _joined(ink, shapes, TALLEST * usual)
    area = float(np.median([d.shape.area for d in digits if d.shape.height >= MARK * usual]))
    digits = [digit for digit in digits if _is_digit(digit, usual, 0.5 * area)]  # half, as a 1 may be broken
    return _in_reading_order([part for digit in digits for part in _separated(ink, digit)])


def _lay_out(ink: Grey, shapes: Sequence[Shape]) -> list[Digit]:
    """Lay out shapes as single digits, and compute how likely they are."""
    if not shapes:
        return []
    layouts = [lay_out(ink, shape) for shape in shapes]
    probabilities = class_probabilities(np.array([image for _, _, image in layouts]))  # (N, 12)
    return [
        Digit(shape, *layout, float(row[:SEVERAL].sum()), float(row[SEVERAL]))
        for shape, layout, row in zip(shapes, layouts, probabilities, strict=True)
    ]


def _joined(ink: Grey, shapes: Sequence[Shape], tallest: float = np.inf) -> list[Digit]:
    """Join the parts of broken digits: two neighbours that together are more likely a digit than each alone."""
    digits = _lay_out(ink, shapes)
    unions: dict[tuple[Digit, Digit], Digit] = {}
    pairs = list(combinations(digits, 2))
    while True:
        pairs = [pair for pair in pairs if _may_be_one(*pair, tallest)]
        unions.update(zip(pairs, _lay_out(ink, [union(a.shape, b.shape) for a, b in pairs]), strict=True))
        gains = {pair: _gain(*pair, both) for pair, both in unions.items() if both.certainty >= JOINED}
        best = max(gains, key=gains.__getitem__, default=None)
        if best is None or gains[best] < 1:
            return digits
        whole = unions[best]
        digits = [digit for digit in digits if digit not in best]
        unions = {pair: both for pair, both in unions.items() if not set(pair) & set(best)}
        pairs = [(whole, digit) for digit in digits]
        digits.append(whole)


def _may_be_one(one: Digit, other: Digit, tallest: float) -> bool:
    """Return whether the bounding boxes are near enough for parts of one digit, of at most the height `tallest`."""
    (left, top, right, bottom), (start, high, end, low) = one.shape.box, other.shape.box
    size = max(right - left, bottom - top, end - start, low - high)
    near = max(start - right, left - end) <= BESIDE * size and max(high - bottom, top - low) <= ABOVE * size
    return near and max(bottom, low) - min(top, high) <= tallest


def _gain(one: Digit, other: Digit, both: Digit) -> float:
    """Return how much more likely two parts are one digit than that each is a digit, or a mark beside a digit."""
    alone = 1.0
    for part, partner in ((one, other), (other, one)):
        alone *= max(part.certainty, DIRT if part.shape.height < MARK * partner.shape.height else 0.0, 1e-3)
    (left, _, right, _), (start, _, end, _) = one.shape.box, other.shape.box
    stacked = 2 * (min(right, end) - max(left, start)) > min(right - left, end - start)
    return both.certainty / alone * (STACKED if stacked else 1)


def _separated(ink: Grey, digit: Digit) -> list[Digit]:
    """Separate a shape that looks like several digits at the cuts whose parts are most likely digits, or refuse it."""
    if not _is_several(digit):
        return [digit]
    top, left, mask, _ = digit.shape
    cuts = [np.zeros(len(mask), int), *candidate_cuts(mask), np.full(len(mask), mask.shape[1])]
    columns = np.arange(mask.shape[1])
    best: list[tuple[float, list[Digit]]] = [(1.0, []), *((0.0, []) for _ in cuts[1:])]  # of the ink left of each cut
    for i, start in enumerate(cuts[:-1]):
        likelihood, found = best[i]
        if likelihood < LEAST:
            continue
        shapes = {}
        for j in range(i + 1, len(cuts)):
            between = mask & (columns >= start[:, None]) & (columns < cuts[j][:, None])
            if between.any(axis=1).sum() >= LOWEST * len(mask):
                shapes[j] = _main_part(Shape(top, left, between))
        for j, part in zip(shapes, _lay_out(ink, list(shapes.values())), strict=True):
            if likelihood * part.certainty > best[j][0]:
                best[j] = likelihood * part.certainty, [*found, part]
    likelihood, found = best[-1]
    if likelihood < LEAST or any(_is_several(part) for part in found):
        raise ValueError(
            f"Expected digits that do not touch, received a shape {mask.shape[1]} pixels wide and {len(mask)} high at "
            f"column {left}, row {top}; leave more space between the digits, or crop the image to single ones."
        )
    return found


def _main_part(shape: Shape) -> Shape:
    """Leave out small pieces, which a cut separates from the neighbouring digit."""
    labels, _ = ndimage.label(shape.mask, np.ones((3, 3)))
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    return trimmed(shape._replace(mask=(areas >= PIECE * areas.max())[labels] & shape.mask))


def _is_several(digit: Digit) -> bool:
    """Return whether a shape looks like several digits rather than a single one."""
    return digit.several > ODDS * digit.certainty or digit.shape.mask.shape[1] > WIDEST * digit.shape.height


def _is_digit(digit: Digit, height: float, area: float) -> bool:
    """Return whether a shape is a digit rather than a mark or dirt, from the height and area of other digits."""
    least = 0.05 if digit.shape.height > 0.8 * height else 0.2  # a thin 1 beside a bold 0 has little ink
    return digit.shape.height >= MARK * height and digit.shape.area >= least * area


def _in_reading_order(digits: list[Digit]) -> list[list[Digit]]:
    """Assign the digits to lines: a digit whose middle lies beside the previous digits of a line belongs to it."""
    lines: list[list[Digit]] = []
    for digit in sorted(digits, key=lambda digit: digit.shape.left):
        # Compared with the nearest digit on the left, so that a line may slope.
        beside = (line for line in lines if 0 <= digit.shape.middle - line[-1].shape.top < line[-1].shape.height)
        line = next(beside, [])
        if not line:
            lines.append(line)
        line.append(digit)
    return sorted(lines, key=lambda line: float(np.median([digit.shape.middle for digit in line])))


def candidate_cuts(shape: Mask, spacing: float = SPACING, reaches: Sequence[float] = REACHES) -> list[Columns]:
    """Return the cuts near evenly spaced columns, from left to right."""
    step = -(-len(shape) // ROWS)
    small = shape[::step, ::step]
    height, width = small.shape
    count = min(max(3, round(width / (spacing * height))), MOST_CUTS)
    middles = [width * number / count for number in range(1, count)]
    paths = {tuple(_path(small, middle, reach * height)) for middle in middles for reach in reaches}
    paths = {path for path in paths if small[np.arange(height), path].mean() <= MOST_CROSSED}
    return [step * np.array(path).repeat(step)[: len(shape)] for path in sorted(paths, key=sum)]


def _path(ink: Mask, middle: float, reach: float) -> Columns:
    """Return the column in each row of the cheapest path from top to bottom near a column.

    Dynamic programming over the rows; a step goes straight down or diagonally.
    """
    height, width = ink.shape
    apart = np.abs(np.arange(width) - middle)
    cost = ink + DETOUR * apart / height + np.where(apart > max(1, reach), 1e3, 0)
    for row in range(1, height):
        before = np.pad(cost[row - 1], 1, constant_values=np.inf)
        cost[row] += np.minimum(before[1:-1], np.minimum(before[:-2], before[2:]) + DETOUR / 2)
    path = np.empty(height, np.int64)
    path[-1] = cost[-1].argmin()
    for row in range(height - 2, -1, -1):
        first = max(0, path[row + 1] - 1)
        path[row] = first + cost[row, first : path[row + 1] + 2].argmin()
    return path


def class_probabilities(images: Grey) -> npt.NDArray[np.float32]:
    """Compute the probabilities (N, 12) of the ten digits, several digits and a fragment, for images (N, 28, 28)."""
    weights = shape_network()
    x = images[..., None]
    for number in (0, 1):
        x = reference.conv2d(x, weights[f"kernel_{number}"], weights[f"bias_{number}"], strides=(2, 2))
        x = reference.relu(x)  # (N, 12, 12, 24), (N, 5, 5, 48)
    x = reference.relu(reference.dense(x.reshape(len(x), -1), weights["kernel_2"], weights["bias_2"]))
    return reference.softmax(reference.dense(x, weights["kernel_3"], weights["bias_3"]))


@cache
def shape_network() -> dict[str, npt.NDArray[np.float32]]:
    """Return the weights of the network by name; each is a value of float16."""
    with np.load(WEIGHTS) as file:
        return {name: values.astype(np.float32) for name, values in file.items()}
