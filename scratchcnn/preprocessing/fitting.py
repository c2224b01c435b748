"""Fits a digit into MNIST's field: strokes of its width, 20 pixels high or wide, centre of mass in the middle."""

from __future__ import annotations

import math

import numpy as np

from scratchcnn.preprocessing.grey import Grey
from scratchcnn.preprocessing.resize import resize

FIELD = 28
BOX = 20
FINE = 8  # pixels of the drawing on which strokes are made thicker, for one pixel of the field
# Pixels of the field, as `stroke_width` measures them: the median over MNIST's digits, and what one of ten exceeds.
THINNEST, THICKEST = 2.4, 3.2


def fit_into_box(cut: Grey) -> Grey:
    """Scale a digit to 20 pixels on its longer side, keeping its proportions, with strokes as wide as MNIST's.

    Parameters
    ----------
    cut : float32 (H, W)
        The ink, cut out: 0 is paper, 1 a full stroke.

    Returns
    -------
    float32 (h, w)
        In [0, 1]; the longer of h and w is 20.
    """
    fine = scale_to(cut, FINE * BOX)
    fine = thicken(fine / max(float(fine.max()), 1e-6))
    small = scale_to(fine, BOX)
    # Full strokes are 1, whatever was lost in scaling. A few pixels may be beyond: those where strokes meet.
    full = float(np.quantile(small[small > 0.5 * small.max()], 0.6))
    return np.clip(small / full, 0, 1)


def scale_to(picture: Grey, size: int) -> Grey:
    """Scale so that the longer side has `size` pixels and the proportions are kept; a side has at least one pixel."""
    height, width = picture.shape
    scale = size / max(height, width)
    return resize(picture, max(1, round(height * scale)), max(1, round(width * scale)))


def stroke_width(ink: Grey) -> float:
    """The mean width of the strokes, in pixels: twice the area over the length of the outline.

    The outline's length is the sum of the gradients' lengths (the total variation), which holds for soft edges too.

    Examples
    --------
    >>> bar = np.zeros((50, 50), np.float32)
    >>> bar[5:45, 20:24] = 1
    >>> round(stroke_width(bar), 1)
    3.7
    """
    padded = np.pad(ink, 1)
    down = np.diff(padded, axis=0)[:, 1:]
    right = np.diff(padded, axis=1)[1:]
    outline = float(np.hypot(down, right).sum(dtype=np.float64))
    return 2 * float(ink.sum(dtype=np.float64)) / max(outline, 1e-6)


def thicken(ink: Grey) -> Grey:
    """Make strokes wider or narrower, where they would not be from `THINNEST` to `THICKEST` wide in the field.

    Parameters
    ----------
    ink : float32 (H, W)

    Returns
    -------
    float32 (H + 2 r, W + 2 r)
        Strokes grew by r pixels on each side; r is negative where they became narrower.

    Notes
    -----
    In the field, strokes of width s in a drawing of size L are w = 20 s / L wide. A stroke that grows by r on both
    sides makes the drawing larger too: w = 20 (s + 2 r) / (L + 2 r), from which r follows.
    """
    length = max(ink.shape)
    width = stroke_width(ink)
    wanted = min(max(BOX * width / length, THINNEST), THICKEST)
    radius = round((wanted * length - BOX * width) / (2 * (BOX - wanted)))
    radius = max(radius, -((min(ink.shape) - 1) // 4))  # a stroke never vanishes
    if radius > 0:
        return _grow(np.pad(ink, radius), radius)
    if radius < 0:
        narrower = 1 - _grow(np.pad(1 - ink, -radius, constant_values=1), -radius)
        cut = slice(-2 * radius, 2 * radius)  # what was padded, and the edge that strokes have left
        return narrower[cut, cut]
    return ink


def _grow(ink: Grey, radius: int) -> Grey:
    """Each pixel becomes the strongest within a disc around it (a dilation)."""
    height, width = ink.shape
    padded = np.pad(ink, radius)
    grown = ink.copy()
    for down in range(-radius, radius + 1):
        reach = int(np.sqrt((radius + 0.5) ** 2 - down**2))
        for right in range(-reach, reach + 1):
            moved = padded[radius + down :, radius + right :][:height, :width]
            np.maximum(grown, moved, out=grown)
    return grown


def centre(fitted: Grey) -> Grey:
    """Place a fitted digit in the field, its centre of mass on the pixel in the middle.

    Parameters
    ----------
    fitted : float32 (h, w)
        At most 28 by 28.

    Returns
    -------
    float32 (28, 28)

    Notes
    -----
    An even number of pixels has no middle one. MNIST's centres of mass all lie on the pixel right below the middle,
    from 14 to 15, and so do these, unless the digit would leave the field.
    """
    field = np.zeros((FIELD, FIELD), np.float32)
    mass = fitted.sum(dtype=np.float64)
    corner = []
    for axis, length in enumerate(fitted.shape):
        along = fitted.sum(axis=1 - axis, dtype=np.float64)
        centre_of_mass = float((along * (np.arange(length) + 0.5)).sum() / mass)
        corner.append(min(max(math.ceil(FIELD / 2 - centre_of_mass), 0), FIELD - length))
    top, left = corner
    field[top : top + fitted.shape[0], left : left + fitted.shape[1]] = fitted
    return field
