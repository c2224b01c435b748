"""The formula of cross-entropy, of logits and of probabilities, by hand."""

import math

import numpy as np

from scratchcnn import reference

CLOSE = {"rtol": 8 * np.finfo(np.float64).eps, "atol": 0}


def test_the_loss_of_logits_is_the_logarithm_of_the_right_share():
    losses, probabilities = reference.softmax_cross_entropy(np.log([[1.0, 3.0], [2.0, 6.0]]), np.eye(2))
    np.testing.assert_allclose(losses, [math.log(4), math.log(4 / 3)], **CLOSE)
    np.testing.assert_allclose(probabilities, [[1 / 4, 3 / 4], [1 / 4, 3 / 4]], **CLOSE)


def test_targets_may_be_shared_out():
    losses, _ = reference.softmax_cross_entropy(np.log([[1.0, 3.0]]), np.array([[0.5, 0.5]]))
    np.testing.assert_allclose(losses, [(math.log(4) + math.log(4 / 3)) / 2], **CLOSE)


def test_extreme_logits_give_their_distance_and_no_infinity():
    logits = np.array([[0.0, 2000.0], [0.0, 2000.0], [-1e30, 1e30]])
    losses, probabilities = reference.softmax_cross_entropy(logits, np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]))
    assert losses.tolist() == [2000, 0, 2e30]
    assert probabilities.tolist() == [[0, 1]] * 3


def test_a_class_that_is_impossible_and_not_meant_costs_nothing():
    losses, _ = reference.softmax_cross_entropy(np.array([[0.0, -np.inf]]), np.array([[1.0, 0.0]]))
    assert losses.tolist() == [0]


def test_the_gradient_by_logits_is_probability_minus_target():
    probabilities, targets = np.array([[0.25, 0.75], [0.5, 0.5]]), np.array([[1.0, 0.0], [0.0, 2.0]])
    dlogits = reference.softmax_cross_entropy_gradient(probabilities, targets, 0.5)
    assert dlogits.tolist() == [[-0.375, 0.375], [0.5, -0.5]]  # the second row's targets sum to 2


def test_the_loss_of_probabilities_takes_shares_first():
    losses = reference.cross_entropy(np.array([[1.0, 3.0], [0.2, 0.2]]), np.eye(2))
    np.testing.assert_allclose(losses, [math.log(4), math.log(2)], **CLOSE)


def test_probabilities_are_kept_one_ten_millionth_away_from_zero_and_one():
    losses = reference.cross_entropy(np.array([[0.0, 1.0], [0.0, 1.0]]), np.eye(2))
    np.testing.assert_allclose(losses, [-math.log(1e-7), -math.log(1 - 1e-7)], **CLOSE)


def test_the_gradient_by_probabilities():
    # Shares 1/4 and 3/4 of a row that sums to 2; dshare = -scale * target / share = (-4, 0) * 3, mean -12 * 1/4 = -3.
    gradient = reference.cross_entropy_gradient(np.array([[0.5, 1.5]]), np.array([[1.0, 0.0]]), 3.0)
    assert gradient.tolist() == [[(-12 + 3) / 2, (0 + 3) / 2]]


def test_there_is_no_gradient_where_a_probability_was_clipped():
    gradient = reference.cross_entropy_gradient(np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]]), 1.0)
    assert gradient.tolist() == [[0, 0]]
