"""Columns are compressed to their nonzero elements, against NumPy; NaN is nonzero and -0.0 is zero."""

import numpy as np
import pytest

from scratchcnn.kernels.simd.compress import CompressedColumns, compress_columns
from scratchcnn.kernels.simd.vectors import VECTOR_BYTES

CLASSES = 4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("zeros", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("rows", [1, 16, 21])
@pytest.mark.parametrize("columns", [1, 8, 35])
def test_columns_keep_their_nonzero_elements_in_order(rng, columns, rows, zeros, dtype):
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    size, width = -(-rows // lanes) * lanes, -(-columns // lanes) * lanes
    matrix = rng.choice([np.nan, -np.inf, 1.5, np.finfo(dtype).tiny], (rows, columns)).astype(dtype)
    matrix[rng.random(matrix.shape) < zeros] = rng.choice([0.0, -0.0])
    classes = rng.integers(0, CLASSES, matrix.shape, np.uint8)
    beyond = (size + 1) * width - matrix.size
    values, classes_in_room = np.append(matrix, np.ones(beyond, dtype)), np.append(classes, np.zeros(beyond, np.uint8))
    room = width * size
    found = CompressedColumns(np.empty(room, dtype), np.empty(room, np.uint32), np.empty(width, np.int64), size)
    compress_columns(values, classes_in_room, rows, columns, CLASSES, found)
    for column in range(columns):
        nonzero = np.flatnonzero(matrix[:, column] != 0)
        assert found.counts[column] == len(nonzero)
        inside = slice(column * size, column * size + len(nonzero))
        np.testing.assert_array_equal(found.values[inside], matrix[nonzero, column])
        np.testing.assert_array_equal(found.indices[inside], nonzero * CLASSES + classes[nonzero, column])
