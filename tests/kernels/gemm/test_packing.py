"""Packed panels contain every element of the matrix, padded to whole vectors; nothing is written beside them."""

import numpy as np
import pytest

from scratchcnn.kernels.gemm.matmul import pack, pack_panel, pack_transposed_panel, padded_width, panel_width
from scratchcnn.kernels.simd.vectors import VECTOR_BYTES


def panel_of(matrix, first):
    """Columns of a matrix from `first` on, as many as a panel has, padded with zeros to whole vectors."""
    itemsize = matrix.itemsize
    width = min(panel_width(itemsize), padded_width(matrix.shape[1], itemsize) - first)
    columns = matrix[:, first : first + width]
    return np.pad(columns, [(0, 0), (0, width - columns.shape[1])])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("extra_rows", [-1, 0, 1, 3])
@pytest.mark.parametrize("extra_columns", [-1, 0, 1, 5])
def test_panel_is_the_same_from_row_major_and_column_major_matrices(rng, extra_rows, extra_columns, dtype):
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    for vectors_down in (0, 1, 3):
        for vectors_across in (0, 1, 2, 4, 9):
            rows, columns = vectors_down * lanes + extra_rows, vectors_across * lanes + extra_columns
            if min(rows, columns) < 1:
                continue
            matrix = rng.standard_normal((rows, columns)).astype(dtype)
            for first in range(0, columns, panel_width(matrix.itemsize)):
                wanted = panel_of(matrix, first)
                for packs, numbers in ((pack_panel, matrix), (pack_transposed_panel, matrix.T)):
                    panel = np.full(wanted.size + 70, np.nan, dtype)
                    packs(np.ascontiguousarray(numbers).reshape(-1), rows, columns, first, panel)
                    np.testing.assert_array_equal(panel[: wanted.size].reshape(wanted.shape), wanted)
                    assert np.isnan(panel[wanted.size :]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_panels_are_contiguous(rng, dtype):
    matrix = rng.standard_normal((5, 2 * panel_width(np.dtype(dtype).itemsize) + 3)).astype(dtype)
    panels = np.full(5 * padded_width(matrix.shape[1], matrix.itemsize) + 9, np.nan, dtype)
    pack(matrix.reshape(-1), *matrix.shape, panels)
    firsts = range(0, matrix.shape[1], panel_width(matrix.itemsize))
    wanted = np.concatenate([panel_of(matrix, first).reshape(-1) for first in firsts])
    np.testing.assert_array_equal(panels[:-9], wanted)
    assert np.isnan(panels[-9:]).all()
