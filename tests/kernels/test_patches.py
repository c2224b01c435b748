"""Sums over lists of patches, against NumPy on whole numbers, which are exact: every number of every array."""

import numpy as np
import pytest

from scratchcnn.kernels.patches import add_to_patches, sum_patches
from scratchcnn.kernels.vectorized import VECTOR_BYTES

FIRST, X_START, PATCH_START = 2, 5, 9


def case(rng, rows, vectors, count, dtype):
    """A list of `count` entries between others, offsets that overlap, rows with gaps, and numbers all around."""
    length = vectors * VECTOR_BYTES // np.dtype(dtype).itemsize
    row_stride = length + 13
    g = rng.integers(-4, 5, FIRST + count + 3).astype(dtype)
    o = rng.integers(0, 2 * length, g.size)
    x = rng.integers(-9, 10, X_START + 2 * length + rows * row_stride + 50).astype(dtype)
    patch = rng.integers(-9, 10, PATCH_START + rows * length + 50).astype(dtype)
    return g, o, x, patch, row_stride, length


def rows_at(o, rows, row_stride, length):
    """Where the numbers of the patch at an offset lie: (rows, length)."""
    return X_START + o + np.arange(rows)[:, None] * row_stride + np.arange(length)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [0, 1, 6])
@pytest.mark.parametrize("rows", range(1, 8))
def test_patches_are_summed_and_added_to_for_any_number_of_rows(rng, rows, count, dtype):
    for vectors in (1, 2, 3, 6, 7, 9, 14):
        g, o, x, patch, row_stride, length = case(rng, rows, vectors, count, dtype)
        inside = slice(PATCH_START, PATCH_START + rows * length)
        summed, added = patch.copy(), x.copy()
        for j in range(FIRST, FIRST + count):
            places = rows_at(o[j], rows, row_stride, length)
            summed[inside] += g[j] * x[places].reshape(-1)
            added[places] += g[j] * patch[inside].reshape(rows, length)

        found = patch.copy()
        sum_patches(g, o, FIRST, count, x, X_START, row_stride, found, PATCH_START, rows, length)
        np.testing.assert_array_equal(found, summed)
        found = x.copy()
        add_to_patches(g, o, FIRST, count, found, X_START, row_stride, patch, PATCH_START, rows, length)
        np.testing.assert_array_equal(found, added)
