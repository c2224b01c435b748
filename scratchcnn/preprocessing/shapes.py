"""Selection of the connected components of a digit: broken strokes are joined, specks and edges are left out."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scratchcnn.preprocessing.background import Mask
from scratchcnn.preprocessing.components import Components, connected

Points = npt.NDArray[np.float64]

MOST_PARTS = 16  # components considered, the largest ones
SPECK = 0.03  # fraction of the largest component's area below which a component is a speck
MOST_POINTS = 400  # of an outline, to measure distances
# Largest gaps within a digit, as fractions of the longer side of the common bounding box.
GAP = 0.12
GAP_BETWEEN_EQUALS = 0.06  # between two components side by side, as the digits of 11
GAP_ABOVE = 0.2  # between two components on top of each other, as the bar of a 5
FREE = 0.06  # least size of a digit that does not touch the border, as a fraction of the image's longer side
OTHER_DIGIT = 0.45  # least height of a second digit, as a fraction of the digit's height


class Group(NamedTuple):
    """Components that belong together, and their bounding box."""

    parts: list[int]  # indices in Components
    area: int
    top: int
    bottom: int
    left: int
    right: int

    @property
    def size(self) -> int:
        """The longer side of the bounding box."""
        return max(self.bottom - self.top, self.right - self.left)


def find_digit(strong: Mask) -> Mask:
    """Find the pixels of the digit among those of the ink.

    Parameters
    ----------
    strong : bool (H, W)
        The segmented ink.

    Returns
    -------
    bool (H, W)
        True for the components of the digit.

    Raises
    ------
    ValueError
        There is no component larger than a speck, or there are several digits.
    """
    found = connected(strong)
    if len(found.area) == 0 or found.area[0] < _least_area(strong.shape):
        raise ValueError(
            "Expected an image of a digit, received an empty one, with specks only; use an image in which the digit is "
            "larger or darker."
        )
    groups = _groups(found, strong.shape)
    digit = _most_likely(groups, strong.shape)
    others = [group for group in groups if group is not digit and _is_digit(group, digit, strong.shape)]
    if others:
        raise ValueError(
            f"Expected an image of one digit, received {len(others) + 1} separate shapes of a digit's size; crop the "
            "image to one digit."
        )
    return np.isin(found.labels, np.array(digit.parts) + 1)


def _least_area(shape: tuple[int, ...]) -> float:
    """Return the area of the smallest legible digit: 4 pixels of 28 x 28, or a thin 1 on a page."""
    return max(4.0, 1e-4 * shape[0] * shape[1])


def _most_likely(groups: list[Group], shape: tuple[int, ...]) -> Group:
    """Return the largest group, preferably one that does not touch the border.

    A group at the border may be the edge of the paper or of the table, but also a digit in a tightly cropped image.
    """
    free = [group for group in groups if not _at_border(group, shape) and group.size >= FREE * max(shape)]
    return max(free or groups, key=lambda group: group.area)


def _is_digit(group: Group, digit: Group, shape: tuple[int, ...]) -> bool:
    """Return whether a group is another digit rather than a smudge, a line or an edge."""
    tall = group.bottom - group.top >= OTHER_DIGIT * (digit.bottom - digit.top)
    return tall and group.area >= 0.2 * digit.area and not _at_border(group, shape)


def _at_border(group: Group, shape: tuple[int, ...]) -> bool:
    height, width = shape
    return group.top == 0 or group.left == 0 or group.bottom == height or group.right == width


def _groups(found: Components, shape: tuple[int, ...]) -> list[Group]:
    """Group components by repeatedly merging two groups that are near each other."""
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
    """Return two groups that belong together, or None."""
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
    """Return the largest gap, in pixels, between two groups of the same digit."""
    both = _union(one, other)
    if _at_border(one, shape) != _at_border(other, shape):
        return GAP_BETWEEN_EQUALS * min(one.size, other.size)  # as the edge of a page is long
    size = both.size
    columns = min(one.right, other.right) - max(one.left, other.left)  # in common
    if columns >= 0.5 * min(one.right - one.left, other.right - other.left):
        return GAP_ABOVE * size
    rows = min(one.bottom, other.bottom) - max(one.top, other.top)
    return (GAP_BETWEEN_EQUALS if rows >= 0.75 * (both.bottom - both.top) else GAP) * size


def _outline(part: Mask) -> Points:
    """Return at most MOST_POINTS pixels of the component that are adjacent to paper, (n, 2)."""
    padded = np.pad(part, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    points = np.argwhere(part & ~inner).astype(np.float64)
    return points[:: -(-len(points) // MOST_POINTS)]


def _gap(one: Points, other: Points) -> float:
    """Return the least distance between two outlines, in pixels of paper between them."""
    return float(np.hypot(one[:, None, 0] - other[:, 0], one[:, None, 1] - other[:, 1]).min()) - 1
