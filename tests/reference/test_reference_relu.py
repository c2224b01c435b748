"""ReLU and its gradient, including zero, infinity and NaN."""

import numpy as np

from scratchcnn import reference


def test_negative_values_become_zero():
    assert reference.relu(np.array([[-2.0, -0.5], [0.0, 3.0]])).tolist() == [[0, 0], [0, 3]]


def test_infinity_and_nan_are_propagated():
    np.testing.assert_array_equal(reference.relu(np.array([np.nan, np.inf, -np.inf])), [np.nan, np.inf, 0])


def test_gradient_is_masked_by_positive_outputs_and_zero_at_the_kink():
    y = reference.relu(np.array([-1.0, 0.0, 2.0]))
    assert reference.relu_gradient(np.array([5.0, 6.0, -7.0]), y).tolist() == [0, 0, -7]
