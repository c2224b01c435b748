"""Separation of touching digits by a seam through the thinnest joint."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from scratchcnn.preprocessing.ink import Mask

MOST_ROWS = 60  # in which the seam is searched
REACH = 0.25  # by which a seam departs from its middle column, as a fraction of the height
PLACES = 9  # middle columns that are tried
JOINT, THICKEST = 1.2, 0.3  # most ink crossed by the seam: in stroke widths, and as a fraction of the height
WIDE_SPACE = 0.35  # between the halves of a 0, as a fraction of the height
TALL = 0.78  # least height of the part on each side, as a fraction of the shape's height


def separate(shape: Mask) -> tuple[Mask, Mask] | None:
    """Separate a shape into a left and a right digit where little ink joins them; None if it is a single digit.

    Both parts are nearly as high as the shape, unlike the tail of a 2 or the bar of a 5. The seam between them crosses
    one stroke at most, unlike one through a 0.
    """
    step = -(-len(shape) // MOST_ROWS)
    small = shape[::step, ::step]
    width = small.shape[1]
    stroke = 4 * float(ndimage.distance_transform_edt(np.pad(small, 1)).sum()) / small.sum()
    best, most = None, min(JOINT * stroke, THICKEST * len(small))
    for middle in np.linspace(0.2 * width, 0.8 * width, PLACES):
        seam = _seam(small, float(middle))  # (h,)
        along = np.pad(small[np.arange(len(small)), seam], 1)
        crossed, joints = float(along.sum()), int((along[1:] > along[:-1]).sum())
        left = np.arange(width) < seam[:, None]
        if _encloses(small & left, small & ~left):
            continue
        if crossed <= most and joints <= 1 and min(_height(small & left), _height(small & ~left)) >= TALL * len(small):
            best, most = seam, crossed
    if best is None:
        return None
    left = np.arange(shape.shape[1]) < step * best.repeat(step)[: len(shape), None]
    return shape & left, shape & ~left


def _seam(ink: Mask, middle: float) -> npt.NDArray[np.int64]:
    """Return the column in each row of a path from top to bottom, near a column, that crosses least ink.

    Dynamic programming over the rows; a step goes straight down or diagonally.
    """
    height, width = ink.shape
    apart = np.abs(np.arange(width) - middle)
    cost = ink + 1e-3 * apart / width + np.where(apart > max(1, REACH * height), 1e3, 0)
    for row in range(1, height):
        before = np.pad(cost[row - 1], 1, constant_values=np.inf)
        cost[row] += np.minimum(before[1:-1], np.minimum(before[:-2], before[2:]) + 1e-3)
    seam = np.empty(height, np.int64)
    seam[-1] = cost[-1].argmin()
    for row in range(height - 2, -1, -1):
        first = max(0, seam[row + 1] - 1)
        seam[row] = first + cost[row, first : seam[row + 1] + 2].argmin()
    return seam


def _encloses(left: Mask, right: Mask) -> bool:
    """Return whether the parts surround a wide space between them, as the halves of a 0 that is open at its top."""
    both = left.any(axis=1) & right.any(axis=1)
    gaps = right[both].argmax(axis=1) - (left.shape[1] - 1 - left[both][:, ::-1].argmax(axis=1))
    if len(gaps) == 0:
        return False
    widest = int(gaps.argmax())
    ends = max(gaps[: widest + 1].min(), gaps[widest:].min())
    return bool(gaps[widest] > WIDE_SPACE * len(left) and ends < 0.5 * gaps[widest])


def _height(part: Mask) -> int:
    """Return the height of the largest connected piece: a seam also cuts small pieces off."""
    boxes = ndimage.find_objects(ndimage.label(part, np.ones((3, 3)))[0])
    return max((rows.stop - rows.start for rows, _ in boxes), default=0)
