"""Dropout: the mask follows from the first values of SplitMix64, which are published."""

import numpy as np

from scratchcnn import reference

# The first three values of the stream with key 0, divided by 2**64: 0.883, 0.431, 0.026.


def test_elements_with_random_value_below_the_rate_are_zeroed_and_the_others_scaled():
    x = np.array([1.0, 2.0, 3.0])
    for rate, kept, y in [
        (0.0, [True, True, True], [1, 2, 3]),
        (0.25, [True, True, False], [4 / 3, 8 / 3, 0]),
        (0.5, [True, False, False], [2, 0, 0]),
        (0.875, [True, False, False], [8, 0, 0]),
        (0.9375, [False, False, False], [0, 0, 0]),
    ]:
        found, mask = reference.dropout(x, rate, key=0)
        assert mask.tolist() == kept
        np.testing.assert_allclose(found, y, rtol=4 * np.finfo(np.float64).eps)


def test_elements_are_counted_in_c_order():
    row, block = reference.dropout(np.ones(12), 0.5, key=7)[1], reference.dropout(np.ones((3, 4)), 0.5, key=7)[1]
    assert block.ravel().tolist() == row.tolist()


def test_gradient_is_scaled_where_kept_and_zero_elsewhere():
    kept = np.array([True, False, True])
    assert reference.dropout_gradient(np.array([1.0, 2.0, -3.0]), kept, 0.75).tolist() == [4, 0, -12]
