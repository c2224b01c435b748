"""resize and scale_to: bilinear interpolation when enlarging, anti-aliasing when shrinking."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.preprocessing.grey import resize, scale_to

LENGTHS = st.integers(1, 40)


@given(LENGTHS, LENGTHS, LENGTHS, LENGTHS, st.integers(0, 2**32 - 1))
def test_pixels_stay_within_the_range_of_the_image(height, width, new_height, new_width, seed):
    image = np.random.default_rng(seed).random((height, width), np.float32)
    resized = resize(image, new_height, new_width)
    assert resized.shape == (new_height, new_width)
    assert resized.dtype == np.float32
    rounding = 2 * np.finfo(np.float32).eps  # one rounding along each axis of weights that sum to 1
    assert image.min() - rounding <= resized.min() <= resized.max() <= image.max() + rounding


@given(LENGTHS, LENGTHS, LENGTHS, LENGTHS, st.integers(0, 2**32 - 1))
def test_resizing_is_a_separable_triangle_filter(height, width, new_height, new_width, seed):
    def weights(before, after):
        step = before / after
        distances = np.abs(np.arange(before) + 0.5 - (np.arange(after)[:, None] + 0.5) * step)
        triangle = np.maximum(0, 1 - distances / max(step, 1))
        return triangle / triangle.sum(axis=1, keepdims=True)

    image = np.random.default_rng(seed).random((height, width), np.float32)
    expected = weights(height, new_height) @ image @ weights(width, new_width).T
    # Each axis rounds once to float32, relative to values below 1.
    np.testing.assert_allclose(resize(image, new_height, new_width), expected, rtol=0, atol=2.0**-23)


def test_enlarging_interpolates_linearly_and_shrinking_averages():
    ramp = np.tile(np.arange(4, dtype=np.float32), (3, 1))
    np.testing.assert_allclose(resize(ramp, 3, 8)[0], [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3], atol=1e-6)
    checkerboard = np.indices((64, 64)).sum(axis=0).astype(np.float32) % 2
    np.testing.assert_allclose(resize(checkerboard, 8, 8)[1:-1, 1:-1], 0.5, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "size", "expected"), [((40, 20), 10, (10, 5)), ((3, 1000), 48, (1, 48)), ((7, 7), 160, (160, 160))]
)
def test_scale_to_keeps_the_proportions(shape, size, expected):
    assert scale_to(np.zeros(shape, np.float32), size).shape == expected
