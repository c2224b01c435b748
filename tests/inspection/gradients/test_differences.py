"""Differences: their orders, what their bounds hold, and the noise that is measured."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.inspection.gradients.differences import Line, computational_noise, points

EPS = np.finfo(np.float64).eps


def wave(array):
    return lambda: float(np.sin(3 * array).sum())


def at(function, array, step):
    return points(function, Line(array, (0,)), step, function())


def test_a_central_difference_is_of_second_order_and_the_other_of_fourth():
    x = np.array([0.4])
    exact = 3 * math.cos(1.2)
    second, fourth = ([abs(getattr(at(wave(x), x, h), name)() - exact) for h in (0.02, 0.01)]
                      for name in ("second_order", "fourth_order"))  # fmt: skip
    assert second[0] / second[1] == pytest.approx(4, rel=0.01)
    assert fourth[0] / fourth[1] == pytest.approx(16, rel=0.01)


@given(st.floats(-2, 2), st.sampled_from([1e-2, 1e-3, 1e-4, 1e-5, 1e-6]))
def test_every_estimate_lies_within_its_bound(place, step):
    """Taylor's remainders, with a third derivative of 27 and a fifth of 243 at most, say how far it may ever be off.

    What it is told to be off is its distance from a quotient of lower order. Where that one happens to be off by as
    much, as one from the side is near a point of inflection, the two agree and tell nothing.
    """
    x = np.array([place])
    noise = 2 * EPS  # of a sine, and of the number that goes into it
    found = at(wave(x), x, step)
    exact, rounding = 3 * math.cos(3 * place), 3 * EPS * 2 / step
    second = 9 * abs(math.sin(3 * place))
    sides = [(found.one_sided(noise, right), 27 * step**2, second * step / 2) for right in (True, False)]
    for estimate, remainder, of_lower_order in ((found.central(noise), 13.5 * step**4, math.inf), *sides):
        error = abs(estimate.value - exact)
        assert error <= remainder + estimate.rounding + rounding
        if of_lower_order > 2.5 * remainder:
            assert error <= estimate.bound + rounding


def test_a_one_sided_difference_sees_its_side_alone():
    x = np.array([0.0])

    def hinge():
        return float(2 * x[0] if x[0] > 0 else -x[0])

    found = at(hinge, x, 1e-3)
    assert found.one_sided(0, True).value == pytest.approx(2)
    assert found.one_sided(0, False).value == pytest.approx(-1)


def test_the_third_derivative_of_a_cube():
    x = np.array([0.7])
    assert at(lambda: float(x[0] ** 3), x, 1e-2).third_derivative() == pytest.approx(6, rel=1e-6)


@pytest.mark.parametrize("size", [1e-14, 1e-10, 1e-6])
def test_noise_is_measured_to_a_factor(size):
    rng, x = np.random.default_rng(0), np.zeros(5)
    line = Line(x, np.ones(5))
    found = [
        computational_noise(lambda: float(np.cos(x).sum() + size * rng.standard_normal()), line, 1e-7)
        for _ in range(50)
    ]
    assert 0.5 * size < np.median(found) < 2 * size
    assert max(found) < 5 * size
    assert not x.any()


def test_a_line_puts_back_what_it_moved_even_after_an_error():
    x = np.array([[0.1, 0.2], [0.3, 0.4]])
    before = x.copy()

    def fails():
        raise RuntimeError("no")

    for along in ((1, 0), np.ones((2, 2))):
        with pytest.raises(RuntimeError):
            Line(x, along).at(1e-3, fails)
        np.testing.assert_array_equal(x, before)
    assert Line(x, (1, 0)).at(1.0, lambda: x[1, 0] - x[0, 0]) == pytest.approx(1.2)
