"""Cross-entropy of logits and of probabilities, and its gradients: values computed by hand."""

import math

import numpy as np

from scratchcnn import reference

CLOSE = {"rtol": 8 * np.finfo(np.float64).eps, "atol": 0}


def test_loss_of_logits_is_minus_log_of_the_target_probability():
    losses, probabilities = reference.softmax_cross_entropy(np.log([[1.0, 3.0], [2.0, 6.0]]), np.eye(2))
    np.testing.assert_allclose(losses, [math.log(4), math.log(4 / 3)], **CLOSE)
    np.testing.assert_allclose(probabilities, [[1 / 4, 3 / 4], [1 / 4, 3 / 4]], **CLOSE)


def test_soft_targets_weight_the_log_probabilities():
    losses, _ = reference.softmax_cross_entropy(np.log([[1.0, 3.0]]), np.array([[0.5, 0.5]]))
    np.testing.assert_allclose(losses, [(math.log(4) + math.log(4 / 3)) / 2], **CLOSE)


def test_loss_of_extreme_logits_is_their_difference_and_finite():
    logits = np.array([[0.0, 2000.0], [0.0, 2000.0], [-1e30, 1e30]])
    losses, probabilities = reference.softmax_cross_entropy(logits, np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]))
    assert losses.tolist() == [2000, 0, 2e30]
    assert probabilities.tolist() == [[0, 1]] * 3


def test_infinite_logit_of_a_class_with_target_zero_contributes_nothing():
    losses, _ = reference.softmax_cross_entropy(np.array([[0.0, -np.inf]]), np.array([[1.0, 0.0]]))
    assert losses.tolist() == [0]


def test_gradient_wrt_logits_is_probability_minus_target():
    probabilities, targets = np.array([[0.25, 0.75], [0.5, 0.5]]), np.array([[1.0, 0.0], [0.0, 2.0]])
    dlogits = reference.softmax_cross_entropy_gradient(probabilities, targets, 0.5)
    assert dlogits.tolist() == [[-0.375, 0.375], [0.5, -0.5]]  # the second row's targets sum to 2


def test_probabilities_are_normalized_before_the_loss():
    losses = reference.cross_entropy(np.array([[1.0, 3.0], [0.2, 0.2]]), np.eye(2))
    np.testing.assert_allclose(losses, [math.log(4), math.log(2)], **CLOSE)


def test_probabilities_are_clipped_at_1e_7():
    losses = reference.cross_entropy(np.array([[0.0, 1.0], [0.0, 1.0]]), np.eye(2))
    np.testing.assert_allclose(losses, [-math.log(1e-7), -math.log(1 - 1e-7)], **CLOSE)


def test_gradient_wrt_probabilities_includes_their_normalization():
    # q = (1/4, 3/4), total = 2; dq = -scale * targets / q = (-12, 0); sum of dq * q = -12 * 1/4 = -3.
    gradient = reference.cross_entropy_gradient(np.array([[0.5, 1.5]]), np.array([[1.0, 0.0]]), 3.0)
    assert gradient.tolist() == [[(-12 + 3) / 2, (0 + 3) / 2]]


def test_gradient_is_zero_where_a_probability_is_clipped():
    gradient = reference.cross_entropy_gradient(np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]]), 1.0)
    assert gradient.tolist() == [[0, 0]]
