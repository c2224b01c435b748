"""Layout of a digit as in MNIST: cropped to 20 pixels, strokes of the usual width, centre of mass in the middle."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from scratchcnn.preprocessing.grey import Grey
from scratchcnn.preprocessing.ink import Mask
from scratchcnn.preprocessing.resize import scale_to

FIELD = 28
CROP = 0.3  # ink at which the bounding box of a digit ends
BOX = 20
FINE = 8  # oversampling factor at which the stroke width is adjusted
# In pixels of the field, as measured by `stroke_width`: the median and the 90th percentile over MNIST's digits.
THINNEST, THICKEST = 2.4, 3.2


def crop(ink: Grey, digit: Mask) -> Grey:
    """Crop the ink of the digit, including its soft edge, to its bounding box.

    Parameters
    ----------
    ink : float32 (H, W)
    digit : bool (H, W)
        The pixels of the digit, of which at least one has strong ink.

    Returns
    -------
    float32 (h, w)
    """
    reach = max(1, round(max(digit.shape) / 300))
    alone = np.where(ndimage.binary_dilation(digit, np.ones((3, 3)), reach), ink, np.float32(0))
    inked = alone > min(CROP, 0.5 * float(alone.max()))
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    return alone[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def fit_into_box(cut: Grey) -> Grey:
    """Scale a digit to 20 pixels on its longer side, with its proportions kept and strokes as wide as in MNIST.

    Parameters
    ----------
    cut : float32 (H, W)
        The cropped ink: 0 is paper, 1 a full stroke.

    Returns
    -------
    float32 (h, w)
        In [0, 1]; the longer of h and w is 20.
    """
    fine = scale_to(cut, FINE * BOX)
    fine = thicken(fine / max(float(fine.max()), 1e-6))
    small = scale_to(fine, BOX)
    # Scaling lowers the ink of thin strokes; full strokes become 1 again, and crossings of strokes are clipped.
    full = float(np.quantile(small[small > 0.5 * small.max()], 0.6))
    return np.clip(small / full, 0, 1)


def stroke_width(ink: Grey) -> float:
    """Estimate the mean stroke width in pixels: 2 area / length of the outline.

    The length of the outline is estimated by the total variation, the sum of the lengths of the image gradients, which
    is also valid for soft edges.

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
    """Dilate or erode strokes whose width in the field would not lie between `THINNEST` and `THICKEST`.

    Parameters
    ----------
    ink : float32 (H, W)

    Returns
    -------
    float32 (H + 2 r, W + 2 r)
        Dilated by r pixels on each side; r is negative for an erosion.

    Notes
    -----
    In the field, strokes of width s in a drawing of size L have the width w = 20 s / L. A dilation by r enlarges the
    drawing too: w = 20 (s + 2 r) / (L + 2 r), which is solved for r.
    """
    length = max(ink.shape)
    width = stroke_width(ink)
    wanted = min(max(BOX * width / length, THINNEST), THICKEST)
    radius = round((wanted * length - BOX * width) / (2 * (BOX - wanted)))
    radius = max(radius, -((min(ink.shape) - 1) // 4))  # an erosion never removes a stroke completely
    reach = np.arange(-abs(radius), abs(radius) + 1)
    disc = np.hypot(reach[:, None], reach) <= abs(radius) + 0.5
    if radius > 0:
        return np.asarray(ndimage.maximum_filter(np.pad(ink, radius), footprint=disc, mode="constant"))
    if radius < 0:
        narrower = ndimage.minimum_filter(ink, footprint=disc, mode="constant")
        return np.asarray(narrower[-radius:radius, -radius:radius])
    return ink


def centre(fitted: Grey) -> Grey:
    """Place a digit in a 28 x 28 field with its centre of mass on the central pixel.

    Parameters
    ----------
    fitted : float32 (h, w)
        At most 28 by 28.

    Returns
    -------
    float32 (28, 28)

    Notes
    -----
    A side of 28 pixels has no central pixel. In MNIST all centres of mass lie between 14 and 15, right below the
    middle, and so do these, unless the digit would leave the field.
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
