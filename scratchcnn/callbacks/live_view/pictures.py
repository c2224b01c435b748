"""Images, filters and their changes as small PNG files in data URLs."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from scratchcnn.operands import Array
from scratchcnn.preprocessing.grey import as_shares, ink_of

Bytes = npt.NDArray[np.uint8]

POSITIVE = np.array([217, 102, 31], np.uint8)  # orange; both as in the legend of style/live.css
NEGATIVE = np.array([47, 115, 189], np.uint8)  # blue
LARGEST_SIDE = 96  # pixels


def picture_of_image(image: Array) -> str | None:
    """Return an image (H, W), (H, W, 1) or (H, W, 3) as a data URL; None for inputs of other ranks.

    One channel is dark ink on white paper, three are colours; of any other number of channels, the mean is ink. Of a
    large image, every second, third, ... pixel is shown.
    """
    if image.ndim not in (2, 3):
        return None
    step = -(-max(image.shape[:2]) // LARGEST_SIDE)
    image = image[::step, ::step]
    shares = as_shares(image) if image.shape[2:] == (3,) else 1 - ink_of(image)
    return png_url(_bytes(shares))


def pictures_of_filters(kernel: Array) -> tuple[list[str], float]:
    """Return each filter of a kernel (KH, KW, C, F) as a data URL, and the weight of full colour.

    Three channels are shown as red, green and blue, where grey is zero. Otherwise, the mean over the channels is shown:
    orange is positive, blue is negative, and zero is transparent, which fits light and dark pages.
    """
    values = kernel.astype(np.float64)
    if kernel.shape[2] == 3:
        limit = _limit(values)
        shades = _bytes(0.5 + values / (2 * limit))  # (KH, KW, 3, F)
        return [png_url(shades[..., i]) for i in range(kernel.shape[3])], limit
    values = values.mean(axis=2)  # (KH, KW, F)
    limit = _limit(values)
    pixels = np.empty((*values.shape, 4), np.uint8)
    pixels[..., :3] = np.where(values[..., None] > 0, POSITIVE, NEGATIVE)
    pixels[..., 3] = _bytes(abs(values) / limit)
    return [png_url(pixels[:, :, i]) for i in range(kernel.shape[3])], limit


def png_url(pixels: Bytes) -> str:
    """Return pixels (H, W), (H, W, 3) or (H, W, 4) as a PNG file in a data URL.

    >>> png_url(np.zeros((1, 1), np.uint8))[:34]
    'data:image/png;base64,iVBORw0KGgoA'
    """
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _bytes(shares: npt.NDArray[Any]) -> Bytes:
    return np.round(255 * shares).clip(0, 255).astype(np.uint8)


def _limit(values: npt.NDArray[np.float64]) -> float:
    """Return the largest magnitude, or 1 if all values are zero."""
    return float(abs(values).max()) or 1.0
