"""Copying and filling write their slice and nothing beside it; aligned arrays begin at a cache line."""

import numpy as np
import pytest

from scratchcnn.kernels.runtime.copying import CACHE_LINE, copy, empty_aligned, fill


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [0, 1, 7, 16, 45])
def test_slice_is_written_and_nothing_beside_it(rng, count, dtype):
    source, before = rng.random(60).astype(dtype), rng.random(60).astype(dtype)
    target, wanted = before.copy(), before.copy()
    copy(source, 3, target, 11, count)
    wanted[11 : 11 + count] = source[3 : 3 + count]
    np.testing.assert_array_equal(target, wanted)
    fill(target, 13, count, 0)
    wanted[13 : 13 + count] = 0
    np.testing.assert_array_equal(target, wanted)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [0, 1, 16, 45, 100_000])
def test_aligned_array_begins_at_a_cache_line(size, dtype):
    arrays = [empty_aligned(size, np.dtype(dtype)) for _ in range(4)]
    for array in arrays:
        assert (array.shape, array.dtype) == ((size,), dtype)
        assert array.ctypes.data % CACHE_LINE == 0
