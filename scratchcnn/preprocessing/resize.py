"""Resampling of grey images with anti-aliasing, by Pillow."""

from __future__ import annotations

import numpy as np

from scratchcnn.preprocessing.grey import Grey


def resize(image: Grey, height: int, width: int) -> Grey:
    """Resize an image with bilinear interpolation; when it shrinks, the filter is widened to prevent aliasing.

    Parameters
    ----------
    image : float32 (H, W)
    height, width : int
        The new size, at least 1.

    Returns
    -------
    float32 (height, width)

    Examples
    --------
    >>> resize(np.array([[0, 0, 1, 1]], np.float32), 1, 2).round(2)
    array([[0.14, 0.86]], dtype=float32)
    """
    from PIL import Image  # imported here, as scaling arrays does not need Pillow

    # In mode F, Pillow accumulates in float64 and stores float32.
    resized = Image.fromarray(image.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    return np.array(resized)


def scale_to(image: Grey, size: int) -> Grey:
    """Resize so that the longer side has `size` pixels and the proportions are kept; a side has at least one pixel."""
    height, width = image.shape
    scale = size / max(height, width)
    return resize(image, max(1, round(height * scale)), max(1, round(width * scale)))
