"""Batch normalization: known values, invariances, and derivatives compared with central differences."""

import numpy as np
import pytest

from scratchcnn import reference

EPSILON = 1e-3


def normalized(x, gamma=None, beta=None):
    return reference.batch_normalization(x, *reference.batch_statistics(x), gamma, beta, EPSILON)


def test_output_has_the_mean_beta_and_nearly_the_deviation_gamma(rng):
    x, gamma, beta = 5 * rng.standard_normal((7, 4, 3, 2)) + 9, np.array([2.0, -3.0]), np.array([1.0, 7.0])
    y = normalized(x, gamma, beta)
    np.testing.assert_allclose(y.mean(axis=(0, 1, 2)), beta, rtol=1e-12)
    variance = x.var(axis=(0, 1, 2))
    np.testing.assert_allclose(y.var(axis=(0, 1, 2)), gamma**2 * variance / (variance + EPSILON), rtol=1e-12)


def test_channels_are_independent_of_each_other_and_of_shape(rng):
    x = rng.standard_normal((6, 5, 4, 3))
    y = normalized(x)
    for c in range(3):
        np.testing.assert_allclose(y[..., c], normalized(x[..., c : c + 1])[..., 0], rtol=1e-12)
    np.testing.assert_allclose(y.reshape(-1, 3), normalized(x.reshape(-1, 3)), rtol=1e-12)


def test_batch_of_one_sample_is_beta_and_passes_no_gradient(rng):
    x, dy, beta = rng.standard_normal((3, 1, 4))
    np.testing.assert_array_equal(normalized(x, None, beta[0]), beta)
    mean, variance = reference.batch_statistics(x)
    sums = reference.batch_normalization_parameter_gradients(dy, x, mean, variance, EPSILON)
    dx = reference.batch_normalization_input_gradient(dy, x, mean, variance, None, EPSILON, *sums)
    np.testing.assert_array_equal(dx, 0)


def differences(function, array, step=1e-5):
    """Central differences of a scalar function of `array`."""
    found = np.empty(array.shape)
    for place in np.ndindex(array.shape):
        kept = array[place]
        values = []
        for sign in (1, -1):
            array[place] = kept + sign * step
            values.append(function())
        array[place] = kept
        found[place] = (values[0] - values[1]) / (2 * step)
    return found


@pytest.mark.parametrize("shape", [(6, 3), (2, 3, 2, 2)])
def test_gradients_equal_central_differences(rng, shape):
    x, dy = rng.standard_normal((2, *shape))
    gamma, beta = rng.standard_normal((2, shape[-1]))

    def loss():
        return float((dy * normalized(x, gamma, beta)).sum())

    mean, variance = reference.batch_statistics(x)
    dgamma, dbeta = reference.batch_normalization_parameter_gradients(dy, x, mean, variance, EPSILON)
    dx = reference.batch_normalization_input_gradient(dy, x, mean, variance, gamma, EPSILON, dgamma, dbeta)
    # Truncation: third derivatives of at most a few hundred, times step^2 / 6. Rounding: eps * |loss| / step.
    for gradient, array in ((dx, x), (dgamma, gamma), (dbeta, beta)):
        np.testing.assert_allclose(gradient, differences(loss, array), rtol=0, atol=1e-8)
    np.testing.assert_allclose(dx.reshape(-1, shape[-1]).sum(axis=0), 0, atol=1e-13)  # a constant changes no output


def test_gradient_of_constants_is_the_normalization_without_mean_and_beta(rng):
    x, dy = rng.standard_normal((2, 6, 3))
    mean, variance, gamma = rng.standard_normal(3), rng.random(3), rng.standard_normal(3)

    def loss():
        return float((dy * reference.batch_normalization(x, mean, variance, gamma, None, EPSILON)).sum())

    dx = reference.batch_normalization(dy, np.zeros(3), variance, gamma, None, EPSILON)
    np.testing.assert_allclose(dx, differences(loss, x), rtol=0, atol=1e-8)
