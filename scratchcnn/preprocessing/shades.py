"""Normalization of images for display: ink from 0 to 1 for any dtype, range and number of channels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scratchcnn.preprocessing.grey import WEIGHTS


def ink_of(image: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the ink of each pixel, float64 (H, W), from 0 (paper) to 1 (full ink).

    A single channel is ink, where larger values are darker. Three channels are red, green and blue light, where larger
    values are lighter. Of any other number of channels, the mean is ink.

    >>> ink_of(np.array([[0, 51], [102, 255]], np.uint8))
    array([[0. , 0.2],
           [0.4, 1. ]])
    """
    shares = as_shares(image)
    if shares.ndim == 2:
        return shares
    return 1 - shares @ np.array(WEIGHTS) if shares.shape[2] == 3 else shares.mean(axis=2)


def as_shares(image: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Scale pixels to [0, 1]: integers from [0, 255], floats from [0, 1], or from a larger range of values."""
    pixels = np.asarray(image)
    full = 255.0 if pixels.dtype.kind in "iu" else 1.0
    low, high = min(0.0, float(pixels.min())), max(full, float(pixels.max()))
    return (pixels.astype(np.float64) - low) / (high - low)
