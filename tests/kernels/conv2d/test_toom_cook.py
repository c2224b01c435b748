"""Winograd's transforms compute exactly the convolution, and are those of the literature."""

from fractions import Fraction

import numpy as np
import pytest

from scratchcnn.kernels.conv2d.toom_cook import transforms, transpose
from scratchcnn.kernels.conv2d.winograd_tiles import F2, F4


@pytest.mark.parametrize("points", [[0, 1, -1], [0, 1, -1, 2, -2], [0, 1, -1, Fraction(1, 2), -2], [5, -7, 0, 3]])
def test_a_convolution_is_three_transforms_and_a_product(rng, points):
    matrices = transforms(points)
    output, kernel, patch = map(np.array, matrices)
    d, g = rng.integers(-9, 10, len(patch)), rng.integers(-9, 10, 3)
    wanted = [d[i : i + 3] @ g for i in range(len(output))]
    np.testing.assert_allclose(output @ ((kernel @ g) * (patch @ d)), wanted, rtol=0, atol=1e-9)


def test_f2_is_the_one_of_lavin_and_gray():
    # arXiv 1509.09308, equation 6; there the second and third row of Bᵀ, and the last, have the other sign.
    np.testing.assert_array_equal(F2.output, [[1, 1, 1, 0], [0, 1, -1, 1]])
    np.testing.assert_array_equal(np.abs(F2.kernel), [[1, 0, 0], [0.5] * 3, [0.5] * 3, [0, 0, 1]])
    np.testing.assert_array_equal(np.abs(F2.patch), [[1, 0, 1, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 1, 0, 1]])


def test_all_but_the_kernel_transform_is_exact_in_float32():
    for matrices in (F2, F4):
        for matrix in (matrices.output, matrices.patch):
            np.testing.assert_array_equal(np.float32(matrix), matrix)


def test_transpose_turns_rows_into_columns():
    assert transpose(((1.0, 2.0), (3.0, 4.0), (5.0, 6.0))) == ((1.0, 3.0, 5.0), (2.0, 4.0, 6.0))
