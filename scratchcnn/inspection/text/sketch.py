"""Draws an image and a map of it with letters, for those who read results in a terminal."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scratchcnn.inspection.text.layout import WIDTH
from scratchcnn.preprocessing.shades import ink_of

Numbers = npt.NDArray[np.float64]

INK = " .:*#"  # from paper to ink
ABOVE, BELOW = ".123456789", ".abcdefghi"  # tenths of the greatest number; a nought would stand out too much
GAP = 4


def sketch(image: npt.ArrayLike, values: npt.ArrayLike, limit: float) -> list[str]:
    """Lines of text: the image to the left, a map of the same size to the right.

    Parameters
    ----------
    image : array-like (H, W) or (H, W, C)
    values : array-like (H, W)
    limit : float
        The number that is drawn as 9, or as i below zero.

    Returns
    -------
    list of str
        Each at most 118 characters wide: a wide image is made coarser, a small one gets a space after every letter.
    """
    shades, numbers = ink_of(image), np.asarray(values, np.float64)
    width = shades.shape[1]
    step = -(-width // ((WIDTH - GAP) // 2))
    if step > 1:
        shades, numbers = _coarser(shades, step), _coarser(numbers, step)
    space = " " if 4 * shades.shape[1] - 2 + GAP <= WIDTH else ""
    lines = []
    for row, tenths in zip(_level(shades, 1.0, len(INK)), _level(numbers, limit, 10), strict=True):
        left = space.join(INK[level] for level in row)
        right = space.join((ABOVE if level >= 0 else BELOW)[abs(level)] for level in tenths)
        lines.append((left + " " * GAP + right).rstrip())
    return lines


def _level(numbers: Numbers, limit: float, levels: int) -> npt.NDArray[np.int64]:
    """Which letter each number gets: from 0 to `levels` - 1, with its sign."""
    if not limit > 0:
        return np.zeros(numbers.shape, np.int64)
    steps = np.floor(np.abs(numbers) / limit * levels)
    return (np.sign(numbers) * np.minimum(steps, levels - 1)).astype(np.int64)


def _coarser(numbers: Numbers, step: int) -> Numbers:
    """Means over blocks of `step` x `step`; those at the end may be smaller."""
    height, width = numbers.shape
    rows, columns = np.arange(0, height, step), np.arange(0, width, step)
    sums = np.add.reduceat(np.add.reduceat(numbers, rows, axis=0), columns, axis=1)
    counts = np.diff([*rows, height])[:, None] * np.diff([*columns, width])
    return sums / counts
