"""Max pooling and its gradient, compared with the reference: geometry, ties, infinities and NaN."""

import numpy as np
from comparing import (
    DTYPES,
    ENGINES,
    LAYOUTS,
    ODD_PIXEL,
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


@some
@given(windows_over_images(largest_dilation=1), st.integers(1, 40), st.integers(1, 35), DTYPES, SEEDS, LAYOUTS)
@example(ONE_PIXEL_UNDER_A_LARGE_WINDOW, 2, 3, np.float32, 0, plain)
@example(((17, 19), (17, 16), (1, 1), "valid", (1, 1)), 2, 3, np.float32, 0, plain)  # winners above 255
@example(((9, 8), (18, 15), (2, 3), "same", (1, 1)), 2, 3, np.float64, 0, plain)
def test_max_pooling_equals_and_its_gradient_matches_reference_for_any_geometry(
    rounding_bound, geometry, images, channels, dtype, seed, layout
):
    size, window, strides, padding, _ = geometry
    rng = np.random.default_rng(seed)
    x = random_array(rng, (images, *size, channels), dtype, layout)
    check_equal("max_pool2d", [x, window, strides, padding])
    y, winners = kernels.max_pool2d(x, window, strides, padding)
    dy = random_array(rng, y.shape, dtype, layout)
    arguments = [dy, layout(winners), x.shape, window, strides, padding]
    check_sums(rounding_bound, "max_pool2d_gradient", arguments, window[0] * window[1])


@some
@given(
    windows_over_images(largest_dilation=1), st.integers(1, 20), DTYPES, SEEDS,
    st.lists(
        st.sampled_from([-np.inf, np.inf, np.nan, -3.0, -1.0, -0.0, 0.0, 2.0]), min_size=1, max_size=4, unique_by=repr
    ),
)  # fmt: skip
@example(ODD_PIXEL, 17, np.float32, 0, [-np.inf])
@example(ODD_PIXEL, 17, np.float32, 0, [-np.inf, np.nan])
@example(ODD_PIXEL, 17, np.float64, 0, [-3.0, -1.0])
def test_max_pooling_equals_reference_for_ties_infinities_and_nan(geometry, channels, dtype, seed, values):
    size, window, strides, padding, _ = geometry
    x = np.random.default_rng(seed).choice(np.array(values, dtype), (3, *size, channels))
    check_equal("max_pool2d", [x, window, strides, padding])


@some
@given(windows_over_images(largest_dilation=1), st.integers(1, 4), SEEDS)
def test_max_of_window_is_nan_exactly_if_window_contains_nan(geometry, channels, seed):
    size, window, strides, padding, _ = geometry
    x = with_non_finite(np.random.default_rng(seed), np.zeros((2, *size, channels), np.float32), 0.2)
    contains_nan = reference.max_pool2d(np.isnan(x).astype(np.float32), window, strides, padding)[0] == 1
    for engine in ENGINES:
        np.testing.assert_array_equal(np.isnan(engine.max_pool2d(x, window, strides, padding)[0]), contains_nan)
