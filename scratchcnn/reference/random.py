"""Random bits as a formula: the i-th number of a stream is computed from the stream's key and i alone."""

from __future__ import annotations

import numpy as np

from scratchcnn.operands import Array

GOLDEN = 0x9E3779B97F4A7C15  # 2**64 divided by the golden ratio, made odd


def random_bits(key: int, count: int, start: int = 0) -> Array:
    """`count` numbers of the stream `key`, from number `start` on: SplitMix64, mixing key + (i + 1) * golden ratio.

    Nothing is kept from one number to the next, so any thread can compute any of them.

    Parameters
    ----------
    key : int
        0 to 2**64 - 1.
    count : int
    start : int, default 0
        The first number's place i in the stream.

    Returns
    -------
    (count,), uint64, uniform

    Notes
    -----
    Cost: two 64-bit multiplications a number; writes each once, 8 bytes.

    Raises
    ------
    OverflowError
        key is not in its range.

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
    places = np.arange(start + 1, start + count + 1, dtype=np.uint64)
    bits = np.uint64(key) + places * np.uint64(GOLDEN)  # wraps at 2**64, as meant
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
