"""Counter-based random bits: each is computed from the key and its own index, so threads are independent.

Cost: two 64-bit multiplications per random number; each is written once.
"""

from __future__ import annotations

import numpy as np

from scratchcnn.kernels.runtime.jit import serial
from scratchcnn.kernels.runtime.loops import parallel_elements
from scratchcnn.operands import Array

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)


@serial
def bits_at(key, i):
    """Random number `i` of the stream `key`; `reference.random_bits` has the formula."""
    bits = key + (np.uint64(i) + np.uint64(1)) * GOLDEN
    bits = (bits ^ (bits >> np.uint64(30))) * MIX_1
    bits = (bits ^ (bits >> np.uint64(27))) * MIX_2
    return bits ^ (bits >> np.uint64(31))


def random_bits(key: int, count: int, start: int = 0) -> Array:
    """`count` random numbers of the stream `key`, from number `start`; `reference.random_bits` has the formula."""
    bits = np.empty(count, np.uint64)
    _random_bits(count, np.uint64(key), np.uint64(start), bits)
    return bits


@parallel_elements
def _random_bits(first, last, key, start, bits):
    for i in range(first, last):
        bits[i] = bits_at(key, start + np.uint64(i))
