"""Estimates what a picture would be without ink: the paper, with its shadows, or the board."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from scratchcnn.preprocessing.grey import Grey
from scratchcnn.preprocessing.resize import resize

Mask = npt.NDArray[np.bool_]

THUMBNAIL = 48  # pixels of the longer side; light and shadow need no more
WIDE, NARROW = 23, 9  # windows on the thumbnail: with the ink still in it, and without


def rough_background(grey: Grey, thumbnail: int = THUMBNAIL) -> Grey:
    """The median over wide windows: half of the picture wide and high, or all of it on a thumbnail half as large.

    A median follows a slope and keeps the edge of a shadow, where a mean would blur it.

    Parameters
    ----------
    grey : float32 (H, W)
    thumbnail : int
        Pixels of its longer side.

    Returns
    -------
    float32 (H, W)
    """
    windows = _windows(_thumbnail(grey, thumbnail), WIDE)  # (h, w, WIDE * WIDE)
    return resize(np.median(windows, axis=-1).astype(np.float32), *grey.shape)


def background_without(grey: Grey, ink: Mask, rough: Grey) -> Grey:
    """The median over smaller windows, of those pixels alone that are no ink.

    Parameters
    ----------
    grey : float32 (H, W)
    ink : bool (H, W)
        What was taken for ink by the rough background.
    rough : float32 (H, W)
        The rough background, for places with nothing but ink around.

    Returns
    -------
    float32 (H, W)
    """
    paper = _thumbnail((~ink).astype(np.float32))  # the share of each thumbnail's pixel that is no ink
    light = _thumbnail(np.where(ink, np.float32(0), grey))
    clean = paper > 0.3
    small = np.where(clean, light / np.maximum(paper, 0.3), np.inf)
    ordered = np.sort(_windows(small, NARROW), axis=-1)  # inf comes last
    count = np.isfinite(ordered).sum(axis=-1, keepdims=True)
    median = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=-1)[..., 0]
    median = np.where(count[..., 0] > 0, median, _thumbnail(rough))
    return resize(median.astype(np.float32), *grey.shape)


def ink_is_dark(grey: Grey, background: Grey) -> bool:
    """Whether the ink is darker than the background: what departs from it further, and over more of the picture.

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
    """The standard deviation of the noise, from the median absolute value: the few pixels of ink do not count."""
    return 1.4826 * float(np.median(np.abs(difference)))


def _thumbnail(picture: Grey, size: int = THUMBNAIL) -> Grey:
    height, width = picture.shape
    scale = min(1.0, size / max(height, width))
    return resize(picture, max(1, round(height * scale)), max(1, round(width * scale)))


def _windows(small: npt.NDArray[np.floating], size: int) -> npt.NDArray[np.floating]:
    """The pixels of the window around each pixel, (h, w, size * size); beyond the border the picture is mirrored."""
    padded = np.pad(small, size // 2, mode="symmetric")
    return sliding_window_view(padded, (size, size)).reshape(*small.shape, size * size)
