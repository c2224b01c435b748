"""Shapes: connected strokes of ink, without ruled lines, boxes and circles around a digit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from scratchcnn.preprocessing.grey import Grey
from scratchcnn.preprocessing.ink import Mask

Labels = npt.NDArray[np.int32]  # (H, W), components are numbered from 1, 0 is paper
Rows = npt.NDArray[np.int_]  # numbers of rows or columns

FAINTEST = 0.12  # ink of a line
MAP = 250  # pixels of the longer side of the map in which lines are searched
SLOPES = np.linspace(-0.07, 0.07, 29)  # of lines to the axes of the image
SHORTEST = 0.3  # part of the image's width in which a line is seen before it leaves the image
COVERED = 0.85  # fraction of its length along which a line is inked
THICKEST_LINE = 0.05  # as a fraction of the image's longer side
MOST_FRAMES = 8  # components considered, the largest ones
ROUND = 0.93  # intersection over union of a circle with the disc in its bounding box
INSIDE = 0.3  # least size of a digit in a frame, as a fraction of the frame's
CORE = 0.5  # ink that every shape contains somewhere
SPECK = 0.03  # fraction of the largest shape's area below which a shape is a speck
CONTACT = 0.3  # largest part of a digit's bounding box that lies on the image's border


class Shape(NamedTuple):
    """Pixels within their bounding box."""

    top: int
    left: int
    mask: Mask  # (h, w)
    contact: int = 0  # pixels of the bounding box on the image's border

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom), the last two exclusive."""
        return self.left, self.top, self.left + self.mask.shape[1], self.top + self.mask.shape[0]

    @property
    def height(self) -> int:
        """Rows of the bounding box."""
        return self.mask.shape[0]

    @property
    def middle(self) -> float:
        """Row in the middle of the bounding box."""
        return self.top + self.height / 2

    @property
    def area(self) -> int:
        """Number of pixels."""
        return int(self.mask.sum())

    @property
    def is_edge(self) -> bool:
        """Whether a large part of the outline lies on the image's border, as of the edge of a table."""
        return self.contact > CONTACT * 2 * sum(self.mask.shape)


def find_shapes(ink: Grey, level: float, most: int) -> list[Shape]:
    """Find the largest `most` connected components of ink above `level` that contain strong ink, without frames.

    This hysteresis threshold keeps the faint parts of a stroke, and leaves out faint dirt. ValueError if there is less
    strong ink than in the smallest legible digit: 4 pixels, or a 1 on a page.
    """
    if int((ink > CORE).sum()) < max(4.0, 1e-4 * ink.size):
        raise ValueError(
            "Expected an image of a digit, received an empty one, with specks only; use an image in which the digit is "
            "larger or darker."
        )
    labels, count = ndimage.label(ink > min(level, CORE), np.ones((3, 3)))
    strong = np.zeros(count + 1, bool)
    strong[labels[ink > CORE]] = True
    labels = inside_frame(np.where(strong[labels], labels, 0))
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    border = np.concatenate([labels[0], labels[-1], labels[1:-1, 0], labels[1:-1, -1]])
    contacts = np.bincount(border, minlength=len(areas))
    boxes = ndimage.find_objects(labels)
    return [
        Shape(rows.start, columns.start, labels[rows, columns] == label, int(contacts[label]))
        for label in np.argsort(-areas, kind="stable")[:most]
        if areas[label] >= max(1, SPECK * areas.max())
        for rows, columns in [boxes[label - 1]]
    ]


def union(one: Shape, other: Shape) -> Shape:
    """Return the pixels of two shapes as one shape."""
    top, left = min(one.top, other.top), min(one.left, other.left)
    bottom, right = max(one.box[3], other.box[3]), max(one.box[2], other.box[2])
    mask = np.zeros((bottom - top, right - left), bool)
    for shape in (one, other):
        rows, columns = shape.top - top, shape.left - left
        mask[rows : rows + shape.height, columns : columns + shape.mask.shape[1]] |= shape.mask
    return Shape(top, left, mask, one.contact + other.contact)


def trimmed(shape: Shape) -> Shape:
    """Reduce the bounding box to the pixels that belong to the shape."""
    rows, columns = np.flatnonzero(shape.mask.any(axis=1)), np.flatnonzero(shape.mask.any(axis=0))
    mask = shape.mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Shape(shape.top + int(rows[0]), shape.left + int(columns[0]), mask, shape.contact)


def remove_lines(ink: Grey, noise: float) -> Grey:
    """Remove thin straight lines from edge to edge, as those of ruled paper, where no stroke crosses them.

    `noise` is the standard deviation in `ink`. Returns `ink` itself if there are no lines, or if what remains touches
    the border: then the lines may be strokes of a tightly cropped digit.

    In a map of the ink, sheared by each of 29 slopes, a row that is inked from edge to edge is a line. A morphological
    opening across the line removes it and keeps the strokes that cross it.
    """
    level = max(FAINTEST, 3 * noise)
    cleaned = _without_rows(ink, level)
    cleaned = np.ascontiguousarray(_without_rows(np.ascontiguousarray(cleaned.T), level).T)
    return cleaned if _stands_free(cleaned) else ink


def _without_rows(ink: Grey, level: float) -> Grey:
    """Remove the lines that run from the left to the right edge."""
    height, width = ink.shape
    block = -(-max(height, width) // MAP)
    padded = np.pad(ink, ((0, -height % block), (0, -width % block)))
    exact = padded.reshape(padded.shape[0] // block, block, -1, block).max(axis=(1, 3)) > level
    small = ndimage.binary_dilation(exact, np.ones((3, 1)))  # tolerates a deviation of one row from a straight line
    rows, columns = (np.arange(length) for length in small.shape)
    best, lines, shift = 0.0, None, None
    for slope in SLOPES:
        moved = np.round(slope * (columns - small.shape[1] / 2)).astype(int)
        left, right = (_sheared(small, rows, end, moved[end]) for end in (columns[:3], columns[-3:]))
        found: Mask = np.asarray((left[0] | ~left[1]).any(axis=1) & (right[0] | ~right[1]).any(axis=1))
        sheared, inside = _sheared(small, rows[found], columns, moved)
        covered = (sheared & inside).sum(axis=1) / np.maximum(inside.sum(axis=1), SHORTEST * small.shape[1])
        found[found] = covered > COVERED
        score = float(np.square(_sheared(exact, rows[found], columns, moved)[0].mean(axis=1)).sum())
        if score > best:
            best, lines, shift = score, found, moved
    if lines is None or shift is None:
        return ink
    runs, _ = ndimage.label(lines)
    thickness = np.bincount(runs)[1:]
    thin = (thickness - 2) * block <= max(THICKEST_LINE * max(height, width), block)
    if not thin.any():
        return ink
    band = ndimage.binary_dilation(np.isin(runs, np.flatnonzero(thin) + 1), iterations=1)
    place = rows[:, None] - shift
    on_line = band[np.clip(place, 0, len(small) - 1)] & (place >= 0) & (place < len(small))
    on_line = on_line.repeat(block, axis=0).repeat(block, axis=1)[:height, :width]
    size = int(thickness[thin].max()) * block + 1
    return np.where(on_line, ndimage.grey_opening(ink, (size, 1), mode="constant"), ink)


def _sheared(image: Mask, rows: Rows, columns: Rows, moved: Rows) -> tuple[Mask, Mask]:
    """Take some rows, moved down in each column, from an image, and return also which of their pixels it contains."""
    source = rows[:, None] + moved
    inside = (source >= 0) & (source < len(image))
    return image[np.clip(source, 0, len(image) - 1), columns], inside


def _stands_free(ink: Grey) -> bool:
    """Return whether the largest shape is large enough for a digit and does not touch the border."""
    box = max(ndimage.find_objects(ndimage.label(ink > 0.5, np.ones((3, 3)))[0]), key=_size, default=())
    free = all(side.start > 0 and side.stop < length for side, length in zip(box, ink.shape, strict=False))
    return bool(box) and free and _size(box) >= 0.15 * min(ink.shape)


def inside_frame(labels: Labels) -> Labels:
    """Remove boxes and circles around a digit.

    Where a digit touches its frame, only the frame's outline is removed.

    A frame has a hole with a component of a digit's size. A component is also a frame with a digit that touches it if,
    with its holes filled, it is a rectangle or nearly a circle, and strokes of a digit's size remain after its outline
    is peeled off. A 0 is narrower than a circle, and nothing remains of it.
    """
    result = labels.copy()
    boxes = {label: box for label, box in enumerate(ndimage.find_objects(labels), 1) if box is not None}
    sizes = {label: _size(box) for label, box in boxes.items()}
    for label in sorted(sizes, key=sizes.__getitem__, reverse=True)[:MOST_FRAMES]:
        part = labels[boxes[label]]
        frame = part == label
        solid = ndimage.binary_fill_holes(frame)
        least = INSIDE * min(max(part.shape), 1.5 * min(part.shape))  # a long box may contain a line of digits
        if any(sizes[other] >= least for other in np.unique(part[solid & ~frame]) if other > 0):
            result[boxes[label]][frame] = 0
        elif _is_rectangle_or_circle(solid):
            rest = frame & _inside_of_outline(solid, frame)
            found = ndimage.find_objects(ndimage.label(rest, np.ones((3, 3)))[0])
            if any(rows.stop - rows.start >= least for rows, _ in found):
                result[boxes[label]][frame & ~rest] = 0
    return result


def _size(box: tuple[slice, ...]) -> int:
    """Return the longer side of a bounding box."""
    return max(side.stop - side.start for side in box)


def _is_rectangle_or_circle(solid: Mask) -> bool:
    height, width = solid.shape
    rows, columns = (np.linspace(-1, 1, length) for length in solid.shape)
    disc = np.hypot(rows[:, None], columns) <= 1
    overlap = (solid & disc).sum() / (solid | disc).sum()
    return bool(solid.mean() > 0.9 or (overlap > ROUND and 0.85 < width / height < 1.18))


def _inside_of_outline(solid: Mask, frame: Mask) -> Mask:
    """Return the pixels deeper in `solid` than the outline, which ends at the depth where little is inked."""
    depth = np.ceil(ndimage.distance_transform_edt(np.pad(solid, 1))[1:-1, 1:-1]).astype(int)
    inked = np.bincount(depth[frame], minlength=depth.max() + 1) / np.maximum(np.bincount(depth[solid]), 1)
    thickness = int(np.argmax(inked[1:] < 0.5)) + 1 if (inked[1:] < 0.5).any() else depth.max()
    return depth > thickness + 1
