"""Cached tables of offsets are read-only; and sums over groups."""

import numpy as np
import pytest

from scratchcnn.geometry import image_windows
from scratchcnn.kernels.conv2d.implicit_gemm import image_phases, pixel_offsets
from scratchcnn.kernels.conv2d.sparse_gradients import window_offsets
from scratchcnn.kernels.im2col import corner_offsets, element_offsets
from scratchcnn.kernels.runtime.groups import sum_of_groups

WINDOWS = image_windows((9, 7), (3, 2), (2, 1), "same", (1, 2))
POOL = image_windows((5, 7), (2, 2), (2, 2), "valid")


@pytest.mark.parametrize(
    "tables",
    [
        lambda: [corner_offsets(WINDOWS, 3), element_offsets(WINDOWS, 3)],
        lambda: [pixel_offsets(35, 4)],
        lambda: [table for phase in image_phases(WINDOWS, 3, 4)[0] for table in (*phase.taps, *phase[1:])],
        lambda: [window_offsets(POOL, image_windows((9, 7), (5, 1), (1, 1), "valid"), 3)],
    ],
    ids=["im2col", "pixels", "phases", "pooling"],
)
def test_table_is_cached_and_read_only(tables):
    for table, again in zip(tables(), tables(), strict=True):
        assert table is again
        with pytest.raises(ValueError, match="read-only"):
            table[...] = 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 5), (3, 2), (16, 9, 32), (16, 18_432), (7, 5000), (0, 4)])
def test_groups_are_summed_in_order(shape, dtype):
    numbers = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    total = np.zeros(shape[1:], dtype)
    for group in numbers:
        total += group
    np.testing.assert_array_equal(sum_of_groups(numbers), total)
