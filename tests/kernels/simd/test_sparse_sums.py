"""Sums over scaled patches, against NumPy on integers, which are exact: every element of every array."""

import numpy as np
import pytest

from scratchcnn.kernels.simd.compress import CompressedColumns
from scratchcnn.kernels.simd.sparse_sums import Patches, add_to_patches, sum_patches
from scratchcnn.kernels.simd.vectors import VECTOR_BYTES

PATCH_START, COUNT, SIZE = 9, 3, 8


def case(rng, rows, vectors, count, dtype):
    """Columns of up to `count` values, offsets that overlap, rows with gaps, and elements all around."""
    length = vectors * VECTOR_BYTES // np.dtype(dtype).itemsize
    row_stride = length + 13
    g = rng.integers(-4, 5, COUNT * SIZE).astype(dtype)
    o = rng.integers(0, 2 * length, g.size).astype(np.uint32)
    x = rng.integers(-9, 10, 2 * length + rows * row_stride + 50).astype(dtype)
    patches = rng.integers(-9, 10, PATCH_START + COUNT * rows * length + 50).astype(dtype)
    counts = np.array([count, 0, max(0, count - 1)])
    return g, o, counts, x, patches, row_stride, length


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [0, 1, 6])
@pytest.mark.parametrize("rows", range(1, 8))
def test_patches_are_summed_and_added_to_for_any_number_of_rows(rng, rows, count, dtype):
    for vectors in (1, 2, 3, 6, 7, 9, 14):
        g, o, counts, x, patches, row_stride, length = case(rng, rows, vectors, count, dtype)
        summed, added = patches.copy(), x.copy()
        for i in range(COUNT):
            first = PATCH_START + i * rows * length
            inside = slice(first, first + rows * length)
            for j in range(i * SIZE, i * SIZE + counts[i]):
                places = int(o[j]) + np.arange(rows)[:, None] * row_stride + np.arange(length)  # (rows, length)
                summed[inside] += g[j] * x[places].reshape(-1)
                added[places] += g[j] * patches[inside].reshape(rows, length)

        found = patches.copy()
        columns = CompressedColumns(g, o, counts, SIZE)
        sum_patches(columns, COUNT, x, row_stride, Patches(found, PATCH_START, rows, length))
        np.testing.assert_array_equal(found, summed)
        found = x.copy()
        add_to_patches(columns, COUNT, found, row_stride, Patches(patches, PATCH_START, rows, length))
        np.testing.assert_array_equal(found, added)
