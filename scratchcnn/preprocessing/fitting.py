"""Layout of a digit as in MNIST: sharp strokes of the usual width, scaled to 20 pixels, centred by their mass."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from scratchcnn.preprocessing.grey import Grey, scale_to
from scratchcnn.preprocessing.shapes import Shape

FIELD = 28
CROP = 0.3  # ink at which the bounding box of a digit ends
BOX = 20
FINE = 8  # oversampling factor at which the stroke width is adjusted
# In pixels of the field, as measured by `stroke_width`: the median and the 90th percentile over MNIST's digits.
THINNEST, THICKEST = 2.4, 3.2
LARGEST_EROSION = 2 * FINE  # 2 pixels of the field on each side of a stroke
COARSE = 4  # oversampling factor at which a digit is sharpened
EDGE = 0.5  # sigma of the blur of MNIST's own edges, in pixels of the field
SLOPE = 0.8  # largest slope of a blurred stroke of height 1, times sigma; 0.4 for an edge, 0.6 for a thin stroke
LEAST_BLUR = 0.375  # sigma in pixels of the field; less is not worth sharpening
ITERATIONS = 15


def lay_out(ink: Grey, digit: Shape) -> tuple[Grey, Grey, Grey]:
    """Return the cropped digit, the same scaled to 20 pixels, and the image like those of MNIST, (28, 28)."""
    cut = crop(ink, digit)
    fitted = fit_into_box(cut)
    return cut, fitted, centre(fitted)


def crop(ink: Grey, digit: Shape) -> Grey:
    """Crop the ink of the digit to its bounding box, with its soft edge, and sharpen it if it is blurred."""
    reach = max(1, round(max(ink.shape) / 300))
    mask = ndimage.binary_dilation(np.pad(digit.mask, reach), np.ones((3, 3)), reach)
    top, left = max(0, digit.top - reach), max(0, digit.left - reach)
    mask = mask[top - digit.top + reach :, left - digit.left + reach :]
    around = ink[top : top + len(mask), left : left + mask.shape[1]]
    alone = np.where(mask[: len(around), : around.shape[1]], around, np.float32(0))
    alone = np.clip(sharpen(alone), 0, 1)
    inked = alone > min(CROP, 0.5 * float(alone.max()))
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    return alone[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def sharpen(ink: Grey) -> Grey:
    """Sharpen a blurred digit by Richardson-Lucy deconvolution; return `ink` itself if it is as sharp as in MNIST.

        x <- x G(ink / G(x)),  G: Gaussian filter

    The sigma follows from the largest slope of the strokes. (L. B. Lucy, "An iterative technique for the rectification
    of observed distributions", The Astronomical Journal 79, 1974.)
    """
    fine = np.pad(scale_to(ink, COARSE * BOX), 3 * COARSE)
    slopes = np.hypot(*np.gradient(fine))
    slope = float(np.quantile(slopes[slopes >= 0.2 * slopes.max()], 0.98))
    variance = (SLOPE / max(slope, 1e-6)) ** 2 - (COARSE * EDGE) ** 2
    if variance < (COARSE * LEAST_BLUR) ** 2:
        return ink
    sigma = min(math.sqrt(variance), COARSE * BOX / 4)
    # A filter of the columns, or of the rows, is a product with a small matrix: that of the filtered unit vectors.
    down, across = (ndimage.gaussian_filter1d(np.eye(length), sigma, axis=0) for length in fine.shape)
    sharp = fine = np.maximum(fine, np.float32(1e-4))
    for _ in range(ITERATIONS):
        sharp = sharp * (down @ (fine / (down @ sharp @ across.T)) @ across.T)
    return np.asarray(sharp / np.median(sharp[sharp > 0.5 * sharp.max()]), np.float32)


def fit_into_box(cut: Grey) -> Grey:
    """Scale a digit to 20 pixels on its longer side, with its proportions kept and strokes as wide as in MNIST."""
    fine = scale_to(cut, FINE * BOX)
    small = scale_to(thicken(fine / max(float(fine.max()), 1e-6)), BOX)
    # Scaling lowers the ink of thin strokes; full strokes become 1 again, and crossings of strokes are clipped.
    full = float(np.quantile(small[small > 0.5 * small.max()], 0.6))
    return np.clip(small / full, 0, 1)


def stroke_width(ink: Grey) -> float:
    """Estimate the mean stroke width in pixels: 2 area / length of the outline, which is the total variation."""
    padded = np.pad(ink, 1)
    outline = float(np.hypot(np.diff(padded, axis=0)[:, 1:], np.diff(padded, axis=1)[1:]).sum(dtype=np.float64))
    return 2 * float(ink.sum(dtype=np.float64)) / max(outline, 1e-6)


def thicken(ink: Grey) -> Grey:
    """Dilate or erode strokes whose width in the field would not lie between `THINNEST` and `THICKEST`.

    In the field, strokes of width s in a drawing of size L have the width w = 20 s / L. A dilation by r enlarges the
    drawing too: w = 20 (s + 2 r) / (L + 2 r), which is solved for r. An erosion has a negative r.
    """
    length = max(ink.shape)
    width = stroke_width(ink)
    wanted = min(max(BOX * width / length, THINNEST), THICKEST)
    radius = round((wanted * length - BOX * width) / (2 * (BOX - wanted)))
    # An erosion never removes a stroke completely, and takes a long time for a large radius.
    radius = max(radius, -((min(ink.shape) - 1) // 4), -LARGEST_EROSION)
    if radius > 0:
        return -_eroded(-np.pad(ink, radius), radius)
    if radius < 0:
        return _eroded(ink, -radius)[-radius:radius, -radius:radius]
    return ink


def _eroded(ink: Grey, radius: int) -> Grey:
    """Take the minimum over a disc around each pixel; outside the image, the ink is 0.

    Each row of the disc is a run of pixels, and the minima over runs of one length are computed in linear time.
    """
    reach = np.arange(-radius, radius + 1)
    runs = (np.hypot(reach[:, None], reach) <= radius + 0.5).sum(axis=1)  # the length of each row of the disc
    padded = np.pad(ink, ((radius, radius), (0, 0)))
    minima = {run: ndimage.minimum_filter1d(padded, run, axis=1, mode="constant") for run in np.unique(runs)}
    return np.minimum.reduce([minima[run][row : row + len(ink)] for row, run in enumerate(runs)])


def centre(fitted: Grey) -> Grey:
    """Place a digit in a 28 x 28 field with its centre of mass on the central pixel, unless it would leave the field.

    A side of 28 pixels has no central pixel. In MNIST all centres of mass lie between 14 and 15, right below the
    middle, and so do these. The place is rounded first, so that rounding errors do not move a symmetric shape.
    """
    field = np.zeros((FIELD, FIELD), np.float32)
    middle = [m + 0.5 for m in ndimage.center_of_mass(fitted)]
    ends = (math.ceil(round(FIELD / 2 - m, 4)) for m in middle)
    top, left = (min(max(end, 0), FIELD - n) for end, n in zip(ends, fitted.shape, strict=True))
    field[top : top + fitted.shape[0], left : left + fitted.shape[1]] = fitted
    return field
