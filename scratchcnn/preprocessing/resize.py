"""Makes a picture smaller or larger without jagged edges, as two matrix products."""

from __future__ import annotations

import numpy as np

from scratchcnn.preprocessing.grey import Grey


def resize(picture: Grey, height: int, width: int) -> Grey:
    """Resample a picture: each new pixel is a weighted mean of the old ones around it.

    Parameters
    ----------
    picture : float32 (H, W)
    height, width : int
        The new size, at least 1.

    Returns
    -------
    float32 (height, width)

    Notes
    -----
    rows @ picture @ columns.T. The weights are a triangle, as wide as two new pixels or two old ones, whichever is
    more: interpolation to enlarge, anti-aliasing to shrink.

    Examples
    --------
    >>> resize(np.array([[0, 0, 1, 1]], np.float32), 1, 2).round(2)
    array([[0.14, 0.86]], dtype=float32)
    """
    rows, columns = weights(picture.shape[0], height), weights(picture.shape[1], width)
    return np.asarray(rows @ picture @ columns.T, np.float32)


def weights(before: int, after: int) -> Grey:
    """Of each old pixel in each new one, (after, before); a row sums to 1."""
    step = before / after
    centres = (np.arange(after) + 0.5) * step  # of the new pixels, in old ones
    distances = np.abs(np.arange(before) + 0.5 - centres[:, None])
    triangle = np.maximum(0, 1 - distances / max(step, 1))
    return (triangle / triangle.sum(axis=1, keepdims=True)).astype(np.float32)
