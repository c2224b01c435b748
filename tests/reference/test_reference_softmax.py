"""Softmax and its gradient; the logits are logarithms of integers, so that the probabilities are known."""

import numpy as np

from scratchcnn import reference

CLOSE = {"rtol": 4 * np.finfo(np.float64).eps, "atol": 0}


def test_softmax_of_logarithms_is_proportional_to_their_arguments():
    y = reference.softmax(np.log([[1.0, 2.0, 5.0], [3.0, 3.0, 2.0]]))
    np.testing.assert_allclose(y, [[1 / 8, 2 / 8, 5 / 8], [3 / 8, 3 / 8, 2 / 8]], **CLOSE)


def test_softmax_is_invariant_to_shifts_and_does_not_overflow():
    assert reference.softmax(np.array([[1e300, 1e300]])).tolist() == [[0.5, 0.5]]
    assert reference.softmax(np.array([[-1e300, 0.0]])).tolist() == [[0, 1]]
    x = np.array([[0.0, 1.0, -3.0]])
    assert reference.softmax(x).tolist() == reference.softmax(x + 1024).tolist()


def test_nan_affects_only_its_row():
    y = reference.softmax(np.array([[0.0, np.nan], [0.0, 0.0]]))
    np.testing.assert_array_equal(y, [[np.nan, np.nan], [0.5, 0.5]])


def test_gradient_subtracts_the_expectation_of_dy():
    # Expectation of dy under the probabilities y: 1/4 * 8 + 1/4 * 16 + 1/2 * 4 = 8.
    dx = reference.softmax_gradient(np.array([[8.0, 16.0, 4.0]]), np.array([[0.25, 0.25, 0.5]]))
    assert dx.tolist() == [[0, 2, -2]]
