"""Losses and penalties: the kernels lie within a derived bound of the reference in float64, for any memory layout."""

import numpy as np
import pytest
from comparing import DTYPES, ENGINES, LAYOUTS, SEEDS, THREADS, assert_within, on_threads, random_array
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchcnn import kernels, reference

some = settings(max_examples=100)
ROWS, COLUMNS = st.integers(1, 300), st.integers(1, 130)  # also above the size from which several threads are used


def results(name, *arguments):
    """Return the result of each engine, after checking that the number of threads changes no bit."""
    found = []
    for engine in ENGINES:
        one, several = (computed(engine, name, arguments, threads) for threads in (1, THREADS))
        assert [np.asarray(array).tobytes() for array in one] == [np.asarray(array).tobytes() for array in several]
        found.append(one)
    return found


def computed(engine, name, arguments, threads):
    with on_threads(threads):
        result = getattr(engine, name)(*arguments)
    return result if isinstance(result, tuple) else (result,)


def probabilities_like(rng, shape, dtype, layout):
    return (random_array(rng, shape, dtype, layout) * dtype(0.1) + dtype(0.5)).clip(dtype(0.01), dtype(0.99))


@some
@given(ROWS, COLUMNS, DTYPES, SEEDS, LAYOUTS)
def test_mean_squared_error_matches_reference(rows, columns, dtype, seed, layout):
    rng = np.random.default_rng(seed)
    outputs, targets = (random_array(rng, (rows, columns), dtype, layout) for _ in range(2))
    exact = [array.astype(np.float64) for array in (outputs, targets)]
    wanted, gradient = reference.mean_squared_error(*exact), reference.mean_squared_error_gradient(*exact, 0.3)
    eps, error = np.finfo(dtype).eps, abs(exact[0] - exact[1])
    # A difference and its square make two roundings, the sum of J terms at most J, and the mean one.
    for (found,) in results("mean_squared_error", outputs, targets):
        assert found.dtype == dtype
        assert_within(found, wanted, (columns + 3) * eps * (error**2).mean(axis=1), "loss")
    for (found,) in results("mean_squared_error_gradient", outputs, targets, 0.3):
        assert_within(found, gradient, 3 * eps * error * 0.6 / columns, "gradient")


@some
@given(ROWS, COLUMNS, DTYPES, SEEDS, LAYOUTS)
def test_sigmoid_cross_entropy_matches_reference(rows, columns, dtype, seed, layout):
    rng = np.random.default_rng(seed)
    logits = random_array(rng, (rows, columns), dtype, layout) * dtype(5)
    targets = rng.random((rows, columns)).astype(dtype)
    exact = [array.astype(np.float64) for array in (logits, targets)]
    wanted, probabilities = reference.sigmoid_cross_entropy(*exact)
    eps = np.finfo(dtype).eps
    # exp, log1p, two sums and a product, each of some eps, of terms below |z| + 1; and the sum of J of them.
    size = (abs(exact[0]) + 1).mean(axis=1)
    for found, shares in results("sigmoid_cross_entropy", logits, targets):
        assert found.dtype == shares.dtype == dtype
        assert_within(found, wanted, (columns + 12) * eps * size, "loss")
        assert_within(shares, probabilities, 8 * eps * probabilities + np.finfo(dtype).tiny, "probabilities")
    given_ = probabilities.astype(dtype)
    gradient = reference.sigmoid_cross_entropy_gradient(given_.astype(np.float64), exact[1], 0.3)
    for (found,) in results("sigmoid_cross_entropy_gradient", given_, targets, 0.3):
        assert_within(found, gradient, 3 * eps * (probabilities + exact[1]) * 0.3 / columns, "gradient")


@some
@given(ROWS, COLUMNS, DTYPES, SEEDS, LAYOUTS)
def test_binary_cross_entropy_matches_reference(rows, columns, dtype, seed, layout):
    rng = np.random.default_rng(seed)
    probabilities = probabilities_like(rng, (rows, columns), dtype, layout)
    targets = rng.random((rows, columns)).astype(dtype)
    exact = [array.astype(np.float64) for array in (probabilities, targets)]
    wanted, gradient = reference.binary_cross_entropy(*exact), reference.binary_cross_entropy_gradient(*exact, 0.3)
    eps, p = np.finfo(dtype).eps, exact[0]
    # 1 - p loses at most eps / 0.01, since p is at most 0.99; the terms are at most |log(0.01)| < 5.
    for (found,) in results("binary_cross_entropy", probabilities, targets):
        assert_within(found, wanted, (columns + 110) * eps * 5, "loss")
    size = (p + exact[1]) / (p * (1 - p)) * 0.3 / columns
    for (found,) in results("binary_cross_entropy_gradient", probabilities, targets, 0.3):
        assert_within(found, gradient, 110 * eps * size, "gradient")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_of_zero_and_one_are_clipped(dtype):
    probabilities, targets = np.array([[0, 1, 0, 1]], dtype), np.array([[1, 0, 0, 1]], dtype)
    low, high = dtype(1e-7), dtype(1 - 1e-7)
    expected = -(np.log(low) + np.log(1 - high) + np.log(1 - low) + np.log(high)) / 4
    for engine in ENGINES:
        np.testing.assert_allclose(engine.binary_cross_entropy(probabilities, targets), [expected], rtol=1e-6)
        assert (engine.binary_cross_entropy_gradient(probabilities, targets, 1.0) == 0).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["sigmoid_cross_entropy", "binary_cross_entropy", "mean_squared_error"])
def test_nan_stays_nan(dtype, name):
    outputs, targets = np.array([[0.5, np.nan], [0.5, 0.5]], dtype), np.full((2, 2), 0.5, dtype)
    for engine in ENGINES:
        losses = getattr(engine, name)(outputs, targets)
        losses = losses[0] if isinstance(losses, tuple) else losses
        assert np.isnan(losses).tolist() == [True, False]


@some
@given(st.integers(1, 20_000), DTYPES, SEEDS, LAYOUTS)
def test_sums_and_penalty_gradients_match_reference(size, dtype, seed, layout):
    rng = np.random.default_rng(seed)
    gradient, x = (random_array(rng, (size, 3), dtype, layout) for _ in range(2))
    x[::7] = 0
    exact = [array.astype(np.float64) for array in (gradient, x)]
    eps = np.finfo(np.float64).eps
    for name in ("absolute_sum", "squared_sum"):
        wanted = getattr(reference, name)(exact[1])
        for (found,) in results(name, x):
            assert isinstance(found, float)
            assert_within(np.array(found), np.array(wanted), 3 * size * eps * wanted, name)
    wanted = reference.add_penalty_gradient(*exact, 0.1, 0.2)
    bound = 4 * np.finfo(dtype).eps * (abs(exact[0]) + 0.1 + 0.4 * abs(exact[1]))
    for (found,) in results("add_penalty_gradient", gradient, x, 0.1, 0.2):
        assert found.dtype == dtype
        assert_within(found, wanted, bound, "gradient")
    for engine in ENGINES:
        assert (engine.add_penalty_gradient(np.zeros_like(x), x, 0.1, 0.0)[x == 0] == 0).all()


def test_squares_of_float32_neither_overflow_nor_vanish():
    for engine in ENGINES:
        assert engine.squared_sum(np.full(3, 1e30, np.float32)) == pytest.approx(3e60, rel=1e-6)
        assert engine.squared_sum(np.full(3, 1e-30, np.float32)) == pytest.approx(3e-60, rel=1e-6)


def test_arrays_without_elements_have_the_sum_zero():
    for engine in (kernels, reference):
        assert engine.squared_sum(np.zeros((0, 3))) == engine.absolute_sum(np.zeros((0, 3))) == 0
