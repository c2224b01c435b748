"""Properties of the rows of a matrix are found in one pass, and nothing beside the results is written."""

import numba
import numpy as np
import pytest

from scratchcnn.kernels.simd.row_properties import row_properties

START, FOUND_START, BEYOND = 80, 5, 70


@numba.njit
def fill_properties(x, start, rows, columns, reference, nonzero, differing, found_start, largest, at):
    row_properties(x, start, rows, columns, reference, nonzero, differing, found_start, largest, at)


def properties(matrix, reference):
    """Return which rows are nonzero, which differ from the reference, and the largest magnitude."""
    rows, columns = matrix.shape
    x = np.concatenate([reference, np.ones(START - columns), matrix.reshape(-1), np.ones(BEYOND)]).astype(matrix.dtype)
    nonzero, differing = np.full((2, FOUND_START + rows + BEYOND), 7, np.int8)
    largest = np.full(3, 7, matrix.dtype)
    fill_properties(x, START, rows, columns, 0, nonzero, differing, FOUND_START, largest, 1)
    for found in (nonzero, differing):
        assert (found[:FOUND_START] == 7).all()
        assert (found[FOUND_START + rows :] == 7).all()
    assert largest[0] == largest[2] == 7
    return nonzero[FOUND_START:][:rows], differing[FOUND_START:][:rows], largest[1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [0, 1, 9])
@pytest.mark.parametrize("columns", [1, 7, 8, 16, 37, 64, 67])
def test_a_row_is_found_by_any_one_of_its_elements(rng, columns, rows, dtype):
    for element in range(columns):
        for number in (np.nan, -np.inf, np.finfo(dtype).smallest_subnormal, -2.0):
            matrix = np.where(rng.random((rows, columns)) < 0.5, 0.0, -0.0).astype(dtype)
            chosen = rng.random(rows) < 0.5
            matrix[chosen, element] = number
            nonzero, _, largest = properties(matrix, np.zeros(columns, dtype))
            np.testing.assert_array_equal(nonzero, np.where(chosen, -1, 0))
            np.testing.assert_array_equal(largest, abs(number) if chosen.any() else 0)
            reference = rng.standard_normal(columns).astype(dtype)
            matrix[:] = reference
            matrix[chosen, element] = number
            _, differing, _ = properties(matrix, reference)
            np.testing.assert_array_equal(differing, np.where(chosen, -1, 0))
