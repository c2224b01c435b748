"""Counter-based random generator: element i of a stream is a function of the stream's key and of i alone."""

from __future__ import annotations

import numpy as np

from scratchcnn.operands import Array

GOLDEN = 0x9E3779B97F4A7C15  # 2**64 divided by the golden ratio, rounded to an odd integer


def random_bits(key: int, count: int, start: int = 0) -> Array:
    """Generate uniform random 64-bit integers with SplitMix64.

        z[i] = key + (start + i + 1) * 0x9E3779B97F4A7C15
        z[i] = (z[i] ^ (z[i] >> 30)) * 0xBF58476D1CE4E5B9
        z[i] = (z[i] ^ (z[i] >> 27)) * 0x94D049BB133111EB
        bits[i] = z[i] ^ (z[i] >> 31)

    modulo 2**64, where ^ is the bitwise exclusive or and >> shifts to the right. There is no state that one element
    passes to the next, so the elements can be computed in any order and on any thread.

    Parameters
    ----------
    key : int
        Seed of the stream, 0 to 2**64 - 1.
    count : int
        Number of elements.
    start : int, default 0
        Index of the first element within the stream.

    Returns
    -------
    (count,), uint64

    Notes
    -----
    Cost: two 64-bit multiplications per element; writes 8 bytes each.

    Raises
    ------
    OverflowError
        key is out of range.

    Examples
    --------
    >>> [hex(bits) for bits in random_bits(0, 2)]
    ['0xe220a8397b1dcdaf', '0x6e789e6aa1b965f4']
    >>> [hex(bits) for bits in random_bits(0, 1, start=1)]
    ['0x6e789e6aa1b965f4']

    References
    ----------
    Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators", figure 16.
    """
    i = np.arange(count, dtype=np.uint64)
    z = np.uint64(key) + (i + np.uint64(start + 1)) * np.uint64(GOLDEN)  # uint64 arrays wrap around at 2**64
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    bits: Array = z ^ (z >> np.uint64(31))
    return bits
