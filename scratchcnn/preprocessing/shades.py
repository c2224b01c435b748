"""How dark each pixel of an image is to be drawn, whatever its dtype, range and number of channels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601


def ink_of(image: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """How dark each pixel is, from 0 for paper to 1 for ink.

    Parameters
    ----------
    image : array-like (H, W) or (H, W, C)
        One channel is ink: more is darker. Three are red, green and blue light: more is lighter. Of any other number,
        the mean is ink.

    Returns
    -------
    float64 (H, W)

    Examples
    --------
    >>> ink_of(np.array([[0, 51], [102, 255]], np.uint8))
    array([[0. , 0.2],
           [0.4, 1. ]])
    """
    shares = as_shares(image)
    if shares.ndim == 2:
        return shares
    return 1 - shares @ np.array(LUMA) if shares.shape[2] == 3 else shares.mean(axis=2)


def as_shares(image: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Pixels from 0 to 1, the shape of the image.

    0 is 0, and 1 is 255 for integers or 1 for floats; where numbers lie outside, the range grows to hold them.
    """
    pixels = np.asarray(image)
    full = 255.0 if pixels.dtype.kind in "iu" else 1.0
    low, high = min(0.0, float(pixels.min())), max(full, float(pixels.max()))
    return (pixels.astype(np.float64) - low) / (high - low)
