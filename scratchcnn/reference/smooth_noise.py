"""Smooth random fields: white noise convolved with a window such as a Gaussian, for elastic distortions of images."""

from __future__ import annotations

import numpy as np

from scratchcnn.geometry import Pair
from scratchcnn.operands import Array, expect_noise
from scratchcnn.reference.random import random_bits

HALF = 1 << 23  # half the range of 24 random bits, as many as the significand of a float32 holds
SHIFTS = (40, 8)  # positions, within 64 random bits, of the 24 bits for each of the two fields


def smooth_noise(keys: Array, size: Pair, weights: Array) -> Array:
    """Generate two smooth random fields per key: noise, convolved with the weights along rows and columns.

        noise[a, i, j] ~ Uniform(-sqrt(3), sqrt(3))                     independent, mean 0, variance 1
        field[m, i, j, a] = sum over s, t of weights[s] * weights[t] * noise[a, i + s, j + t]

    where the noise of each m is generated from keys[m]. It extends beyond the field on every side, so that the edge is
    as smooth as the middle. If the squares of the weights sum to 1, every element of the field has variance 1, too.

    Parameters
    ----------
    keys : (M,), uint64
        Keys of the random streams, one for each pair of fields.
    size : (H, W)
    weights : (K,), float64, K odd
        For example a Gaussian.

    Returns
    -------
    (M, H, W, 2), float32

    Notes
    -----
    Cost: about 4 * K FLOPs per element of the result, and a random integer per position of a field and its margin; the
    noise is written to memory and read again, and so is the result of the convolution along rows.

    Raises
    ------
    TypeError, ValueError
        The keys are not uint64, size is not a pair of positive integers, or the weights are not an odd number of
        float64.

    Examples
    --------
    >>> field = smooth_noise(np.array([3], np.uint64), (20, 30), np.full(9, 1 / 3))
    >>> field.shape, abs(np.diff(field, axis=1)).mean() < abs(field).mean()  # neighbors differ little
    ((1, 20, 30, 2), np.True_)

    References
    ----------
    Simard, Steinkraus & Platt 2003, "Best practices for convolutional neural networks applied to visual document
    analysis", section 2.
    """
    expect_noise(keys, size, weights)
    height, width = size[0] + len(weights) - 1, size[1] + len(weights) - 1  # of the noise: H + K - 1, W + K - 1
    flipped = weights[::-1]  # because np.convolve flips its second argument
    field = np.empty((len(keys), *size, 2), np.float32)
    for m, key in enumerate(keys):
        bits = random_bits(int(key), height * width).reshape(height, width)
        for a, shift in enumerate(SHIFTS):
            integers = (bits >> np.uint64(shift) & np.uint64(2 * HALF - 1)).astype(np.float64)  # 0 ... 2**24 - 1
            noise = (integers - HALF) * (np.sqrt(3) / HALF)  # (H + K - 1, W + K - 1)
            rows = np.apply_along_axis(np.convolve, 1, noise, flipped, "valid")  # sum over t: (H + K - 1, W)
            field[m, :, :, a] = np.apply_along_axis(np.convolve, 0, rows, flipped, "valid")  # sum over s: (H, W)
    return field
