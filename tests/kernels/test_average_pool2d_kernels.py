"""Average pooling, zero padding and their gradients, compared with the reference: geometry, channels, NaN."""

import numpy as np
from comparing import (
    DTYPES,
    LAYOUTS,
    ODD_PIXEL,
    ONE_PIXEL,
    ONE_PIXEL_UNDER_A_LARGE_WINDOW,
    SEEDS,
    check_equal,
    check_sums,
    plain,
    random_array,
    windows_over_images,
    with_non_finite,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scratchcnn import kernels, reference

some = settings(max_examples=150)
# Below, at and above the width of every vector register, and no multiple of it
CHANNELS = st.sampled_from([1, 2, 3, 4, 6, 8, 15, 16, 17, 31, 32, 33, 48, 70])


@some
@given(windows_over_images(largest_dilation=1), st.integers(1, 40), CHANNELS, DTYPES, SEEDS, LAYOUTS)
@example(ONE_PIXEL, 1, 1, np.float32, 0, plain)
@example(ONE_PIXEL_UNDER_A_LARGE_WINDOW, 2, 3, np.float32, 0, plain)
@example(ODD_PIXEL, 2, 6, np.float32, 0, plain)
@example(((17, 19), (17, 19), (17, 19), "valid", (1, 1)), 2, 5, np.float32, 0, plain)  # global
@example(((9, 8), (2, 2), (5, 7), "same", (1, 1)), 2, 3, np.float64, 0, plain)  # pixels in no window
def test_average_pooling_and_its_gradient_match_reference_for_any_geometry(
    rounding_bound, geometry, images, channels, dtype, seed, layout
):
    size, window, strides, padding, _ = geometry
    rng = np.random.default_rng(seed)
    shape, area = (images, *size, channels), window[0] * window[1]
    check_sums(
        rounding_bound, "average_pool2d", [random_array(rng, shape, dtype, layout), window, strides, padding], area
    )
    dy = random_array(rng, reference.average_pool2d(np.zeros(shape), window, strides, padding).shape, dtype, layout)
    check_sums(rounding_bound, "average_pool2d_gradient", [dy, shape, window, strides, padding], area)


@some
@given(windows_over_images(largest_dilation=1), CHANNELS, DTYPES, SEEDS)
def test_non_finite_values_reach_their_windows_only(rounding_bound, geometry, channels, dtype, seed):
    size, window, strides, padding, _ = geometry
    rng = np.random.default_rng(seed)
    x = with_non_finite(rng, random_array(rng, (2, *size, channels), dtype))
    check_sums(rounding_bound, "average_pool2d", [x, window, strides, padding], window[0] * window[1])
    y = kernels.average_pool2d(x, window, strides, padding)
    dy = with_non_finite(rng, random_array(rng, y.shape, dtype))
    arguments = [dy, x.shape, window, strides, padding]
    check_sums(rounding_bound, "average_pool2d_gradient", arguments, window[0] * window[1])


@some
@given(windows_over_images(largest_dilation=1), CHANNELS, SEEDS)
def test_gradient_is_the_transpose_of_the_forward_pass(geometry, channels, seed):
    """The sum of y * dy is that of x * dx: exactly, for integers that are divided by 1, 2 or 4."""
    size, window, strides, padding, _ = geometry
    window = min(window[0], 2), min(window[1], 2)
    rng = np.random.default_rng(seed)
    x = rng.integers(-9, 10, (2, *size, channels)).astype(np.float64)
    y = kernels.average_pool2d(x, window, strides, padding)
    dy = rng.integers(-9, 10, y.shape).astype(np.float64)
    assert (y * dy).sum() == (x * kernels.average_pool2d_gradient(dy, x.shape, window, strides, padding)).sum()


@some
@given(
    st.integers(0, 4), st.integers(1, 6), st.integers(1, 6), CHANNELS, DTYPES, SEEDS, LAYOUTS,
    st.tuples(st.tuples(*[st.integers(0, 4)] * 2), st.tuples(*[st.integers(0, 4)] * 2)),
)  # fmt: skip
@example(40, 12, 12, 16, np.float32, 0, plain, ((1, 1), (1, 1)))  # large enough for several threads
def test_zero_padding_and_its_gradient_equal_reference(images, height, width, channels, dtype, seed, layout, padding):
    rng = np.random.default_rng(seed)
    x = with_non_finite(rng, random_array(rng, (images, height, width, channels), dtype, layout))
    check_equal("zero_pad2d", [x, padding])
    dy = random_array(rng, kernels.zero_pad2d(x, padding).shape, dtype, layout)
    check_equal("zero_pad2d_gradient", [dy, padding])
