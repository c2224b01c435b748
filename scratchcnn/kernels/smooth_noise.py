"""Smooth random fields: white noise filtered by a separable kernel, along the columns first and then along the rows.

Two sums of K terms replace one of K * K. The two fields of a key are interleaved, so that one 64-bit random number
serves both. All rows are stored one after the other as one long row, to which shifted copies of itself are added, by
whole rows first and then by single elements: long vector loops. Elements where one row runs into the next are
meaningless and left out at the end.

Cost: 4 K multiplications per pixel of the two fields, and one random number per pixel of a field with its margin; reads
and writes the sums once for each weight, along the columns and along the rows.
"""

from __future__ import annotations

import numpy as np

from scratchcnn.geometry import Pair
from scratchcnn.kernels.random import bits_at
from scratchcnn.kernels.runtime.jit import serial
from scratchcnn.kernels.runtime.loops import parallel_jobs
from scratchcnn.operands import Array, expect_noise

HALF = np.int32(1 << 23)
MASK = np.int32((1 << 24) - 1)
ONE_OF_HALF = np.float32(np.sqrt(3) / (1 << 23))


def smooth_noise(keys: Array, size: Pair, weights: Array) -> Array:
    """Two random fields for every key, smoothed along rows and columns; `reference.smooth_noise` has the formula."""
    expect_noise(keys, size, weights)
    field = np.empty((len(keys), *size, 2), np.float32)
    _smooth_noise(len(keys), np.ascontiguousarray(keys), weights.astype(np.float32), field)
    return field


@parallel_jobs
def _smooth_noise(m, keys, weights, field):
    _, height, width, _ = field.shape
    margin = weights.size - 1
    line = 2 * (width + margin)  # elements in a row of the noise, of both fields
    noise = np.empty((height + margin) * line, np.float32)
    _noise(keys[m], noise)
    columns = np.zeros(height * line, np.float32)
    for s in range(weights.size):
        _add(noise[s * line :], weights[s], columns)
    rows = np.zeros(height * line - 2 * margin, np.float32)
    for t in range(weights.size):
        _add(columns[2 * t :], weights[t], rows)
    for i in range(height):
        for j in range(width):
            field[m, i, j, 0] = rows[i * line + 2 * j]
            field[m, i, j, 1] = rows[i * line + 2 * j + 1]


@serial
def _noise(key, noise):
    """Pairs of uniform values of variance 1, one pair from each random number."""
    for place in range(noise.size // 2):
        bits = bits_at(key, place)
        noise[2 * place] = np.float32(np.int32(bits >> np.uint64(40)) - HALF) * ONE_OF_HALF
        noise[2 * place + 1] = np.float32((np.int32(bits >> np.uint64(8)) & MASK) - HALF) * ONE_OF_HALF


@serial
def _add(source, weight, target):
    """target += weight * source, as far as the target reaches."""
    for j in range(target.size):
        target[j] += weight * source[j]
