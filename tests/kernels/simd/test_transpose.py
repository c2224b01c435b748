"""A block is transposed, and nothing beside it is written."""

import numba
import numpy as np
import pytest

from scratchcnn.kernels.simd.transpose import transpose_block
from scratchcnn.kernels.simd.vectors import VECTOR_BYTES


@numba.njit
def transposed(source, source_start, source_stride, target, target_start, target_stride):
    transpose_block(source, source_start, source_stride, target, target_start, target_stride)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_block_is_transposed_and_nothing_beside_it_is_written(dtype):
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    for source_stride, target_stride in ((lanes, lanes), (lanes + 3, lanes + 1), (5 * lanes, 2 * lanes)):
        source = np.arange(7 + lanes * source_stride, dtype=dtype)
        target = np.full(5 + lanes * target_stride, np.nan, dtype)
        transposed(source, 7, source_stride, target, 5, target_stride)
        block = source[7:].reshape(lanes, source_stride)[:, :lanes]
        rows = target[5:].reshape(lanes, target_stride)
        np.testing.assert_array_equal(rows[:, :lanes], block.T)
        assert np.isnan(target[:5]).all()
        assert np.isnan(rows[:, lanes:]).all()
