"""The gradient of a bias: one pass over the gradient, limited by memory bandwidth.

Cost: one addition per element of dy; reads dy once.

Numerics: summed in float64, over the pixels of each image in order, then over the images. The result does not depend on
the number of threads, and the fused operations, which sum on the way, return the same bits.
"""

from __future__ import annotations

import math

import numpy as np
from numba import prange

from scratchcnn.kernels.runtime.copying import copy
from scratchcnn.kernels.runtime.jit import parallel_if_large
from scratchcnn.operands import Array, expect


def bias_gradient(dy: Array) -> Array:
    """Sum over all axes but the last; `reference.bias_gradient` has the formula."""
    expect(dy=(dy, dy.shape))
    images, filters = math.prod(dy.shape[:-1][:1]), dy.shape[-1]  # a single axis is one image of one pixel
    pixels = np.ascontiguousarray(dy).reshape(images, math.prod(dy.shape[1:-1]), filters)
    image_sums = np.empty((images, filters), np.float64)
    _sum_pixels(pixels, image_sums)
    return sum_of_images(image_sums, dy.dtype)


@parallel_if_large
def _sum_pixels(pixels, image_sums):
    for image in prange(len(pixels)):
        sums = np.zeros(pixels.shape[2], np.float64)
        for pixel in range(pixels.shape[1]):
            for column in range(sums.size):
                sums[column] += pixels[image, pixel, column]
        copy(sums, 0, image_sums[image], 0, sums.size)


def sum_of_images(image_sums: Array, dtype: np.dtype[np.floating]) -> Array:
    """The gradient, rounded to `dtype`, from the float64 sums (N, F) of the images."""
    return image_sums.sum(axis=0).astype(dtype)
