"""Warping by bilinear interpolation; threads share the output images.

Coordinates are computed in float64, so that a translation by whole pixels is exact. Most coordinates lie between four
pixels of the image; only at its border is each of the four checked.

Cost: about 20 FLOPs per output pixel; reads four input pixels for each, writes one.
"""

from __future__ import annotations

import math

import numpy as np

from scratchcnn.kernels.runtime.jit import serial
from scratchcnn.kernels.runtime.loops import parallel_jobs
from scratchcnn.operands import Array, expect_warp


def warp(images: Array, chosen: Array, maps: Array, field: Array | None, fill: float) -> Array:
    """Resample images at transformed coordinates; `reference.warp` has the formula."""
    expect_warp(images, chosen, maps, field)
    y = np.empty((len(chosen), *images.shape[1:]), images.dtype)
    if field is None:
        field = np.empty((0, 0, 0, 0), np.float32)
    rounding = 0.0 if images.dtype.kind == "f" else 0.5
    images, chosen, maps, field = map(np.ascontiguousarray, (images, chosen, maps, field))
    _warp(len(y), images, chosen, maps, field, np.float64(fill), rounding, y)
    return y


@parallel_jobs
def _warp(m, images, chosen, maps, field, fill, rounding, y):
    _, height, width, _ = y.shape
    image, of_row, of_column = images[chosen[m]], maps[m, 0], maps[m, 1]
    for i in range(height):
        for j in range(width):
            row = of_row[0] * i + of_row[1] * j + of_row[2]
            column = of_column[0] * i + of_column[1] * j + of_column[2]
            if field.size:
                row += field[m, i, j, 0]
                column += field[m, i, j, 1]
            _sample(image, row, column, fill, rounding, y[m, i, j])


@serial
def _sample(image, row, column, fill, rounding, pixel):
    """All channels of an image at a point between its pixels, by bilinear interpolation."""
    height, width, channels = image.shape
    if not (-1 < row < height and -1 < column < width):
        for c in range(channels):
            pixel[c] = image.dtype.type(fill)
        return
    top, left = math.floor(row), math.floor(column)
    down, right = row - top, column - left
    inner = 0 <= top < height - 1 and 0 <= left < width - 1
    for c in range(channels):
        if inner:
            above, above_right = np.float64(image[top, left, c]), np.float64(image[top, left + 1, c])
            below, below_right = np.float64(image[top + 1, left, c]), np.float64(image[top + 1, left + 1, c])
        else:
            above, above_right = _at(image, top, left, c, fill), _at(image, top, left + 1, c, fill)
            below, below_right = _at(image, top + 1, left, c, fill), _at(image, top + 1, left + 1, c, fill)
        upper = above * (1 - right) + above_right * right
        lower = below * (1 - right) + below_right * right
        pixel[c] = image.dtype.type(upper * (1 - down) + lower * down + rounding)


@serial
def _at(image, i, j, c, fill):
    """A pixel as float64, or the fill value outside the image."""
    if 0 <= i < image.shape[0] and 0 <= j < image.shape[1]:
        return np.float64(image[i, j, c])
    return fill
