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
WIDEST = 1.7  # width of a digit relative to its height
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
    def size(self) -> int:
        """The longer side of the bounding box."""
        return max(self.bottom - self.top, self.right - self.left)


def find_digit(ink: Grey, noise: float) -> Mask:
    """Find the pixels of the digit with a hysteresis threshold: connected faint ink that contains strong ink.

    Parameters
    ----------
    ink : float32 (H, W)
        0 is paper, 1 a full stroke.
    noise : float
        Standard deviation of the noise in `ink`.

    Returns
    -------
    bool (H, W)
        True for the components of the digit.

    Raises
    ------
    ValueError
        There is no component larger than a speck, or there are several digits.

    Notes
    -----
    The faintest level at which the digit does not touch the border of the image is used. So a stroke keeps its faint
    parts, unless they connect it to lines or shadows that leave the image.
    """
    if int((ink > CORE).sum()) < _least_area(ink.shape):
        raise ValueError(
            "Expected an image of a digit, received an empty one, with specks only; use an image in which the digit is "
            "larger or darker."
        )
    for edge in EDGES:
        labels = _shapes(ink, min(max(edge, 4 * noise), CORE))
        groups = _groups(labels)
        digit = _most_likely(groups, ink.shape)
        if digit.contact == 0:
            break
    else:  # tightly cropped
        labels = _shapes(ink, min(max(EDGES[0], 4 * noise), CORE))
        groups = _groups(labels)
        digit = _most_likely(groups, ink.shape)
    others = [group for group in groups if group is not digit and _is_digit(group, digit)]
    if others:
        raise ValueError(
            f"Expected an image of one digit, received {len(others) + 1} separate shapes of a digit's size; crop the "
            "image to one digit."
        )
    if digit.right - digit.left > WIDEST * (digit.bottom - digit.top):
        raise ValueError(
            f"Expected an image of one digit, received a shape {digit.right - digit.left} pixels wide and "
            f"{digit.bottom - digit.top} high; crop the image to one digit."
        )
    return np.isin(labels, digit.parts)


def _shapes(ink: Grey, level: float) -> Labels:
    """Label the connected components of ink above `level` that contain strong ink, without frames."""
    labels, count = ndimage.label(ink > level, np.ones((3, 3)))
    strongest = ndimage.maximum(ink, labels, np.arange(count + 1))
    return inside_frame(np.where(strongest[labels] > CORE, labels, 0))


def _least_area(shape: tuple[int, ...]) -> float:
    """Return the area of the smallest legible digit: 4 pixels of 28 x 28, or a thin 1 on a page."""
    return max(4.0, 1e-4 * shape[0] * shape[1])


def _most_likely(groups: list[Group], shape: tuple[int, ...]) -> Group:
    """Return the largest group, preferably one that does not touch the border.

    A group at the border may be the edge of the paper or of the table, but also a digit in a tightly cropped image.
    """
    free = [group for group in groups if group.contact == 0 and group.size >= FREE * max(shape)]
    return max(free or groups, key=lambda group: group.area)


def _is_digit(group: Group, digit: Group) -> bool:
    """Return whether a group is another digit rather than a smudge, a line or an edge."""
    tall = group.bottom - group.top >= OTHER_DIGIT * (digit.bottom - digit.top)
    outline = 2 * (group.bottom - group.top + group.right - group.left)
    edge = digit.contact == 0 and group.contact > CONTACT * outline
    return tall and group.area >= 0.2 * digit.area and not edge


def _groups(labels: Labels) -> list[Group]:
    """Group components by repeatedly merging two groups that are near each other."""
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    contacts = np.bincount(
        np.concatenate([labels[0], labels[-1], labels[1:-1, 0], labels[1:-1, -1]]), minlength=len(areas)
    )
    boxes = ndimage.find_objects(labels)
    parts = [label for label in np.argsort(-areas, kind="stable")[:MOST_PARTS] if areas[label] >= SPECK * areas.max()]
    groups, outlines = [], {}
    for label in parts:
        rows, columns = boxes[label - 1]
        groups.append(
            Group([label], int(areas[label]), rows.start, rows.stop, columns.start, columns.stop, int(contacts[label]))
        )
        outlines[label] = _outline(labels[rows, columns] == label) + np.array([rows.start, columns.start])
    while (pair := _near_pair(groups, outlines)) is not None:
        one, other = pair
        groups = [*(group for group in groups if group is not one and group is not other), _union(one, other)]
    return groups


def _near_pair(groups: list[Group], outlines: dict[int, Points]) -> tuple[Group, Group] | None:
    """Return two groups that belong together, or None."""
    for one, other in combinations(groups, 2):
        gap = min(_gap(outlines[a], outlines[b]) for a in one.parts for b in other.parts)
        if gap <= _allowed_gap(one, other):
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
        one.contact + other.contact,
    )


def _allowed_gap(one: Group, other: Group) -> float:
    """Return the largest gap, in pixels, between two groups of the same digit."""
    both = _union(one, other)
    if (one.contact > 0) != (other.contact > 0):
        return GAP_BETWEEN_EQUALS * min(one.size, other.size)  # as the edge of a page is long
    columns = min(one.right, other.right) - max(one.left, other.left)  # in common
    if columns >= 0.5 * min(one.right - one.left, other.right - other.left):
        return GAP_ABOVE * both.size
    height, width = both.bottom - both.top, both.right - both.left
    rows = min(one.bottom, other.bottom) - max(one.top, other.top)
    two = rows >= 0.75 * height or (columns <= 0 and width > height)
    return (GAP_BETWEEN_EQUALS if two else GAP) * both.size


def _outline(part: Mask) -> Points:
    """Return at most MOST_POINTS pixels of the component that are adjacent to paper, (n, 2)."""
    points = np.argwhere(part & ~ndimage.binary_erosion(part)).astype(np.float64)
    return points[:: -(-len(points) // MOST_POINTS)]


def _gap(one: Points, other: Points) -> float:
    """Return the least distance between two outlines, in pixels of paper between them."""
    return float(np.hypot(one[:, None, 0] - other[:, 0], one[:, None, 1] - other[:, 1]).min()) - 1
