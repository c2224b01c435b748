"""Warping: resamples images at transformed coordinates, which shifts, rotates, scales or bends them."""

from __future__ import annotations

import math

import numpy as np

from scratchcnn.operands import Array, expect_warp


def warp(images: Array, chosen: Array, maps: Array, field: Array | None, fill: float) -> Array:
    """Resample images at affinely transformed and displaced positions, with bilinear interpolation.

        (row, column) = maps[m] @ (i, j, 1) + field[m, i, j]
        y[m, i, j, c] = images[chosen[m], row, column, c], interpolated

    Outside the image, every pixel has the value `fill`.

    Parameters
    ----------
    images : (N, H, W, C), uint8, float32 or float64
    chosen : (M,), int64
        Index n of the input image for each output image; an image may be used any number of times.
    maps : (M, 2, 3), float64
        Affine maps from a position in the output to a position in the input, both as (row, column) in pixels.
    field : (M, H, W, 2), float32, or None
        Displacements in pixels, added to the position in the input.
    fill : float
        A value that the dtype of the images can represent.

    Returns
    -------
    (M, H, W, C), the dtype of images

    Notes
    -----
    Cost: about 12 FLOPs for the position of each output pixel, and 8 per channel; reads four input pixels for each,
    writes one.

    Numerics: interpolation is computed in float64. For uint8 the result is rounded to the nearest integer, halves up.

    Raises
    ------
    TypeError, ValueError
        A dtype or a shape does not match, or an index is out of range.

    Examples
    --------
    >>> image = np.arange(6.0).reshape(1, 2, 3, 1)
    >>> half_a_pixel_left = np.array([[[1.0, 0, 0], [0, 1, 0.5]]])
    >>> warp(image, np.array([0]), half_a_pixel_left, None, fill=0)[0, :, :, 0]
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
        value = _interpolate(images[chosen[m]], row, column, fill)  # (C,)
        y[m, i, j] = value if y.dtype.kind == "f" else np.floor(value + 0.5)
    return y


def _interpolate(image: Array, row: float, column: float, fill: float) -> Array:
    """Bilinear interpolation of an image (H, W, C) between the four pixels around a position; returns (C,)."""
    top, left = math.floor(row), math.floor(column)
    down, right = row - top, column - left  # distances from the upper left pixel, 0 <= distance < 1
    value = np.zeros(image.shape[2])
    for i, j, weight in (
        (top, left, (1 - down) * (1 - right)),
        (top, left + 1, (1 - down) * right),
        (top + 1, left, down * (1 - right)),
        (top + 1, left + 1, down * right),
    ):
        inside = 0 <= i < image.shape[0] and 0 <= j < image.shape[1]
        value += weight * (image[i, j] if inside else np.float64(fill))
    return value
