"""Zero padding and its gradient: copies of whole rows of pixels, which are contiguous in both images.

Cost: no arithmetic; reads and writes each element once.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from scratchcnn.geometry import Pair
from scratchcnn.kernels.runtime.copying import copy, fill
from scratchcnn.kernels.runtime.jit import parallel_if_large
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.operands import Array, expect, expect_margins


def zero_pad2d(x: Array, padding: tuple[Pair, Pair] = ((1, 1), (1, 1))) -> Array:
    """Images with rows and columns of zeros around them; `reference.zero_pad2d` has the formula."""
    expect(x=(x, (None, None, None, None)))
    expect_margins(padding)
    (top, bottom), (left, right) = padding
    images, height, width, channels = x.shape
    y = empty((images, top + height + bottom, left + width + right, channels), x.dtype)
    _zero_pad2d(np.ascontiguousarray(x), top, left, y)
    return y


@parallel_if_large
def _zero_pad2d(x, top, left, y):
    _, height, width, channels = x.shape
    images, padded_height, padded_width, _ = y.shape
    source, target = x.reshape(-1), y.reshape(-1)
    length, padded_length = width * channels, padded_width * channels  # of a row
    before = left * channels
    for job in prange(images * padded_height):
        image, row = job // padded_height, job % padded_height - top
        start = job * padded_length
        if 0 <= row < height:
            fill(target, start, before, 0)
            copy(source, (image * height + row) * length, target, start + before, length)
            fill(target, start + before + length, padded_length - before - length, 0)
        else:
            fill(target, start, padded_length, 0)


def zero_pad2d_gradient(dy: Array, padding: tuple[Pair, Pair] = ((1, 1), (1, 1))) -> Array:
    """The inner part of the gradient; `reference.zero_pad2d_gradient` has the formula."""
    expect(dy=(dy, (None, None, None, None)))
    expect_margins(padding, dy.shape)
    (top, bottom), (left, right) = padding
    images, height, width, channels = dy.shape
    dx = empty((images, height - top - bottom, width - left - right, channels), dy.dtype)
    _zero_pad2d_gradient(np.ascontiguousarray(dy), top, left, dx)
    return dx


@parallel_if_large
def _zero_pad2d_gradient(dy, top, left, dx):
    images, height, width, channels = dx.shape
    _, padded_height, padded_width, _ = dy.shape
    source, target, length = dy.reshape(-1), dx.reshape(-1), width * channels
    for job in prange(images * height):
        image, row = job // height, job % height + top
        start = ((image * padded_height + row) * padded_width + left) * channels
        copy(source, start, target, job * length, length)
