"""Images are interleaved, with zeros in lanes without an image, and separated; nothing beside them is written."""

import numba
import numpy as np
import pytest

from scratchcnn.kernels.simd.interleave import interleave, separate
from scratchcnn.kernels.simd.vectors import VECTOR_BYTES

GAP = 5  # elements between two images that are not moved


@numba.njit
def interleaved(images, start, size, count, lanes, lane_start, length, like):
    interleave(images, start, size, count, lanes, lane_start, length, like)


@numba.njit
def separated(images, start, size, count, lanes, lane_start, length, like):
    separate(images, start, size, count, lanes, lane_start, length, like)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("moved", [None, np.uint8, np.uint16], ids=["numbers", "uint8", "uint16"])
def test_images_are_interleaved_and_separated(rng, dtype, moved):
    width = VECTOR_BYTES // np.dtype(dtype).itemsize
    kind, like = np.dtype(moved or dtype), np.zeros(1, dtype)
    for count in range(1, width + 1):
        for length in (1, width - 1, width, width + 1, 3 * width + 2):
            images = rng.integers(1, 100, (count, length + GAP)).astype(kind)
            lanes = np.full(7 + (length + 1) * width, 200, kind)
            interleaved(images.reshape(-1), 2, length + GAP, count, lanes, 7, length, like)
            found = lanes[7:].reshape(length + 1, width)
            np.testing.assert_array_equal(found[:-1, :count], images[:, 2 : length + 2].T)
            assert (found[:-1, count:] == 0).all()
            assert (lanes[:7] == 200).all()
            assert (found[-1] == 200).all()

            back = np.full_like(images, 200)
            separated(back.reshape(-1), 2, length + GAP, count, lanes, 7, length, like)
            np.testing.assert_array_equal(back[:, 2 : length + 2], images[:, 2 : length + 2])
            assert (back[:, :2] == 200).all()
            assert (back[:, length + 2 :] == 200).all()
