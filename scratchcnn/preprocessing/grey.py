"""Grey levels from 0 (black) to 1 (white): conversion from pixels of any kind, resampling, and display as ink."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from scratchcnn.preprocessing.pictures import MAX_PIXELS

Grey = npt.NDArray[np.float32]

MAX_SIDE = 1000  # pixels of the longer side; a digit of a twentieth of it is still larger than those of MNIST
WEIGHTS = (0.299, 0.587, 0.114)  # luma of red, green and blue, ITU-R BT.601
FAINT = 0.02  # an invisible difference


def to_grey(pixels: npt.NDArray[Any]) -> Grey:
    """Convert pixels to grey levels, with transparent ones over a white background.

        grey = 0.299 R + 0.587 G + 0.114 B

    `pixels` has the shape (H, W) or (H, W, 1): grey; (H, W, 2): grey and alpha; (H, W, 3): RGB; or (H, W, 4): RGBA. An
    image with a side longer than `MAX_SIDE` is reduced by averaging squares of pixels.

    White ink on a transparent background would be invisible over white. Such an image is placed over black.
    """
    _check(pixels)
    values = _average(pixels) / np.float32(_white(pixels))
    channels = values.shape[2]
    grey = values[..., :3] @ np.array(WEIGHTS, np.float32) if channels >= 3 else values[..., 0]
    if channels in (2, 4):
        alpha = values[..., -1]
        over_white = grey * alpha + (1 - alpha)
        blank = np.ptp(over_white) < FAINT < np.ptp(alpha)
        grey = grey * alpha if blank else over_white
    return np.clip(grey, 0, 1).astype(np.float32)


def _check(pixels: npt.NDArray[Any]) -> None:
    if pixels.dtype.kind not in "biuf":
        raise TypeError(f"Expected an image of real numbers, received dtype {pixels.dtype}; use astype(float).")
    if pixels.ndim not in (2, 3) or pixels.size == 0 or (pixels.ndim == 3 and pixels.shape[2] > 4):
        fix = "give one image of the batch, as x[0]" if pixels.ndim > 3 else "reshape or transpose it"
        raise ValueError(
            f"Expected an image (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), received shape {pixels.shape}; {fix}."
        )
    if pixels.shape[0] * pixels.shape[1] > MAX_PIXELS:
        raise ValueError(
            f"Expected an image of at most {MAX_PIXELS:,} pixels, received {pixels.shape[1]:,} x "
            f"{pixels.shape[0]:,}; take every second pixel, as x[::2, ::2]."
        )
    smallest, largest = float(pixels.min()), float(pixels.max())
    if not (np.isfinite(smallest) and np.isfinite(largest)):  # NaN anywhere makes both NaN
        raise ValueError("Expected an image with finite values, received NaN or infinity; use numpy.nan_to_num(x).")
    if smallest < 0 or largest > 65_535:
        raise ValueError(
            f"Expected pixels from 0 to 1, to 255 or to 65535, received {smallest:g} to {largest:g}; "
            "scale them with normalizer(create_scaler(x), x)."
        )


def _white(pixels: npt.NDArray[Any]) -> int:
    """Return the value of white: the largest value of the least number of bits, 8 or more, that holds all pixels."""
    largest = pixels.max()
    if largest <= 1:
        return 1  # also a mask of 0 and 1 in any integer type
    return next(white for white in (255, 1023, 4095, 16_383, 65_535) if largest <= white)  # as cameras and scanners


def _average(pixels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return the pixels as float32 (H, W, C), reduced by averaging squares so that no side is longer than MAX_SIDE."""
    values = pixels.reshape(*pixels.shape[:2], -1)
    height, width, channels = values.shape
    factor = -(-max(height, width) // MAX_SIDE)
    if factor == 1:
        return values.astype(np.float32)
    down, right = max(1, height // factor), max(1, width // factor)
    rows, columns = min(factor, height), min(factor, width)  # a narrow image is averaged along its longer side only
    squares = values[: down * rows, : right * columns].reshape(down, rows, right, columns, channels)
    return squares.mean(axis=(1, 3), dtype=np.float32)


def resize(image: Grey, height: int, width: int) -> Grey:
    """Resize an image with bilinear interpolation; when it shrinks, the filter is widened to prevent aliasing."""
    from PIL import Image  # imported here, as scaling arrays does not need Pillow

    # In mode F, Pillow accumulates in float64 and stores float32.
    resized = Image.fromarray(image.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    return np.array(resized)


def scale_to(image: Grey, size: int) -> Grey:
    """Resize so that the longer side has `size` pixels and the proportions are kept; a side has at least one pixel."""
    height, width = image.shape
    scale = size / max(height, width)
    return resize(image, max(1, round(height * scale)), max(1, round(width * scale)))


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
