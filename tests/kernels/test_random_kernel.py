"""Random bits, compared with published values and with the reference."""

import numpy as np
import pytest
from comparing import ENGINES, KEYS, check_equal
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scratchcnn import kernels

some = settings(max_examples=150)


@pytest.mark.parametrize("engine", ENGINES, ids=["reference", "kernels"])
@pytest.mark.parametrize(
    ("key", "published"),
    [
        (0, [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]),
        (1234567, [6457827717110365317, 3203168211198807973, 9817491932198370423]),
    ],
)
def test_random_bits_match_published_splitmix64_values(engine, key, published):
    bits = engine.random_bits(key, 3)
    assert bits.dtype == np.uint64
    assert bits.tolist() == published


@some
@given(KEYS, st.integers(0, 300))
@example(2**64 - 1, 5)
def test_random_bits_equal_reference_and_are_prefix_of_longer_stream(key, count):
    check_equal("random_bits", [key, count])
    np.testing.assert_array_equal(kernels.random_bits(key, count + 7)[:count], kernels.random_bits(key, count))
