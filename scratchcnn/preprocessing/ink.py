"""Separation of ink and paper: the grey level of the ink at each pixel, relative to a full stroke."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage

from scratchcnn.preprocessing.grey import Grey
from scratchcnn.preprocessing.resize import resize, scale_to

Mask = npt.NDArray[np.bool_]

LEAST_CONTRAST = 0.04  # of ink against its background
NOISE_LEFT = 0.03  # standard deviation of the noise after smoothing, relative to the contrast
NOISE_FACTOR = 8.0  # contrast of ink in standard deviations of the noise
SMOOTH_FROM = 200  # pixels of the longer side; strokes of larger images are several pixels wide
PAPER_LEVEL = 0.05  # contrast of paper at most, relative to a full stroke
THUMBNAIL = 48  # pixels of the longer side; enough for gradual changes of illumination
WIDE, NARROW = 23, 9  # window sizes on the thumbnail: with the ink, and with the ink masked out


class Ink(NamedTuple):
    """The ink of an image, with the background that was subtracted."""

    ink: Grey  # (H, W), 0: paper, 1: a full stroke
    background: Grey  # (H, W)
    is_dark: bool
    noise: float  # standard deviation of the noise, in the unit of `ink`


def find_ink(grey: Grey, dark: bool | None) -> Ink:
    """Subtract the background, and scale the contrast so that a full stroke is 1.

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

    Notes
    -----
    The background is estimated twice by a median filter on a thumbnail: over wide windows, and over narrow windows with
    the ink masked out. A full stroke is 0.8 times the median contrast above Otsu's threshold. That threshold sets
    no pixel to 0 or 1, so that the strokes keep their soft edges and their faint parts.

    References
    ----------
    N. Otsu, "A threshold selection method from gray-level histograms", IEEE Transactions on Systems, Man, and
    Cybernetics 9(1), 1979.
    """
    smooth = _smooth(grey)
    rough = _rough_background(smooth, THUMBNAIL)
    is_dark = ink_is_dark(smooth, rough) if dark is None else dark
    # In a thick stroke, the median over half of the image may be the ink itself. The median over the whole image is
    # not, but it misses small shadows. So both are tried, and the better separation is returned.
    wider = _rough_background(smooth, THUMBNAIL // 2)
    wider = np.maximum(rough, wider) if is_dark else np.minimum(rough, wider)
    found = [ink for background in (rough, wider) if (ink := _separate(smooth, background, is_dark)) is not None]
    if not found:
        raise ValueError(
            "Expected an image of a digit, received an empty one, in which nothing stands out from the background; "
            "use an image with more contrast, or give ink='dark' or ink='light'."
        )
    return min(found, key=_misfit)


def ink_is_dark(grey: Grey, background: Grey) -> bool:
    """Return whether the squared differences from the background, beyond the noise, are larger for darker pixels."""
    difference = grey - background
    beyond_noise = np.maximum(np.abs(difference) - 3 * noise(difference), 0)
    dark = np.square(beyond_noise[difference < 0], dtype=np.float64).sum()
    light = np.square(beyond_noise[difference > 0], dtype=np.float64).sum()
    return bool(dark >= light)


def noise(difference: Grey) -> float:
    """Estimate the standard deviation of the noise: 1.4826 median |difference|, which few ink pixels hardly affect."""
    return 1.4826 * float(np.median(np.abs(difference)))


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
    """Apply a Gaussian filter that reduces the noise to `NOISE_LEFT` of the contrast, but not wider than a stroke."""
    slight = ndimage.gaussian_filter(grey, 0.7, mode="reflect")
    curvature = grey - ndimage.convolve(grey, [[0.25, 0, 0.25], [0, 0, 0], [0.25, 0, 0.25]], mode="reflect")
    before = noise(curvature) / np.sqrt(1.25) / max(float(np.ptp(slight)), 1e-6)
    sigma = min(before / NOISE_LEFT / np.sqrt(4 * np.pi), max(grey.shape) / 80)
    if max(grey.shape) >= SMOOTH_FROM:
        sigma = max(sigma, 0.7)
    return ndimage.gaussian_filter(grey, sigma, mode="reflect") if sigma > 0.4 else grey


def _separate(grey: Grey, rough: Grey, is_dark: bool) -> Ink | None:
    """Separate the ink with a rough background, then with one estimated without that ink; None if there is no ink."""
    contrast = _contrast(grey, rough, is_dark)
    threshold = _threshold(contrast)
    if threshold is None:
        return None
    background = _background_without(grey, contrast > threshold, rough)
    contrast = _contrast(grey, background, is_dark)
    threshold = _threshold(contrast)
    if threshold is None or not (contrast > threshold).any():
        return None
    full = 0.8 * float(np.median(contrast[contrast > threshold]))
    none = PAPER_LEVEL * full
    ink = np.clip((contrast - none) / max(full - none, 1e-6), 0, 1)
    return Ink(ink.astype(np.float32), background, is_dark, noise(contrast) / max(full, 1e-6))


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


def _rough_background(grey: Grey, thumbnail: int) -> Grey:
    """Return the median over wide windows; unlike a mean, it follows gradients and preserves the edges of shadows."""
    return resize(ndimage.median_filter(_thumbnail(grey, thumbnail), WIDE), *grey.shape)


def _background_without(grey: Grey, ink: Mask, rough: Grey) -> Grey:
    """Return the median over narrow windows without the ink; where a window contains only ink, the rough background."""
    paper = _thumbnail((~ink).astype(np.float32))  # the fraction of each pixel of the thumbnail that is not ink
    light = _thumbnail(np.where(ink, np.float32(0), grey))
    small = np.where(paper > 0.3, light / np.maximum(paper, 0.3), np.nan)
    padded = np.pad(small, NARROW // 2, mode="symmetric")
    ordered = np.sort(
        sliding_window_view(padded, (NARROW, NARROW)).reshape(*small.shape, -1), axis=-1
    )  # NaN comes last
    count = np.isfinite(ordered).sum(axis=-1, keepdims=True)
    median = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=-1)[..., 0]
    return resize(np.where(count[..., 0] > 0, median, _thumbnail(rough)).astype(np.float32), *grey.shape)


def _thumbnail(image: Grey, size: int = THUMBNAIL) -> Grey:
    """Shrink an image to `size` pixels on its longer side; smaller ones keep their size."""
    return scale_to(image, min(size, max(image.shape)))
