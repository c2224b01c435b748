"""Separation of ink and paper: the grey level of the ink at each pixel, relative to a full stroke."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from scratchcnn.preprocessing.grey import Grey, resize, scale_to

Mask = npt.NDArray[np.bool_]

LEAST_CONTRAST = 0.04  # of ink against its background
NOISE_LEFT = 0.03  # standard deviation of the noise after smoothing, relative to the contrast
NOISE_FACTOR = 8.0  # contrast of ink in standard deviations of the noise
SMOOTH_FROM = 200  # pixels of the longer side; strokes of larger images are several pixels wide
PAPER_LEVEL = 0.05  # contrast of paper at most, relative to a full stroke
MOST_INK = 2.0  # of a pixel; not cut off at 1, as a blurred stroke is sharpened later
THUMBNAIL = 48  # pixels of the longer side; enough for gradual changes of illumination
WIDE, NARROW = 23, 9  # window sizes on the thumbnail: with the ink, and with the ink replaced by paper nearby
# The plane is accepted if paper reaches most of the image's border and differs little from it, relative to the ink.
TAIL, BORDER, DEVIATION, LEAST_PAPER = 0.15, 0.8, 0.1, 0.05
# Margin of a card, which may stand askew; least fractions of the border of its inside, and of its inside, without ink.
MARGIN, BORDER_OF_CARD, CARD = 0.06, 0.98, 0.75


class Ink(NamedTuple):
    """The ink of an image, with the background that was subtracted."""

    ink: Grey  # (H, W), 0: paper, 1: a full stroke, at most MOST_INK
    background: Grey  # (H, W)
    is_dark: bool
    noise: float  # standard deviation of the noise, in the unit of `ink`


def find_ink(grey: Grey, dark: bool | None) -> Ink:
    """Subtract the background, and scale the contrast so that a full stroke is 1; ValueError for an empty image.

    The background is a plane if the paper around the ink is one, since a local estimate would include the tails of soft
    strokes. Otherwise it is the plane or a local median, which follows shadows, whichever separates better. A full
    stroke is 0.8 times the median contrast above Otsu's threshold (IEEE Trans. Systems, Man, and Cybernetics 9, 1979).
    """
    smooth = _smooth(grey)
    rough = resize(_median(_thumbnail(smooth), WIDE), *grey.shape)
    is_dark = ink_is_dark(smooth, rough) if dark is None else dark
    plane, surrounds = _plane(smooth, is_dark)
    if dark is not None and not surrounds:  # paper may surround a card with the digit, or ink of the other kind
        paper, surrounds = _plane(smooth, not is_dark)
        inside = _inside_of_card(_contrast(smooth, paper, not is_dark)) if surrounds else None
        if inside is not None:
            part = find_ink(grey[inside], dark)
            ink, paper[inside] = np.zeros_like(grey), part.background
            ink[inside] = part.ink
            return Ink(ink, paper, is_dark, part.noise)
    backgrounds = [plane] if surrounds else [plane, _local(smooth, _contrast(smooth, rough, is_dark), rough)]
    found = [_ink(smooth, background, is_dark) for background in backgrounds]
    found = [each for each in found if each.ink.any()]
    if not found:
        raise ValueError(
            "Expected an image of a digit, received an empty one, in which nothing stands out from the background; "
            "use an image with more contrast, or give ink='dark' or ink='light'."
        )
    return min(found, key=_misfit)


def _inside_of_card(contrast: Grey) -> tuple[slice, slice] | None:
    """Return the inside of an upright rectangle of ink on which something thin is drawn, or None.

    Paper enclosed by a digit is not inside of a card: the digit does not fill the corners of its bounding box.
    """
    ink = contrast > _threshold(contrast)
    ends = [np.flatnonzero(ink.any(axis=axis))[[0, -1]] for axis in (1, 0)]
    margins = [1 + int(MARGIN * (last - first)) for first, last in ends]
    rows, columns = (slice(first + m, last + 1 - m) for (first, last), m in zip(ends, margins, strict=True))
    card = ink[rows, columns]
    border = np.concatenate([card[:1].ravel(), card[-1:].ravel(), card[:, :1].ravel(), card[:, -1:].ravel()])
    return (rows, columns) if border.size and border.mean() > BORDER_OF_CARD and card.mean() > CARD else None


def _ink(grey: Grey, background: Grey, is_dark: bool) -> Ink:
    """Subtract a background; no ink at all if nothing stands out."""
    contrast = _contrast(grey, background, is_dark)
    inked = contrast[contrast > _threshold(contrast)]
    full = 0.8 * float(np.median(inked)) if inked.size else np.inf
    ink = np.clip((contrast / full - PAPER_LEVEL) / (1 - PAPER_LEVEL), 0, MOST_INK)
    return Ink(ink.astype(np.float32), background, is_dark, noise(contrast) / full)


def _misfit(found: Ink) -> float:
    """Return the mean squared distance of the pixels from paper (0) and full stroke (1); shadows lie in between."""
    ink = np.minimum(found.ink, 1)
    return float(np.square(np.minimum(ink, 1 - ink)).mean(dtype=np.float64))


def ink_is_dark(grey: Grey, background: Grey) -> bool:
    """Return whether the squared differences from the background, beyond the noise, are larger for darker pixels."""
    difference = grey - background
    beyond_noise = np.maximum(np.abs(difference) - 3 * noise(difference), 0)
    return bool((np.square(beyond_noise, dtype=np.float64) * np.sign(difference)).sum() <= 0)


def noise(difference: Grey) -> float:
    """Estimate the standard deviation of the noise: 1.4826 median |difference|, which few ink pixels hardly affect."""
    return 1.4826 * float(np.median(np.abs(difference)))


def otsu(values: Grey) -> float:
    """Compute Otsu's threshold, which minimizes the variance within the two classes; 0 if all values are equal."""
    smallest, largest = float(values.min()), float(values.max())
    if smallest == largest:
        return 0.0
    counts, edges = np.histogram(values, bins=128, range=(smallest, largest))
    below, sums = np.cumsum(counts), np.cumsum(counts * (edges[:-1] + edges[1:]) / 2)
    above = below[-1] - below[:-1]
    difference = (sums[-1] - sums[:-1]) / above - sums[:-1] / below[:-1]
    between = below[:-1] * above * np.square(difference)
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


def _contrast(grey: Grey, background: Grey, is_dark: bool) -> Grey:
    """Return the contrast of each pixel; of dark ink, relative to the background, as it absorbs a fraction of light."""
    if is_dark:
        return np.asarray(1 - grey / np.maximum(background, 0.05), np.float32)
    return np.asarray(grey - background, np.float32)


def _threshold(contrast: Grey) -> float:
    """Return Otsu's threshold of the pixels above the noise.

    Ink may cover only a thousandth of the image; Otsu's threshold of all pixels would then split the paper.
    """
    least = max(LEAST_CONTRAST, NOISE_FACTOR * noise(contrast))
    standing_out = contrast[contrast > least]
    return max(least, otsu(standing_out)) if standing_out.size else least


def _plane(grey: Grey, is_dark: bool) -> tuple[Grey, bool]:
    """Fit a plane to the paper, and return whether it explains the paper all around.

    In a shadow it does not, and in a tightly cropped image it may explain the paper in between.
    """
    small = _thumbnail(grey)
    rows, columns = np.meshgrid(*(np.linspace(-1, 1, length) for length in small.shape), indexing="ij")
    terms = np.stack([np.ones_like(rows), rows, columns], axis=-1)
    background = np.full(small.shape, np.quantile(small, 0.7 if is_dark else 0.3), np.float32)
    surrounds = False
    for _ in range(5):
        contrast = _contrast(small, background, is_dark)
        inked = contrast[contrast > LEAST_CONTRAST]
        if inked.size == 0:
            break
        full = 0.8 * float(np.median(inked[inked >= otsu(inked)]))
        paper = ~ndimage.binary_dilation(contrast > TAIL * full, np.ones((3, 3)))
        if paper.mean() < LEAST_PAPER:
            break
        background = (terms @ np.linalg.lstsq(terms[paper], small[paper], rcond=None)[0]).astype(np.float32)
        deviation = float(np.quantile(np.abs(_contrast(small, background, is_dark)[paper]), 0.95))
        border = np.concatenate([paper[0], paper[-1], paper[:, 0], paper[:, -1]]).mean()
        surrounds = bool(border >= BORDER and deviation <= DEVIATION * full)
    return resize(background, *grey.shape), surrounds


def _local(grey: Grey, contrast: Grey, rough: Grey) -> Grey:
    """Return the median over narrow windows, with inked pixels replaced by the nearest paper."""
    ink = contrast > _threshold(contrast)
    share = _thumbnail((~ink).astype(np.float32))  # the fraction of each pixel of the thumbnail that is not ink
    if share.max() <= 0.3:
        return rough
    light = _thumbnail(np.where(ink, np.float32(0), grey)) / np.maximum(share, 0.3)
    nearest = ndimage.distance_transform_edt(share <= 0.3, return_distances=False, return_indices=True)
    return resize(_median(light[tuple(nearest)], NARROW), *grey.shape)


def _median(image: Grey, size: int) -> Grey:
    """Take the median over a window of `size` x `size` pixels, an odd number, around each pixel; borders are mirrored.

    For these sizes, NumPy's partition is several times as fast as the rank filter of SciPy.
    """
    padded = np.pad(image, size // 2, mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size)).reshape(image.size, -1)
    middle = windows.shape[1] // 2
    return np.partition(windows, middle, axis=1)[:, middle].reshape(image.shape)


def _thumbnail(image: Grey) -> Grey:
    """Shrink an image to `THUMBNAIL` pixels on its longer side; smaller ones keep their size."""
    return scale_to(image, min(THUMBNAIL, max(image.shape)))
