"""Tells ink from paper: how much of a full stroke each pixel holds."""

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
NOISE_FACTOR = 5.0  # so many standard deviations are ink, not noise
SMOOTH_FROM = 200  # pixels of the longer side: a larger picture has strokes of several pixels


class Ink(NamedTuple):
    """What is ink, and by which background and threshold."""

    ink: Grey  # (H, W), 0: paper, 1: a full stroke
    strong: Mask  # (H, W), surely ink
    background: Grey  # (H, W)
    is_dark: bool


def find_ink(grey: Grey, dark: bool | None) -> Ink:
    """Take the background away and find the threshold between it and the ink.

    Parameters
    ----------
    grey : float32 (H, W)
    dark : bool, optional
        Whether the ink is darker than the background; default: what departs from it more.

    Returns
    -------
    Ink

    Raises
    ------
    ValueError
        Nothing in the picture stands out.

    References
    ----------
    N. Otsu, "A threshold selection method from gray-level histograms", IEEE Transactions on Systems, Man, and
    Cybernetics 9(1), 1979.
    """
    smooth = _smooth(grey) if max(grey.shape) >= SMOOTH_FROM else grey
    rough = rough_background(smooth)
    is_dark = ink_is_dark(smooth, rough) if dark is None else dark
    # Within a thick stroke the median over half of the picture may be the ink, which that over the whole is not. But
    # the whole knows nothing of a small shadow. So both are tried.
    wider = rough_background(smooth, THUMBNAIL // 2)
    wider = np.maximum(rough, wider) if is_dark else np.minimum(rough, wider)
    tried = [_take_away(smooth, background, is_dark) for background in (rough, wider)]
    found = [ink for ink in tried if ink is not None]
    if not found:
        raise ValueError(
            "Expected a picture with a digit, received an empty one, in which nothing stands out from the background; "
            "give a picture with more contrast, or say ink='dark' or ink='light'."
        )
    return min(found, key=_misfit)


def _take_away(grey: Grey, rough: Grey, is_dark: bool) -> Ink | None:
    """The ink, by a rough background and then by one that is estimated without it; None if there is none."""
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
    """How far the pixels are from being either paper or a full stroke: shadows lie between."""
    return float(np.square(np.minimum(found.ink, 1 - found.ink)).mean(dtype=np.float64))


def _contrast(grey: Grey, background: Grey, is_dark: bool) -> Grey:
    """How far each pixel stands out. Dark ink swallows a share of the light, so it is measured as that share."""
    if is_dark:
        return np.asarray(1 - grey / np.maximum(background, 0.05), np.float32)
    return np.asarray(grey - background, np.float32)


def _threshold(contrast: Grey) -> float | None:
    """Otsu's threshold among the pixels that stand out from the noise; None if none do.

    Of all pixels the ink may be one in a thousand, and Otsu's threshold would then divide the paper.
    """
    least = max(LEAST_CONTRAST, NOISE_FACTOR * noise(contrast))
    standing_out = contrast[contrast > least]
    if standing_out.size == 0:
        return None
    return max(least, otsu(standing_out))


def otsu(values: Grey) -> float:
    """The threshold that leaves the least variance within the two classes which it makes.

    Parameters
    ----------
    values : float32 (n,)
        At least one.

    Returns
    -------
    float
        0 if all values are the same: they are one class.

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
    best = np.flatnonzero(between == between.max())  # a gap between the classes: take its middle
    return float(edges[1:][best].mean())


def _smooth(grey: Grey) -> Grey:
    """The mean over 3 x 3 pixels with weights 1, 2, 1: the noise of neighbouring pixels cancels out."""
    padded = np.pad(grey, 1, mode="edge")
    down = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    return (down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]) / 16
