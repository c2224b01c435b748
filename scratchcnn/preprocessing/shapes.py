"""Decides which parts of the ink are the digit: joins a broken stroke, leaves specks and edges out."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scratchcnn.preprocessing.background import Mask
from scratchcnn.preprocessing.components import Components, connected

Points = npt.NDArray[np.float64]

MOST_PARTS = 16  # the largest; what is smaller than so many others is a speck
SPECK = 0.03  # of the largest part's area
MOST_POINTS = 400  # of a part's outline, to measure distances by
# Gaps, as shares of the longer side of both together. Pieces of one digit lie nearer than digits side by side.
GAP = 0.12
GAP_BETWEEN_EQUALS = 0.06  # of two parts side by side on the same rows, as the digits of 11
GAP_ABOVE = 0.2  # of one part above the other, as the bar of a 5
FREE = 0.06  # of the picture's longer side: more than a speck
OTHER_DIGIT = 0.45  # of the digit's height


class Group(NamedTuple):
    """Parts that belong together, and the box around them."""

    parts: list[int]  # places in Components
    area: int
    top: int
    bottom: int
    left: int
    right: int

    @property
    def size(self) -> int:
        """The longer side of the box."""
        return max(self.bottom - self.top, self.right - self.left)


def find_digit(strong: Mask) -> Mask:
    """Which pixels are the digit.

    Parameters
    ----------
    strong : bool (H, W)
        What is surely ink.

    Returns
    -------
    bool (H, W)
        True for the parts that make the digit.

    Raises
    ------
    ValueError
        There is no ink but single pixels, or there are several digits.
    """
    found = connected(strong)
    if len(found.area) == 0 or found.area[0] < _least_area(strong.shape):
        raise ValueError(
            "Expected a picture with a digit, received an empty one, with nothing but specks; give a picture in which "
            "the digit is larger or its ink stronger."
        )
    groups = _groups(found, strong.shape)
    digit = _most_likely(groups, strong.shape)
    others = [group for group in groups if group is not digit and _is_digit(group, digit, strong.shape)]
    if others:
        raise ValueError(
            f"Expected a picture of one digit, received {len(others) + 1} separate shapes of a digit's size; cut the "
            "picture, so that one remains."
        )
    return np.isin(found.labels, np.array(digit.parts) + 1)


def _least_area(shape: tuple[int, ...]) -> float:
    """Pixels of the smallest digit that can be read: a dash of 4 pixels in 28 x 28, a thin 1 in a page."""
    return max(4.0, 1e-4 * shape[0] * shape[1])


def _most_likely(groups: list[Group], shape: tuple[int, ...]) -> Group:
    """The group with the most ink; one that lies free in the picture, if any of some size does, is preferred.

    What touches the border may be the edge of the paper or of the table, but also a digit that is cut out tightly.
    """
    free = [group for group in groups if not _at_border(group, shape) and group.size >= FREE * max(shape)]
    return max(free or groups, key=lambda group: group.area)


def _is_digit(group: Group, digit: Group, shape: tuple[int, ...]) -> bool:
    """Whether a shape beside the digit is another one, and no smudge, line or edge."""
    tall = group.bottom - group.top >= OTHER_DIGIT * (digit.bottom - digit.top)
    return tall and group.area >= 0.2 * digit.area and not _at_border(group, shape)


def _at_border(group: Group, shape: tuple[int, ...]) -> bool:
    height, width = shape
    return group.top == 0 or group.left == 0 or group.bottom == height or group.right == width


def _groups(found: Components, shape: tuple[int, ...]) -> list[Group]:
    """Join parts that lie near each other until no two do."""
    count = min(MOST_PARTS, int((found.area >= SPECK * found.area[0]).sum()))
    groups = [
        Group([part], *(int(entry[part]) for entry in (found.area, found.top, found.bottom, found.left, found.right)))
        for part in range(count)
    ]
    outlines = [_outline(found.labels == part + 1) for part in range(count)]
    gaps = np.array([[_gap(one, other) for one in outlines] for other in outlines])
    while (pair := _near_pair(groups, gaps, shape)) is not None:
        one, other = pair
        groups = [group for group in groups if group is not one and group is not other] + [_union(one, other)]
    return groups


def _near_pair(groups: list[Group], gaps: Points, shape: tuple[int, ...]) -> tuple[Group, Group] | None:
    """Two groups that belong together, if there still are any."""
    for one, other in combinations(groups, 2):
        if gaps[np.ix_(one.parts, other.parts)].min() <= _allowed_gap(one, other, shape):
            return one, other
    return None


def _union(one: Group, other: Group) -> Group:
    return Group(
        one.parts + other.parts,
        one.area + other.area,
        min(one.top, other.top),
        max(one.bottom, other.bottom),
        min(one.left, other.left),
        max(one.right, other.right),
    )


def _allowed_gap(one: Group, other: Group, shape: tuple[int, ...]) -> float:
    """Pixels that may lie between two parts of one digit."""
    both = _union(one, other)
    if _at_border(one, shape) != _at_border(other, shape):
        return GAP_BETWEEN_EQUALS * min(one.size, other.size)  # the edge of a page is long
    size = both.size
    columns = min(one.right, other.right) - max(one.left, other.left)  # that both have
    if columns >= 0.5 * min(one.right - one.left, other.right - other.left):
        return GAP_ABOVE * size
    rows = min(one.bottom, other.bottom) - max(one.top, other.top)
    return (GAP_BETWEEN_EQUALS if rows >= 0.75 * (both.bottom - both.top) else GAP) * size


def _outline(part: Mask) -> Points:
    """Some of the part's pixels that have paper beside them, (n, 2)."""
    padded = np.pad(part, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    points = np.argwhere(part & ~inner).astype(np.float64)
    return points[:: -(-len(points) // MOST_POINTS)]


def _gap(one: Points, other: Points) -> float:
    """The least distance between two outlines, in pixels of paper between them."""
    return float(np.hypot(one[:, None, 0] - other[:, 0], one[:, None, 1] - other[:, 1]).min()) - 1
