"""Segmentation of ink and paper: the intensity of the ink at each pixel, relative to a full stroke."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scratchcnn.preprocessing.background import (
    THUMBNAIL,
    Mask,
    background_without,
    ink_is_dark,
    noise,
    rough_background,
)
from scratchcnn.preprocessing.grey import Grey

LEAST_CONTRAST = 0.04  # of ink against its background
NOISE_FACTOR = 5.0  # contrast of ink in standard deviations of the noise
SMOOTH_FROM = 200  # pixels of the longer side; strokes of larger images are several pixels wide


class Ink(NamedTuple):
    """The ink of an image, with the background that it was segmented from."""

    ink: Grey  # (H, W), 0: paper, 1: a full stroke
    strong: Mask  # (H, W), pixels above the threshold
    background: Grey  # (H, W)
    is_dark: bool


def find_ink(grey: Grey, dark: bool | None) -> Ink:
    """Subtract the background and segment the ink with Otsu's threshold.

    Parameters
    ----------
    grey : float32 (H, W)
    dark : bool, optional
        Whether the ink is darker than the background. Default: determined by `ink_is_dark`.

    Returns
    -------
    Ink

    Raises
    ------
    ValueError
        No pixel differs from the background by more than the noise.

    References
    ----------
    N. Otsu, "A threshold selection method from gray-level histograms", IEEE Transactions on Systems, Man, and
    Cybernetics 9(1), 1979.
    """
    smooth = _smooth(grey) if max(grey.shape) >= SMOOTH_FROM else grey
    rough = rough_background(smooth)
    is_dark = ink_is_dark(smooth, rough) if dark is None else dark
    # In a thick stroke, the median over half of the image may be the ink itself. The median over the whole image is
    # not, but it misses small shadows. So both are tried, and the better segmentation is returned.
    wider = rough_background(smooth, THUMBNAIL // 2)
    wider = np.maximum(rough, wider) if is_dark else np.minimum(rough, wider)
    tried = [_take_away(smooth, background, is_dark) for background in (rough, wider)]
    found = [ink for ink in tried if ink is not None]
    if not found:
        raise ValueError(
            "Expected an image of a digit, received an empty one, in which nothing stands out from the background; "
            "use an image with more contrast, or give ink='dark' or ink='light'."
        )
    return min(found, key=_misfit)


def _take_away(grey: Grey, rough: Grey, is_dark: bool) -> Ink | None:
    """Segment the ink with a rough background, then with one estimated without that ink; None if there is no ink."""
    contrast = _contrast(grey, rough, is_dark)
    threshold = _threshold(contrast)
    if threshold is None:
        return None
    background = background_without(grey, contrast > threshold, rough)
    contrast = _contrast(grey, background, is_dark)
    threshold = _threshold(contrast)
    if threshold is None:
        return None
    strong = contrast > threshold
    if not strong.any():
        return None
    full = 0.9 * float(np.median(contrast[strong]))
    none = threshold / 2
    ink = np.clip((contrast - none) / max(full - none, 1e-6), 0, 1)
    return Ink(ink.astype(np.float32), strong, background, is_dark)


def _misfit(found: Ink) -> float:
    """Return the mean squared distance of the pixels from paper (0) and full stroke (1); shadows lie in between."""
    return float(np.square(np.minimum(found.ink, 1 - found.ink)).mean(dtype=np.float64))


def _contrast(grey: Grey, background: Grey, is_dark: bool) -> Grey:
    """Return the contrast of each pixel; of dark ink, relative to the background, as it absorbs a fraction of light."""
    if is_dark:
        return np.asarray(1 - grey / np.maximum(background, 0.05), np.float32)
    return np.asarray(grey - background, np.float32)


def _threshold(contrast: Grey) -> float | None:
    """Return Otsu's threshold of the pixels above the noise; None if there are none.

    Ink may cover only a thousandth of the image; Otsu's threshold of all pixels would then split the paper.
    """
    least = max(LEAST_CONTRAST, NOISE_FACTOR * noise(contrast))
    standing_out = contrast[contrast > least]
    if standing_out.size == 0:
        return None
    return max(least, otsu(standing_out))


def otsu(values: Grey) -> float:
    """Compute Otsu's threshold, which minimizes the variance within the two classes.

    Parameters
    ----------
    values : float32 (n,)
        At least one.

    Returns
    -------
    float
        0 if all values are equal.

    Examples
    --------
    >>> 1 < otsu(np.array([1, 1, 1, 5, 5], np.float32)) < 5
    True
    """
    smallest, largest = float(values.min()), float(values.max())
    if smallest == largest:
        return 0.0
    counts, edges = np.histogram(values, bins=128, range=(smallest, largest))
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = below[-1] + counts[-1] - below
    sums = np.cumsum(counts * centres)
    mean_below, mean_above = sums[:-1] / below, (sums[-1] - sums[:-1]) / above
    between = below * above * np.square(mean_above - mean_below)
    best = np.flatnonzero(between == between.max())  # several in a gap between the classes, of which the middle is used
    return float(edges[1:][best].mean())


def _smooth(grey: Grey) -> Grey:
    """Apply a 3 x 3 binomial filter, with weights 1, 2, 1 along both axes, which reduces noise."""
    padded = np.pad(grey, 1, mode="edge")
    down = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    return (down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]) / 16
