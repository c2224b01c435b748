"""Finite differences: their orders, the bounds of their errors, and the measured rounding error."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.inspection.gradients.differences import (
    AROUND,
    Points,
    along_line,
    computational_noise,
    numerical_gradient,
)

EPS = np.finfo(np.float64).eps


def wave(array):
    return lambda: float(np.sin(3 * array).sum())


def at(function, array, step):
    return Points(step, function(), *along_line(function, array, (0,), [number * step for number in AROUND]))


def test_central_differences_have_second_and_fourth_order():
    x = np.array([0.4])
    exact = 3 * math.cos(1.2)
    second, fourth = ([abs(getattr(at(wave(x), x, h), name)() - exact) for h in (0.02, 0.01)]
                      for name in ("second_order", "fourth_order"))  # fmt: skip
    assert second[0] / second[1] == pytest.approx(4, rel=0.01)
    assert fourth[0] / fourth[1] == pytest.approx(16, rel=0.01)


@given(st.floats(-2, 2), st.sampled_from([1e-2, 1e-3, 1e-4, 1e-5, 1e-6]))
def test_error_of_every_estimate_is_within_its_bound(place, step):
    """The remainder of Taylor's formula, with third derivative <= 27 and fifth <= 243, limits the error in any case.

    The estimated truncation error is the distance from a difference of lower order. It is a bound unless the two have
    similar errors, as one-sided differences have near a point of inflection.
    """
    x = np.array([place])
    noise = 2 * EPS  # of the sine and of its argument
    found = at(wave(x), x, step)
    exact, rounding = 3 * math.cos(3 * place), 3 * EPS * 2 / step
    second = 9 * abs(math.sin(3 * place))
    sides = [(found.one_sided(noise, right), 27 * step**2, second * step / 2) for right in (True, False)]
    for estimate, remainder, of_lower_order in ((found.central(noise), 13.5 * step**4, math.inf), *sides):
        error = abs(estimate.value - exact)
        assert error <= remainder + estimate.rounding + rounding
        if of_lower_order > 2.5 * remainder:
            assert error <= estimate.truncation + estimate.rounding + rounding


def test_one_sided_difference_depends_on_its_side_only():
    x = np.array([0.0])

    def hinge():
        return float(2 * x[0] if x[0] > 0 else -x[0])

    found = at(hinge, x, 1e-3)
    assert found.one_sided(0, True).value == pytest.approx(2)
    assert found.one_sided(0, False).value == pytest.approx(-1)


def test_third_derivative_of_a_cube():
    x = np.array([0.7])
    assert at(lambda: float(x[0] ** 3), x, 1e-2).third_derivative() == pytest.approx(6, rel=1e-6)


@pytest.mark.parametrize("size", [1e-14, 1e-10, 1e-6])
def test_measured_noise_is_correct_up_to_a_factor_of_two(size):
    rng, x = np.random.default_rng(0), np.zeros(5)
    found = [
        computational_noise(lambda: float(np.cos(x).sum() + size * rng.standard_normal()), x, np.ones(5), 1e-7)
        for _ in range(50)
    ]
    assert 0.5 * size < np.median(found) < 2 * size
    assert max(found) < 5 * size
    assert not x.any()


def test_array_is_restored_even_after_an_error():
    x = np.array([[0.1, 0.2], [0.3, 0.4]])
    before = x.copy()

    def fails():
        raise RuntimeError("no")

    for along in ((1, 0), np.ones((2, 2))):
        with pytest.raises(RuntimeError):
            along_line(fails, x, along, [1e-3])
        np.testing.assert_array_equal(x, before)
    assert along_line(lambda: x[1, 0] - x[0, 0], x, (1, 0), [1.0]) == [pytest.approx(1.2)]
    assert along_line(lambda: x[1, 0] + x[0, 0], x, np.array([[2, 0], [-1, 0]]), [0.5]) == [pytest.approx(0.9)]


def test_numerical_gradient_has_the_shape_of_its_array():
    x = np.random.default_rng(0).standard_normal((2, 3))
    np.testing.assert_allclose(numerical_gradient(lambda: float((x**3).sum()), x, 1e-3), 3 * x**2, rtol=1e-9)
