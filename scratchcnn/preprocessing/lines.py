"""Search for all digits of a line or a sheet, in reading order."""

from __future__ import annotations

import numpy as np

from scratchcnn.preprocessing.grey import Grey
from scratchcnn.preprocessing.shapes import OTHER_DIGIT, Shape, check_not_empty, group, label_shapes, shape_of
from scratchcnn.preprocessing.touching import separate

EDGE = 0.3  # ink at which a shape ends; fainter ink would join neighbouring digits
MOST_DIGITS = 200
WIDE, WIDEST = 1.0, 1.7  # width relative to the height of the line, from which a shape is separated, or unreadable
LEAST_INK = 0.05  # of a digit, relative to the median area; a thin 1 has little


def find_digits(ink: Grey, noise: float) -> list[list[Shape]]:
    """Find the digits of each line, from left to right; the lines from top to bottom.

    Shapes of less than 45 % of the usual height are parts of a broken digit if they are near enough, and otherwise left
    out as specks. A wide shape is separated where digits touch. ValueError: there is no digit, there are too many, or
    touching digits cannot be separated.
    """
    check_not_empty(ink)
    labels = label_shapes(ink, max(EDGE, 4 * noise))
    parts = [part for part in group(labels, MOST_DIGITS + 1, tallest=0) if not part.is_edge]
    if len(parts) > MOST_DIGITS:
        raise ValueError(
            f"Expected an image of at most {MOST_DIGITS} digits, received more shapes; crop the image to a part of the "
            "sheet, or use one with less dirt."
        )
    if not parts:
        raise ValueError(
            "Expected an image of digits, received only shapes along the border; use an image with paper around the "
            "digits."
        )
    most = max(part.height for part in parts)
    usual = float(np.median([part.height for part in parts if part.height >= 0.5 * most]))
    wholes = [whole for whole in group(labels, MOST_DIGITS, usual) if not whole.is_edge]
    wholes = [whole for whole in wholes if whole.height >= OTHER_DIGIT * usual]
    area = float(np.median([whole.area for whole in wholes]))
    digits = [
        digit
        for whole in wholes
        if whole.area >= LEAST_INK * area
        for digit in _separated(shape_of(labels, whole), usual)
    ]
    return _in_reading_order(digits)


def _separated(shape: Shape, usual: float) -> list[Shape]:
    """Separate a shape into digits, from left to right, or raise a ValueError if it is too wide for one."""
    height, width = shape.mask.shape
    line = min(height, usual)
    parts = separate(shape.mask) if width > WIDE * line else None
    if parts is not None:
        return [digit for part in parts for digit in _separated(_trimmed(shape, part), usual)]
    if width > WIDEST * line:
        raise ValueError(
            f"Expected digits that do not touch, received a shape {width} pixels wide and {height} high at column "
            f"{shape.left}, row {shape.top}; leave more space between the digits, or crop the image to single ones."
        )
    return [shape]


def _trimmed(shape: Shape, part: np.ndarray) -> Shape:
    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    mask = part[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Shape(shape.top + int(rows[0]), shape.left + int(columns[0]), mask)


def _in_reading_order(digits: list[Shape]) -> list[list[Shape]]:
    """Assign the digits to lines: a digit whose middle lies beside the previous digits of a line belongs to it."""
    lines: list[list[Shape]] = []
    for digit in sorted(digits, key=lambda digit: digit.left):
        middle = digit.top + len(digit.mask) / 2
        for line in lines:
            last = line[-1]  # the nearest one on the left, so that a line may slope
            if last.top <= middle < last.top + len(last.mask):
                line.append(digit)
                break
        else:
            lines.append([digit])
    return sorted(lines, key=lambda line: float(np.median([digit.top + len(digit.mask) / 2 for digit in line])))
