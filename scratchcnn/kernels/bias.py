"""The gradient of a bias: one pass over the gradient, limited by memory bandwidth.

Cost: one addition per element of dy; reads dy once.

Numerics: summed in float64, over the pixels of each image in order, then over the images. The result does not depend on
the number of threads, and the fused operations, which sum on the way, return the same bits.
"""

from __future__ import annotations

import math

import numpy as np

from scratchcnn.kernels.runtime.copying import copy
from scratchcnn.kernels.runtime.loops import parallel_jobs_if_large
from scratchcnn.operands import Array, expect

BLOCK = 256  # columns that are summed together: their sums stay in the first-level cache


def bias_gradient(dy: Array) -> Array:
    """Sum over all axes but the last; `reference.bias_gradient` has the formula."""
    expect(dy=(dy, dy.shape))
    if dy.ndim == 2:  # of a dense layer
        gradient = np.empty(dy.shape[1], dy.dtype)
        _sum_rows(-(-gradient.size // BLOCK), np.ascontiguousarray(dy), gradient)
        return gradient
    images, filters = math.prod(dy.shape[:-1][:1]), dy.shape[-1]  # a single axis is one image of one pixel
    pixels = np.ascontiguousarray(dy).reshape(images, math.prod(dy.shape[1:-1]), filters)
    image_sums = np.empty((images, filters), np.float64)
    _sum_pixels(images, pixels, image_sums)
    return sum_of_images(image_sums, dy.dtype)


@parallel_jobs_if_large
def _sum_rows(block, rows, gradient):
    first = block * BLOCK
    sums = np.zeros(min(BLOCK, gradient.size - first), np.float64)
    for row in range(len(rows)):
        values = rows[row, first : first + sums.size]
        for column in range(sums.size):
            sums[column] += values[column]
    copy(sums, 0, gradient, first, sums.size)


@parallel_jobs_if_large
def _sum_pixels(image, pixels, image_sums):
    sums = np.zeros(pixels.shape[2], np.float64)
    for pixel in range(pixels.shape[1]):
        for column in range(sums.size):
            sums[column] += pixels[image, pixel, column]
    copy(sums, 0, image_sums[image], 0, sums.size)


def sum_of_images(image_sums: Array, dtype: np.dtype[np.floating]) -> Array:
    """The gradient, rounded to `dtype`, from the float64 sums (N, F) of the images."""
    return image_sums.sum(axis=0).astype(dtype)
