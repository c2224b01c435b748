"""Gradient rows are masked by the ReLU as in the formula and added to the sums; nothing beside them is written."""

import numba
import numpy as np
import pytest

from scratchcnn import reference
from scratchcnn.kernels.simd.masked_rows import mask_rows

START, BEYOND = 11, 70


@numba.njit
def masked(dy, y, has_relu, start, rows, columns, dx, sums):
    mask_rows(dy, y, has_relu, start, rows, columns, dx, sums)


def whole_numbers(rng, count, dtype):
    """Integers, whose sums are exact in any order."""
    return rng.integers(-9, 10, count).astype(dtype)


def embedded(inner, dtype):
    return np.concatenate([np.full(START, np.nan), inner.reshape(-1), np.full(BEYOND, np.nan)]).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [0, 1, 2, 9])
@pytest.mark.parametrize("columns", [1, 7, 8, 16, 37, 64, 67])
def test_rows_are_masked_and_summed_and_nothing_beside_them_is_written(rng, columns, rows, dtype):
    dy, y = (whole_numbers(rng, (rows, columns), dtype) for _ in range(2))
    for has_relu, dz in ((1, reference.relu_gradient(dy, y)), (0, dy)):
        dx = np.full(rows * columns + BEYOND, np.nan, dtype)
        before = whole_numbers(rng, columns + BEYOND, np.float64)
        sums = before.copy()
        masked(embedded(dy, dtype), embedded(y, dtype), has_relu, START, rows, columns, dx, sums)
        np.testing.assert_array_equal(dx[: rows * columns].reshape(rows, columns), dz)
        assert np.isnan(dx[rows * columns :]).all()
        np.testing.assert_array_equal(sums[:columns], before[:columns] + dz.sum(axis=0, dtype=np.float64))
        np.testing.assert_array_equal(sums[columns:], before[columns:])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("columns", [5, 32])  # one element at a time, and a vector
def test_non_finite_gradient_passes_exactly_where_the_output_is_positive(columns, dtype):
    y = np.array([np.nan, -np.inf, -0.0, 0.0, np.finfo(dtype).tiny, np.inf], dtype)
    passes = np.array([False, False, False, False, True, True])
    for number in (np.nan, np.inf):
        dy = np.full((len(y), columns), number, dtype)
        outputs = np.repeat(y[:, None], columns, axis=1)
        dx, sums = np.zeros(dy.size, dtype), np.zeros(columns)
        masked(dy.reshape(-1), outputs.reshape(-1), 1, 0, len(y), columns, dx, sums)
        np.testing.assert_array_equal(dx.reshape(dy.shape), np.where(passes[:, None], dy, 0))
        np.testing.assert_array_equal(sums, np.full(columns, number))


def test_sums_are_in_float64():
    dy = np.full((1000, 20), 2.0**-6, np.float32)
    dy[0] = 2.0**20
    dx, sums = np.zeros(dy.size, np.float32), np.zeros(20)
    masked(dy.reshape(-1), dy.reshape(-1), 1, 0, *dy.shape, dx, sums)
    np.testing.assert_array_equal(sums, np.full(20, 2.0**20 + 999 * 2.0**-6))
