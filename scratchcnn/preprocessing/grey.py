"""Turns pixels of any kind into grey from 0 (black) to 1 (white)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from scratchcnn.preprocessing.pictures import MAX_PIXELS, MAX_SIDE

Grey = npt.NDArray[np.float32]

# Rec. 601: how bright red, green and blue look.
WEIGHTS = (0.299, 0.587, 0.114)
FAINT = 0.02  # a difference that nobody sees


def to_grey(pixels: npt.NDArray[Any]) -> Grey:
    """Grey = 0.299 R + 0.587 G + 0.114 B, with what is transparent laid over white paper.

    Parameters
    ----------
    pixels : ndarray
        (H, W) or (H, W, 1): grey; (H, W, 2): grey and alpha; (H, W, 3): RGB; (H, W, 4): RGBA. bool; uint8; uint16;
        other integers and floats from 0 to 1, to 255 or to 65,535.

    Returns
    -------
    float32 (H, W)
        In [0, 1]. Where a side is longer than `MAX_SIDE`, squares of pixels are averaged.

    Raises
    ------
    TypeError
        The pixels are not real numbers.
    ValueError
        Another shape, no pixels or more than `MAX_PIXELS`, NaN or infinity, or numbers out of range.

    Notes
    -----
    White ink on nothing would vanish on white paper. A picture that is blank over white is laid over black.
    """
    check_pixels(pixels)
    values = _average(pixels) / np.float32(_white(pixels))
    channels = values.shape[2]
    grey = values[..., :3] @ np.array(WEIGHTS, np.float32) if channels >= 3 else values[..., 0]
    if channels in (2, 4):
        alpha = values[..., -1]
        over_white = grey * alpha + (1 - alpha)
        blank = np.ptp(over_white) < FAINT < np.ptp(alpha)
        grey = grey * alpha if blank else over_white
    return np.clip(grey, 0, 1).astype(np.float32)


def check_pixels(pixels: npt.NDArray[Any]) -> None:
    """Refuse what is no picture: raises as `to_grey` says."""
    if pixels.dtype.kind not in "biuf":
        raise TypeError(f"Expected a picture of real numbers, received dtype {pixels.dtype}; use astype(float).")
    if pixels.ndim not in (2, 3) or pixels.size == 0 or (pixels.ndim == 3 and pixels.shape[2] > 4):
        mend = "give one picture of the batch, as x[0]" if pixels.ndim > 3 else "reshape or transpose it"
        raise ValueError(
            f"Expected a picture (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), received shape {pixels.shape}; {mend}."
        )
    if pixels.shape[0] * pixels.shape[1] > MAX_PIXELS:
        raise ValueError(
            f"Expected a picture of at most {MAX_PIXELS:,} pixels, received {pixels.shape[1]:,} x "
            f"{pixels.shape[0]:,}; take every second pixel, as x[::2, ::2]."
        )
    smallest, largest = float(pixels.min()), float(pixels.max())
    if not (np.isfinite(smallest) and np.isfinite(largest)):  # NaN anywhere makes both NaN
        raise ValueError("Expected finite numbers in the picture, received NaN or infinity; use numpy.nan_to_num(x).")
    if smallest < 0 or largest > 65_535:
        raise ValueError(
            f"Expected numbers from 0 to 1, to 255 or to 65535 in the picture, received {smallest:g} to {largest:g}; "
            "scale them with normalizer(create_scaler(x), x)."
        )


def _white(pixels: npt.NDArray[Any]) -> int:
    """The number that means white."""
    largest = pixels.max()
    if largest <= 1:
        return 1  # also a mask of 0 and 1 in any integer type
    if pixels.dtype == np.uint16:
        return 65_535
    return 255 if largest <= 255 else 65_535


def _average(pixels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """(H, W, C) as float32, with squares of pixels averaged so that the longer side is at most MAX_SIDE."""
    values = pixels.reshape(*pixels.shape[:2], -1)
    height, width, channels = values.shape
    factor = -(-max(height, width) // MAX_SIDE)
    if factor == 1:
        return values.astype(np.float32)
    down, right = max(1, height // factor), max(1, width // factor)
    # A narrow picture is averaged along its longer side alone.
    rows, columns = min(factor, height), min(factor, width)
    squares = values[: down * rows, : right * columns].reshape(down, rows, right, columns, channels)
    return squares.mean(axis=(1, 3), dtype=np.float32)
