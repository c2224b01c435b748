"""Selection of the digit among the shapes of an image: broken strokes are joined, specks and edges are left out."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from scratchcnn.preprocessing.frames import Labels, inside_frame
from scratchcnn.preprocessing.grey import Grey
from scratchcnn.preprocessing.ink import Mask
from scratchcnn.preprocessing.touching import separate

Points = npt.NDArray[np.float64]

CORE = 0.5  # ink that every shape contains somewhere
EDGES = (0.15, 0.3, 0.5)  # ink at which a shape ends, the faintest first
MOST_PARTS = 16  # components considered, the largest ones
SPECK = 0.03  # fraction of the largest component's area below which a component is a speck
MOST_POINTS = 400  # of an outline, to measure distances
# Largest gaps within a digit, as fractions of the longer side of the common bounding box.
GAP = 0.12
GAP_BETWEEN_EQUALS = 0.06  # between two components side by side, as the digits of 11
GAP_ABOVE = 0.2  # between two components on top of each other, as the bar of a 5
FREE = 0.06  # least size of a digit that does not touch the border, as a fraction of the image's longer side
OTHER_DIGIT = 0.45  # least height of a second digit, as a fraction of the digit's height
# Width relative to the height. Of MNIST's 60,000 training digits, 307 are wider than 1.5, of which 9 can be separated
# like touching digits, and 5 wider than 2.1.
WIDE, WIDEST = 1.5, 2.1
CONTACT = 0.3  # largest part of a digit's bounding box that lies on the image's border


class Group(NamedTuple):
    """Components that belong together, and their bounding box."""

    parts: list[int]  # labels
    area: int
    top: int
    bottom: int
    left: int
    right: int
    contact: int  # pixels on the image's border

    @property
    def height(self) -> int:
        """Rows of the bounding box."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Columns of the bounding box."""
        return self.right - self.left

    @property
    def size(self) -> int:
        """The longer side of the bounding box."""
        return max(self.height, self.width)

    @property
    def is_edge(self) -> bool:
        """Whether a large part of the outline lies on the image's border, as of the edge of a table."""
        return self.contact > CONTACT * 2 * (self.height + self.width)


class Shape(NamedTuple):
    """The pixels of a digit within their bounding box."""

    top: int
    left: int
    mask: Mask  # (h, w)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom), the last two exclusive."""
        return self.left, self.top, self.left + self.mask.shape[1], self.top + len(self.mask)


def find_digit(ink: Grey, noise: float) -> Shape:
    """Find the pixels of the digit with a hysteresis threshold: connected faint ink that contains strong ink.

    The faintest level at which a single digit does not touch the border of the image is used. So a stroke keeps its
    faint parts, unless they connect it to lines or shadows that leave the image. `noise` is its standard deviation.
    """
    check_not_empty(ink)
    for edge in (*EDGES, EDGES[0]):  # the last one for a tightly cropped digit
        labels = label_shapes(ink, max(edge, 4 * noise))
        groups = group(labels, MOST_PARTS)
        digit = _most_likely(groups, ink.shape)
        others = [other for other in groups if other is not digit and _is_digit(other, digit)]
        if digit.contact == 0 and not others:
            break
    if others:
        raise ValueError(
            f"Expected an image of one digit, received {len(others) + 1} separate shapes of a digit's size; crop the "
            "image to one digit, or use read_digits."
        )
    shape = shape_of(labels, digit)
    ratio = digit.width / digit.height
    if ratio > WIDEST or (ratio > WIDE and separate(shape.mask) is not None):
        raise ValueError(
            f"Expected an image of one digit, received a shape {digit.width} pixels wide and {digit.height} high, which"
            " looks like several touching digits; crop the image to one digit, or use read_digits."
        )
    return shape


def check_not_empty(ink: Grey) -> None:
    """Raise a ValueError if there is less strong ink than in the smallest legible digit: 4 pixels, or a 1 on a page."""
    if int((ink > CORE).sum()) < max(4.0, 1e-4 * ink.size):
        raise ValueError(
            "Expected an image of a digit, received an empty one, with specks only; use an image in which the digit is "
            "larger or darker."
        )


def label_shapes(ink: Grey, level: float) -> Labels:
    """Label the connected components of ink above `level` that contain strong ink, without frames."""
    labels, count = ndimage.label(ink > min(level, CORE), np.ones((3, 3)))
    strongest = ndimage.maximum(ink, labels, np.arange(count + 1))
    return inside_frame(np.where(strongest[labels] > CORE, labels, 0))


def group(labels: Labels, most: int, tallest: float = np.inf) -> list[Group]:
    """Group the largest `most` components by merging those near each other; `tallest` is the height of whole digits."""
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    border = np.concatenate([labels[0], labels[-1], labels[1:-1, 0], labels[1:-1, -1]])
    contacts = np.bincount(border, minlength=len(areas))
    boxes = ndimage.find_objects(labels)
    parts = [label for label in np.argsort(-areas, kind="stable")[:most] if areas[label] >= SPECK * areas.max()]
    owner, outlines = {}, {}
    for label in parts:
        rows, columns = boxes[label - 1]
        owner[label] = Group(
            [label], int(areas[label]), rows.start, rows.stop, columns.start, columns.stop, int(contacts[label])
        )
        outlines[label] = _outline(labels[rows, columns] == label) + np.array([rows.start, columns.start])
    pairs = [pair for pair in combinations(parts, 2) if _may_belong_together(owner[pair[0]], owner[pair[1]], tallest)]
    gaps = sorted((_gap(outlines[one], outlines[other]), one, other) for one, other in pairs)
    merged = True
    while merged:
        merged = False
        for gap, a, b in gaps:
            one, other = owner[a], owner[b]
            if one is not other and gap <= _allowed_gap(one, other, tallest):
                both = _union(one, other)
                owner.update(dict.fromkeys(both.parts, both))
                merged = True
    return list({id(whole): whole for whole in owner.values()}.values())


def shape_of(labels: Labels, whole: Group) -> Shape:
    """Return the pixels of a group within its bounding box."""
    box = labels[whole.top : whole.bottom, whole.left : whole.right]
    return Shape(whole.top, whole.left, np.isin(box, whole.parts))


def _most_likely(groups: list[Group], shape: tuple[int, ...]) -> Group:
    """Return the largest group, preferably one that does not touch the border.

    A group at the border may be the edge of the paper or of the table, but also a digit in a tightly cropped image.
    """
    free = [whole for whole in groups if whole.contact == 0 and whole.size >= FREE * max(shape)]
    return max(free or groups, key=lambda whole: whole.area)


def _is_digit(other: Group, digit: Group) -> bool:
    """Return whether a group is another digit rather than a smudge, a line or an edge."""
    height = other.height / digit.height
    least = 0.05 if height > 0.8 else 0.2  # of its area: a thin 1 beside a bold 0 has little ink
    return height >= OTHER_DIGIT and other.area >= least * digit.area and not (digit.contact == 0 and other.is_edge)


def _union(one: Group, other: Group) -> Group:
    top, left = min(one.top, other.top), min(one.left, other.left)
    bottom, right = max(one.bottom, other.bottom), max(one.right, other.right)
    return Group(one.parts + other.parts, one.area + other.area, top, bottom, left, right, one.contact + other.contact)


def _may_belong_together(one: Group, other: Group, tallest: float) -> bool:
    """Return whether the bounding boxes are near enough for parts of a digit; this spares measuring most gaps."""
    both = _union(one, other)
    apart = max(both.height - one.height - other.height, both.width - one.width - other.width)
    return apart <= GAP_ABOVE * min(both.size, 2 * tallest)


def _allowed_gap(one: Group, other: Group, tallest: float) -> float:
    """Return the largest gap, in pixels, between two groups of the same digit."""
    both = _union(one, other)
    lower = min(one.height, other.height)
    if both.height > 1.4 * tallest or (lower > 0.7 * tallest and lower > 0.7 * both.height):
        return -1.0  # two digits, one above or beside the other
    if (one.contact > 0) != (other.contact > 0):
        return GAP_BETWEEN_EQUALS * min(one.size, other.size)  # as the edge of a page is long
    columns = min(one.right, other.right) - max(one.left, other.left)  # in common
    if columns >= 0.5 * min(one.width, other.width):
        return GAP_ABOVE * both.size
    rows = min(one.bottom, other.bottom) - max(one.top, other.top)
    side_by_side = rows >= 0.75 * both.height or (columns <= 0 and both.width > both.height)
    return (GAP_BETWEEN_EQUALS if side_by_side else GAP) * both.size


def _outline(part: Mask) -> Points:
    """Return at most MOST_POINTS pixels of the component that are adjacent to paper, (n, 2)."""
    points = np.argwhere(part & ~ndimage.binary_erosion(part)).astype(np.float64)
    return points[:: -(-len(points) // MOST_POINTS)]


def _gap(one: Points, other: Points) -> float:
    """Return the least distance between two outlines, in pixels of paper between them."""
    return float(np.hypot(one[:, None, 0] - other[:, 0], one[:, None, 1] - other[:, 1]).min()) - 1
