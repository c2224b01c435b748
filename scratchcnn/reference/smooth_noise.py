"""Smooth random fields: noise in which every number is mixed with its neighbours, as elastic distortions need it."""

from __future__ import annotations

import numpy as np

from scratchcnn.geometry import Pair
from scratchcnn.operands import Array, expect_noise
from scratchcnn.reference.random import random_bits

HALF = 1 << 23  # of 24 random bits, as many as a float32 holds
SHIFTS = (40, 8)  # where in 64 random bits those of the two fields stand


def smooth_noise(keys: Array, size: Pair, weights: Array) -> Array:
    """Two random fields for every key, smoothed along rows and columns.

        noise[a, i, j] uniform in [-sqrt(3), sqrt(3)), independent: mean 0, variance 1
        field[i, j, a] = sum over s, t of weights[s] weights[t] noise[a, i + s, j + t]

    The noise reaches beyond the field on every side, so that the edge is not smoother or rougher than the middle. If
    the squares of the weights sum to 1, every number of the field has variance 1 as well.

    Parameters
    ----------
    keys : (M,), uint64
        Each names the random numbers of one pair of fields.
    size : (H, W)
    weights : (K,), float64, K odd
        For instance a Gaussian.

    Returns
    -------
    (M, H, W, 2), float32

    Notes
    -----
    Cost: about 4 * K FLOPs a number of the result, and a random number for each place of a field and its margin; the
    noise is written to memory and read again, and so are its rows.

    Raises
    ------
    TypeError, ValueError
        The keys are not uint64, size is not two lengths, or the weights are not an odd number of float64.

    Examples
    --------
    >>> field = smooth_noise(np.array([3], np.uint64), (20, 30), np.full(9, 1 / 3))
    >>> field.shape, abs(np.diff(field, axis=1)).mean() < abs(field).mean()
    ((1, 20, 30, 2), np.True_)

    References
    ----------
    Simard, Steinkraus & Platt 2003, "Best practices for convolutional neural networks applied to visual document
    analysis", section 2.
    """
    expect_noise(keys, size, weights)
    height, width = size[0] + len(weights) - 1, size[1] + len(weights) - 1
    field = np.empty((len(keys), *size, 2), np.float32)
    for m, key in enumerate(keys):
        bits = random_bits(int(key), height * width).reshape(height, width)
        for a, shift in enumerate(SHIFTS):
            whole = (bits >> np.uint64(shift) & np.uint64(2 * HALF - 1)).astype(np.float64) - HALF
            noise = whole * (np.sqrt(3) / HALF)
            rows = np.apply_along_axis(np.convolve, 1, noise, weights[::-1], "valid")  # convolve turns weights round
            field[m, :, :, a] = np.apply_along_axis(np.convolve, 0, rows, weights[::-1], "valid")
    return field
