"""Strided rows are copied, masked if asked for, and nothing beside them is written."""

import numba
import numpy as np
import pytest

from scratchcnn.kernels.simd.copy_rows import copy_masked_rows, copy_rows

START, TARGET_START, BEYOND = 3, 7, 5


@numba.njit
def copied(source, source_start, source_stride, target, target_start, target_stride, rows, columns):
    copy_rows(source, source_start, source_stride, target, target_start, target_stride, rows, columns)


@numba.njit
def copied_where_positive(source, source_start, source_stride, target, target_start, target_stride, rows, columns):
    copy_masked_rows(source, source_start, source_stride, target, target_start, target_stride, rows, columns, target)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("columns", [1, 7, 16, 37])
@pytest.mark.parametrize("repeated", [False, True])
def test_rows_are_copied_and_nothing_beside_them_is_written(rng, repeated, columns, dtype):
    rows, target_stride = 5, columns + 9
    source_stride = 0 if repeated else columns + 2
    source = rng.standard_normal(START + rows * (columns + 2)).astype(dtype)
    target = rng.choice([np.nan, -1.0, 0.0, 2.0], TARGET_START + rows * target_stride + BEYOND).astype(dtype)
    places = np.arange(rows)[:, None], np.arange(columns)
    values = source[START + places[0] * source_stride + places[1]]
    at = TARGET_START + places[0] * target_stride + places[1]
    for function, expected in ((copied, values), (copied_where_positive, np.where(target[at] > 0, values, 0))):
        found, wanted = target.copy(), target.copy()
        function(source, START, source_stride, found, TARGET_START, target_stride, rows, columns)
        wanted[at] = expected
        np.testing.assert_array_equal(found, wanted)
