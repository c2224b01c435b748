"""Warping: an image is looked up at other places than its own pixels, and so turned, moved or bent."""

from __future__ import annotations

import math

import numpy as np

from scratchcnn.operands import Array, expect_warp


def warp(images: Array, chosen: Array, maps: Array, field: Array | None, fill: float) -> Array:
    """Images whose every pixel is fetched from another place.

        (r, s) = maps[m] @ (i, j, 1) + field[m, i, j]
        y[m, i, j, c] = image chosen[m] at row r, column s, channel c

    Between four pixels the value is interpolated linearly along rows and along columns; outside, everything is `fill`.

    Parameters
    ----------
    images : (N, H, W, C), uint8, float32 or float64
    chosen : (M,), int64
        Which image each result is made from; each as often as one likes.
    maps : (M, 2, 3), float64
        From a place in the result to a place in the image, both as (row, column) in pixels.
    field : (M, H, W, 2), float32, or None
        Displacements in pixels, added to that place.
    fill : float
        A value that the dtype holds.

    Returns
    -------
    (M, H, W, C), the dtype of images; uint8 is rounded to the nearest whole number, a half upwards

    Notes
    -----
    Cost: about 12 FLOPs for the place of each pixel of the result, and 8 for each of its channels; reads four pixels of
    the image for each, writes one.

    Raises
    ------
    TypeError, ValueError
        A dtype or a shape does not fit, or there is no image of an index.

    Examples
    --------
    >>> image = np.arange(6.0).reshape(1, 2, 3, 1)
    >>> half_to_the_left = np.array([[[1.0, 0, 0], [0, 1, 0.5]]])
    >>> warp(image, np.array([0]), half_to_the_left, None, fill=0)[0, :, :, 0]
    array([[0.5, 1.5, 1. ],
           [3.5, 4.5, 2.5]])

    References
    ----------
    Jaderberg et al. 2015, "Spatial transformer networks", arXiv 1506.02025, section 3.3.
    """
    expect_warp(images, chosen, maps, field)
    y = np.empty((len(chosen), *images.shape[1:]), images.dtype)
    for m, i, j in np.ndindex(y.shape[:3]):
        row, column = maps[m] @ (i, j, 1)
        if field is not None:
            row, column = row + field[m, i, j, 0], column + field[m, i, j, 1]
        value = _between_pixels(images[chosen[m]], row, column, fill)
        y[m, i, j] = value if y.dtype.kind == "f" else np.floor(value + 0.5)
    return y


def _between_pixels(image: Array, row: float, column: float, fill: float) -> Array:
    """The C channels of an image (H, W, C) at a place between its pixels: the mean of four, the nearer the heavier."""
    top, left = math.floor(row), math.floor(column)
    down, right = row - top, column - left  # from 0 to below 1
    value = np.zeros(image.shape[2])
    for i, j, share in (
        (top, left, (1 - down) * (1 - right)),
        (top, left + 1, (1 - down) * right),
        (top + 1, left, down * (1 - right)),
        (top + 1, left + 1, down * right),
    ):
        inside = 0 <= i < image.shape[0] and 0 <= j < image.shape[1]
        value += share * (image[i, j] if inside else np.float64(fill))
    return value
