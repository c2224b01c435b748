"""Rows with a nonzero element are found, and nothing beside their results is written."""

import numba
import numpy as np
import pytest

from scratchcnn.kernels.simd.nonzero_rows import nonzero_rows

START, FOUND_START, BEYOND = 11, 5, 70


@numba.njit
def found_in(x, start, rows, columns, found, found_start):
    nonzero_rows(x, start, rows, columns, found, found_start)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [0, 1, 9])
@pytest.mark.parametrize("columns", [1, 7, 8, 16, 37, 64, 67])
def test_a_row_is_found_by_any_one_of_its_elements(rng, columns, rows, dtype):
    for element in range(columns):
        for number in (np.nan, -np.inf, np.finfo(dtype).smallest_subnormal, -2.0):
            matrix = np.where(rng.random((rows, columns)) < 0.5, 0.0, -0.0).astype(dtype)
            nonzero = rng.random(rows) < 0.5
            matrix[nonzero, element] = number
            x = np.concatenate([np.ones(START), matrix.reshape(-1), np.ones(BEYOND)]).astype(dtype)
            found = np.full(FOUND_START + rows + BEYOND, 7, np.int8)
            found_in(x, START, rows, columns, found, FOUND_START)
            np.testing.assert_array_equal(found[FOUND_START:][:rows], np.where(nonzero, -1, 0))
            assert (found[:FOUND_START] == 7).all()
            assert (found[FOUND_START + rows :] == 7).all()
