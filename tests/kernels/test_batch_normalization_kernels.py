"""Batch normalization and its gradients, compared with the reference in float64, also for means far from zero."""

import numpy as np
import pytest
from comparing import DTYPES, ENGINES, LAYOUTS, SEEDS, assert_within, check, random_array, run
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchcnn import kernels, reference
from scratchcnn.kernels.batch_normalization import BLOCK, LEAST_ROWS

SHAPES = st.lists(st.integers(1, 9), min_size=1, max_size=4)
LARGE = [(20, 30, 40, 5), (BLOCK + 7, 1), (LEAST_ROWS + 1, BLOCK), (3, 2 * BLOCK), (700, 33)]  # of several blocks each
EPSILONS = st.sampled_from([1e-12, 1e-3, 2.0])
some = settings(max_examples=150)


def off_center(rng, shape, dtype, layout=np.ascontiguousarray, offset=100.0):
    """Random values around a mean that is large compared with their deviation, in half of the channels."""
    offsets = np.where(np.arange(shape[-1]) % 2, offset, 0.0)
    return layout((rng.standard_normal(shape) + offsets).astype(dtype))


def others(x):
    return tuple(range(x.ndim - 1))


def statistics_bounds(rounding_bound, x):
    """Bounds for mean and variance, both computed in float64.

    An error e of the mean of a block changes its sum of squares by count * e^2, and the part of the variance that lies
    between the means of the blocks by at most 2 * sqrt(variance) * e + e^2 (Cauchy-Schwarz); both sides have such.
    """
    wide, count = x.astype(np.float64), x.size // x.shape[-1]
    of_mean = rounding_bound(abs(wide).mean(axis=others(x)), count, np.float64)
    variance = wide.var(axis=others(x))
    return of_mean, rounding_bound(variance, count + 8, np.float64) + 4 * np.sqrt(variance) * of_mean + 4 * of_mean**2


def check_statistics(rounding_bound, x):
    exact = reference.batch_statistics(x.astype(np.float64))
    for engine in ENGINES:
        found = run(engine, "batch_statistics", [x])
        for name, one, formula, bound in zip(
            ("mean", "variance"), found, exact, statistics_bounds(rounding_bound, x), strict=True
        ):
            assert one.dtype == np.float64
            assert one.shape == x.shape[-1:]
            assert_within(one, formula, bound, f"the {name} of {engine.__name__}")


def rounded(exact, steps, operations, dtype):
    """Bound for a value that is computed in float64, by so many operations of that magnitude, and rounded once."""
    limits, unit = np.finfo(dtype), np.finfo(np.float64).eps
    return limits.eps / 2 * abs(exact) + 2 * operations * unit * steps + limits.tiny


def check_passes(rounding_bound, rng, x, layout, epsilon, has_gamma, has_beta):
    channels, dtype, count = x.shape[-1], x.dtype, x.size // x.shape[-1]
    mean, variance = reference.batch_statistics(x)
    gamma = random_array(rng, (channels,), dtype) if has_gamma else None
    beta = random_array(rng, (channels,), dtype) if has_beta else None
    wide = x.astype(np.float64)
    normalized = abs(wide - mean) / np.sqrt(variance + epsilon)
    scale = abs(1.0 if gamma is None else gamma.astype(np.float64)) / np.sqrt(variance + epsilon)

    exact = reference.batch_normalization(wide, mean, variance, *as_wide(gamma, beta), epsilon)
    steps = scale * abs(wide - mean) + (0.0 if beta is None else abs(beta))
    arguments = [x, mean, variance, gamma, beta, epsilon]
    check("batch_normalization", arguments, rounded(exact, steps, 8, dtype))

    dy = random_array(rng, x.shape, dtype, layout)
    wide_dy = dy.astype(np.float64)
    exact = reference.batch_normalization_parameter_gradients(wide_dy, wide, mean, variance, epsilon)
    sizes = (abs(wide_dy) * normalized).sum(axis=others(x)), abs(wide_dy).sum(axis=others(x))
    bounds = tuple(
        rounded(total, 0, 0, dtype) + rounding_bound(size, count + 6, np.float64)
        for total, size in zip(exact, sizes, strict=True)
    )
    check("batch_normalization_parameter_gradients", [dy, x, mean, variance, epsilon], bounds)

    sums = [total.astype(dtype) for total in exact]
    dgamma, dbeta = as_wide(*sums)
    arguments = wide_dy, wide, mean, variance, as_wide(gamma)[0], epsilon, dgamma, dbeta
    exact = reference.batch_normalization_input_gradient(*arguments)
    steps = scale * (abs(wide_dy) + (abs(dbeta) + normalized * abs(dgamma)) / count)
    arguments = [dy, x, mean, variance, gamma, epsilon, *sums]
    check("batch_normalization_input_gradient", arguments, rounded(exact, steps, 12, dtype))


def as_wide(*arrays):
    return [None if array is None else array.astype(np.float64) for array in arrays]


@some
@given(SHAPES, DTYPES, SEEDS, LAYOUTS, EPSILONS, st.booleans(), st.booleans())
def test_statistics_and_passes_are_within_rounding_of_the_reference(
    rounding_bound, shape, dtype, seed, layout, epsilon, has_gamma, has_beta
):
    rng = np.random.default_rng(seed)
    x = off_center(rng, shape, dtype, layout)
    check_statistics(rounding_bound, x)
    check_passes(rounding_bound, rng, x, layout, epsilon, has_gamma, has_beta)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", LARGE)
def test_large_arrays_are_summed_in_blocks_that_do_not_depend_on_the_threads(rounding_bound, rng, shape, dtype):
    x = off_center(rng, shape, dtype)
    check_statistics(rounding_bound, x)
    check_passes(rounding_bound, rng, x, np.ascontiguousarray, 1e-3, True, True)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("dtype", "offset"), [(np.float32, 2.0**22), (np.float64, 2.0**51)])
def test_variance_far_from_zero_has_no_cancellation(engine, dtype, offset):
    """0 and 1, each added to a mean of almost as many digits as there are, have the variance 1/4 exactly."""
    x = (np.arange(64 * 64).reshape(-1, 2) // 2 % 2 + offset).astype(dtype)
    mean, variance = engine.batch_statistics(x)
    np.testing.assert_array_equal(variance, 0.25)
    y = engine.batch_normalization(x, mean, variance, None, None, 1e-9)
    np.testing.assert_allclose(y, 2 * (x - offset) - 1, rtol=2.1e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_nan_stays_in_its_channel(engine):
    x = np.arange(12.0).reshape(4, 3)
    x[1, 2] = np.nan
    mean, variance = engine.batch_statistics(x)
    y = engine.batch_normalization(x, mean, variance, None, None, 1e-3)
    assert np.isnan(y[:, 2]).all()
    assert np.isfinite(y[:, :2]).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_operands_that_do_not_fit_are_refused(engine):
    x, four = np.zeros((2, 4)), np.zeros(4)
    with pytest.raises(ValueError, match=r"at least one value of each channel, received shape \(0, 4\)"):
        engine.batch_statistics(x[:0])
    with pytest.raises(TypeError, match="Expected one dtype"):
        engine.batch_normalization(x.astype(np.float32), four, four, four, None, 1e-3)
    with pytest.raises(TypeError, match="Expected mean and variance of dtype float64, received float32"):
        engine.batch_normalization(x, four.astype(np.float32), four.astype(np.float32), None, None, 1e-3)
    with pytest.raises(ValueError, match=r"Expected mean of shape \(4\), received \(3,\)"):
        engine.batch_normalization(x, four[:3], four, None, None, 1e-3)
    with pytest.raises(ValueError, match=r"Expected dy of shape \(2, 4\), received \(4,\)"):
        engine.batch_normalization_parameter_gradients(four, x, four, four, 1e-3)
    with pytest.raises(ValueError, match=r"Expected dbeta of shape \(4\), received \(2, 4\)"):
        engine.batch_normalization_input_gradient(x, x, four, four, None, 1e-3, four, x)


def test_kernels_accept_read_only_arrays(rng):
    arrays = [rng.standard_normal((6, 3)), *np.abs(rng.standard_normal((4, 3)))]
    for array in arrays:
        array.flags.writeable = False
    x, mean, variance, gamma, beta = arrays
    y = kernels.batch_normalization(x, mean, variance, gamma, beta, 1e-3)
    sums = kernels.batch_normalization_parameter_gradients(x, x, mean, variance, 1e-3)
    dx = kernels.batch_normalization_input_gradient(x, x, mean, variance, gamma, 1e-3, *sums)
    assert np.isfinite(y).all()
    assert np.isfinite(dx).all()
