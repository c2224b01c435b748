"""Text drawings of an image and a map of values."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scratchcnn.display.blocks import WIDTH
from scratchcnn.preprocessing.grey import ink_of

Values = npt.NDArray[np.float64]

INK = " .:*#"  # from paper to ink
POSITIVE, NEGATIVE = ".123456789", ".abcdefghi"  # tenths of the limit; a dot is less conspicuous than a zero
GAP = 4  # spaces between the two drawings


def sketch(image: npt.ArrayLike, values: npt.ArrayLike, limit: float) -> list[str]:
    """Return lines with an image (H, W) or (H, W, C) on the left, and a map (H, W) of values on the right.

    The value `limit` is drawn as 9, or as i if it is negative. Lines have at most `WIDTH` characters: a small image has
    a space after every letter, and a wide one is reduced by averaging.

    >>> print(*sketch([[0, 255, 0]], [[0.0, 1.0, -0.5]], limit=1.0), sep=chr(10))
      #      . 9 e
    """
    shades, numbers = ink_of(image), np.asarray(values, np.float64)
    step = -(-shades.shape[1] // ((WIDTH - GAP) // 2))
    if step > 1:
        shades, numbers = _block_means(shades, step), _block_means(numbers, step)
    space = " " if 4 * shades.shape[1] - 2 + GAP <= WIDTH else ""
    lines = []
    for row, tenths in zip(_levels(shades, 1.0, len(INK)), _levels(numbers, limit, 10), strict=True):
        left = space.join(INK[level] for level in row)
        right = space.join((POSITIVE if level >= 0 else NEGATIVE)[abs(level)] for level in tenths)
        lines.append((left + " " * GAP + right).rstrip())
    return lines


def _levels(values: Values, limit: float, count: int) -> npt.NDArray[np.int64]:
    """Return the index of the letter for each value: from 0 to `count` - 1, with the sign of the value."""
    steps = np.floor(np.abs(values) / (limit if limit > 0 else np.inf) * count)
    return (np.sign(values) * np.minimum(steps, count - 1)).astype(np.int64)


def _block_means(values: Values, step: int) -> Values:
    """Return the means over blocks of `step` x `step` values; the last ones may be smaller."""
    height, width = values.shape
    tops, lefts = range(0, height, step), range(0, width, step)
    return np.array([[values[top : top + step, left : left + step].mean() for left in lefts] for top in tops])
