"""Adam: steps computed by hand."""

import numpy as np

from scratchcnn import reference

# beta_1 = 1/2 and beta_2 = 3/4: all intermediate values are exact, except for one square root.
RATES = (0.5, 0.5, 0.75)
CLOSE = {"rtol": 8 * np.finfo(np.float64).eps, "atol": 0}


def test_first_two_steps_equal_values_computed_by_hand():
    parameter, m, v = np.array([10.0]), np.zeros(1), np.zeros(1)
    reference.adam(parameter, np.array([4.0]), m, v, v, 1, *RATES, 1.0)
    # m = 2, v = 4; alpha = 0.5 * sqrt(1/4) / (1/2) = 0.5; step 0.5 * 2 / (2 + 1) = 1/3
    assert (m.item(), v.item()) == (2, 4)
    np.testing.assert_allclose(parameter, 10 - 1 / 3, **CLOSE)
    reference.adam(parameter, np.array([-2.0]), m, v, v, 2, *RATES, 1.0)
    # m = 2 + (-2 - 2) / 2 = 0, so the parameter does not change; v = 4 + (4 - 4) / 4 = 4
    assert (m.item(), v.item()) == (0, 4)
    np.testing.assert_allclose(parameter, 10 - 1 / 3, **CLOSE)


def test_second_step_corrects_the_bias_of_both_moments():
    parameter, m, v = np.array([10.0]), np.array([2.0]), np.array([4.0])
    reference.adam(parameter, np.array([8.0]), m, v, v, 2, *RATES, 1.0)
    # m = 2 + 6 / 2 = 5, v = 4 + 60 / 4 = 19; alpha = 0.5 * sqrt(1 - 9/16) / (1 - 1/4) = 2/3 * sqrt(7/16)
    assert (m.item(), v.item()) == (5, 19)
    np.testing.assert_allclose(parameter, 10 - 2 / 3 * (7 / 16) ** 0.5 * 5 / (19**0.5 + 1), **CLOSE)


def test_length_of_first_step_is_the_learning_rate_for_any_gradient():
    parameter, m, v = np.zeros(3), np.zeros(3), np.zeros(3)
    reference.adam(parameter, np.array([1e-3, -1.0, 1e5]), m, v, v, 1, 0.001, 0.9, 0.999, 0.0)
    np.testing.assert_allclose(parameter, [-0.001, 0.001, -0.001], rtol=1e-12)


def test_epsilon_is_added_before_bias_correction():
    parameter, m, v = np.zeros(1), np.zeros(1), np.zeros(1)
    reference.adam(parameter, np.array([1e-6]), m, v, v, 1, 0.001, 0.9, 0.999, 1e-7)
    # sqrt(v) = 1e-6 * sqrt(0.001); alpha * m = 0.001 * sqrt(0.001) / 0.1 * 1e-7
    root = 0.001**0.5
    np.testing.assert_allclose(parameter, -0.001 * root * 1e-6 / (1e-6 * root + 1e-7), rtol=1e-12)


def test_amsgrad_divides_by_the_root_of_the_maximum_second_moment():
    parameter, m, v, v_max = np.array([10.0]), np.zeros(1), np.array([4.0]), np.array([9.0])
    reference.adam(parameter, np.array([4.0]), m, v, v_max, 1, *RATES, 1.0)
    # v = 4 + (16 - 4) / 4 = 7 < v_max = 9; step 0.5 * 2 / (3 + 1)
    assert (v.item(), v_max.item()) == (7, 9)
    np.testing.assert_allclose(parameter, 10 - 1 / 4, **CLOSE)
    reference.adam(parameter, np.array([8.0]), m, v, v_max, 1, *RATES, 1.0)
    assert v_max.item() == v.item() == 7 + (64 - 7) / 4
