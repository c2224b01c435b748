"""Estimation of the background of a photographed digit: the paper with its shadows, or the board."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from scratchcnn.preprocessing.grey import Grey
from scratchcnn.preprocessing.resize import resize, scale_to

Mask = npt.NDArray[np.bool_]

THUMBNAIL = 48  # pixels of the longer side; enough for gradual changes of illumination
WIDE, NARROW = 23, 9  # window sizes on the thumbnail: with the ink, and with the ink masked out


def rough_background(grey: Grey, thumbnail: int = THUMBNAIL) -> Grey:
    """Estimate the background by a median filter over wide windows of a thumbnail.

    A median follows gradients and preserves the edges of shadows, which a mean would blur.

    Parameters
    ----------
    grey : float32 (H, W)
    thumbnail : int
        Pixels of the thumbnail's longer side. The default makes the windows half as large as the image.

    Returns
    -------
    float32 (H, W)
    """
    windows = _windows(_thumbnail(grey, thumbnail), WIDE)  # (h, w, WIDE * WIDE)
    return resize(np.median(windows, axis=-1).astype(np.float32), *grey.shape)


def background_without(grey: Grey, ink: Mask, rough: Grey) -> Grey:
    """Estimate the background by a median filter over small windows, with the ink masked out.

    Parameters
    ----------
    grey : float32 (H, W)
    ink : bool (H, W)
        The ink, as segmented with the rough background.
    rough : float32 (H, W)
        The rough background, used where a window contains only ink.

    Returns
    -------
    float32 (H, W)
    """
    paper = _thumbnail((~ink).astype(np.float32))  # the fraction of each pixel of the thumbnail that is not ink
    light = _thumbnail(np.where(ink, np.float32(0), grey))
    clean = paper > 0.3
    small = np.where(clean, light / np.maximum(paper, 0.3), np.inf)
    ordered = np.sort(_windows(small, NARROW), axis=-1)  # inf comes last
    count = np.isfinite(ordered).sum(axis=-1, keepdims=True)
    median = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=-1)[..., 0]
    median = np.where(count[..., 0] > 0, median, _thumbnail(rough))
    return resize(median.astype(np.float32), *grey.shape)


def ink_is_dark(grey: Grey, background: Grey) -> bool:
    """Return whether the ink is darker than the background.

    Compares the sums of squared differences from the background, beyond the noise, of darker and of lighter pixels.

    Parameters
    ----------
    grey, background : float32 (H, W)

    Returns
    -------
    bool
    """
    difference = grey - background
    beyond_noise = np.maximum(np.abs(difference) - 3 * noise(difference), 0)
    dark = np.square(beyond_noise[difference < 0], dtype=np.float64).sum()
    light = np.square(beyond_noise[difference > 0], dtype=np.float64).sum()
    return bool(dark >= light)


def noise(difference: Grey) -> float:
    """Estimate the standard deviation of the noise: 1.4826 median |difference|, which few ink pixels hardly affect."""
    return 1.4826 * float(np.median(np.abs(difference)))


def _thumbnail(image: Grey, size: int = THUMBNAIL) -> Grey:
    """Shrink an image to `size` pixels on its longer side; smaller ones keep their size."""
    return scale_to(image, min(size, max(image.shape)))


def _windows(small: npt.NDArray[np.floating], size: int) -> npt.NDArray[np.floating]:
    """Return the pixels of the window around each pixel, (h, w, size * size), of an image mirrored at its border."""
    padded = np.pad(small, size // 2, mode="symmetric")
    return sliding_window_view(padded, (size, size)).reshape(*small.shape, size * size)
