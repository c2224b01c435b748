"""Elementwise activation functions: known values, symmetries, limits and derivatives."""

import math

import numpy as np
import pytest

from scratchcnn import reference
from scratchcnn.reference.elementwise import FORMULAS

X = np.concatenate([np.linspace(-40, 40, 801), np.array([1e-12, -1e-12, 700.0, -700.0])])
KNOWN_VALUES = {  # of 1 and -1
    "sigmoid": (math.e / (1 + math.e), 1 / (1 + math.e)),
    "tanh": (math.tanh(1), -math.tanh(1)),
    "elu": (1, 2 * (math.exp(-1) - 1)),  # alpha = 2
    "leaky_relu": (1, -2),  # negative_slope = 2
    "gelu": (0.8413447460685429, -0.15865525393145707),  # the standard normal distribution at 1 and -1
    "silu": (math.e / (1 + math.e), -1 / (1 + math.e)),
    "softplus": (math.log(1 + math.e), math.log(1 + math.exp(-1))),
}
LIMITS = {"sigmoid": (0, 1), "tanh": (-1, 1), "elu": (-2, np.inf), "leaky_relu": (-np.inf, np.inf),
          "gelu": (np.nan, np.inf), "silu": (np.nan, np.inf), "softplus": (0, np.inf)}  # fmt: skip
UNIT = np.finfo(np.float64).eps


@pytest.mark.parametrize("name", FORMULAS)
def test_known_values_and_limits(name):
    np.testing.assert_allclose(reference.elementwise(np.array([1.0, -1.0]), name, 2), KNOWN_VALUES[name], 4 * UNIT)
    with np.errstate(invalid="ignore"):
        found = reference.elementwise(np.array([-np.inf, np.inf, np.nan]), name, 2)
    np.testing.assert_array_equal(found, [*LIMITS[name], np.nan])


@pytest.mark.parametrize("name", ["gelu", "silu", "softplus"])
def test_difference_of_the_values_at_x_and_minus_x_is_known(name):
    """It is x: for gelu and silu, which are x * p(x), because p(x) + p(-x) = 1."""
    found = reference.elementwise(X, name) - reference.elementwise(-X, name)
    np.testing.assert_allclose(found, X, rtol=8 * UNIT, atol=8 * UNIT)


def test_sigmoid_of_x_and_minus_x_add_up_to_1():
    total = reference.elementwise(X, "sigmoid") + reference.elementwise(-X, "sigmoid")
    np.testing.assert_allclose(total, 1, rtol=2 * UNIT)


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_finite_values_neither_overflow_nor_warn(name, dtype):
    x = np.array([-1e30, -200, -90, -1e-30, 0, 1e-30, 90, 200, 1e30], dtype)  # the tests turn warnings into errors
    y = reference.elementwise(x, name, 0.2)
    assert np.isfinite(y).all()
    kept = x if name in ("leaky_relu", "gelu", "silu") else y
    derivative = reference.elementwise_gradient(np.ones_like(x), kept, name, 0.2)
    assert derivative.dtype == dtype
    at_ends = {"sigmoid": (0, 0), "tanh": (0, 0), "leaky_relu": (0.2, 1)}.get(name, (0, 1))
    np.testing.assert_allclose(derivative[[0, -1]], at_ends, rtol=np.finfo(dtype).eps)


@pytest.mark.parametrize("name", FORMULAS)
def test_derivative_equals_central_differences(name):
    step = 1e-5
    x = X[(abs(X) > step) & (abs(X) < 100)]
    above, below = (reference.elementwise(x + sign * step, name, 0.5) for sign in (1, -1))
    kept = x if name in ("leaky_relu", "gelu", "silu") else reference.elementwise(x, name, 0.5)
    derivative = reference.elementwise_gradient(np.ones_like(x), kept, name, 0.5)
    # Truncation: the third derivatives are at most 2, so step^2 / 3. Rounding: of values up to 40.
    np.testing.assert_allclose(derivative, (above - below) / (2 * step), rtol=0, atol=step**2 + 8 * 40 * UNIT / step)


@pytest.mark.parametrize("name", ["elu", "leaky_relu"])
def test_derivative_at_the_kink(name):
    zero = np.zeros(1)
    derivative = reference.elementwise_gradient(np.ones(1), zero, name, 0.25)
    assert derivative == (0.25 if name == "elu" else 1)  # as in Keras on JAX
