"""Convolution and its gradients, compared with the reference: geometry, memory layouts, dtypes, non-finite values."""

import numpy as np
import pytest
from comparing import (
    DTYPES,
    ENGINES,
    LAYOUTS,
    ODD_PIXEL,
    ONE_PIXEL,
    ONE_PIXEL_UNDER_A_LARGE_WINDOW,
    SEEDS,
    check_sums,
    output_size,
    plain,
    random_array,
    run,
    sliced,
    transposed,
    windows_over_images,
    with_non_finite,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

few = settings(max_examples=75)
some = settings(max_examples=150)


@some
@given(
    windows_over_images(),
    st.integers(1, 40), st.integers(1, 9), st.integers(1, 70), st.booleans(), DTYPES, SEEDS, LAYOUTS, LAYOUTS,
)  # fmt: skip
@example(ONE_PIXEL, 1, 1, 1, True, np.float32, 0, plain, plain)
@example(ONE_PIXEL_UNDER_A_LARGE_WINDOW, 2, 3, 17, False, np.float64, 0, plain, plain)
@example(ODD_PIXEL, 33, 9, 64, True, np.float32, 0, transposed, sliced)
def test_convolution_and_gradients_match_reference_for_any_geometry(
    rounding_bound, geometry, images, channels, filters, has_bias, dtype, seed, layout, other_layout
):
    size, window, *rest = geometry
    rng = np.random.default_rng(seed)
    x = random_array(rng, (images, *size, channels), dtype, layout)
    kernel = random_array(rng, (*window, channels, filters), dtype, other_layout)
    bias = random_array(rng, filters, dtype, layout) if has_bias else None
    dy = random_array(rng, (images, *output_size(geometry), filters), dtype, other_layout)
    area = window[0] * window[1]
    check_sums(rounding_bound, "conv2d", [x, kernel, bias, *rest], area * channels)
    outputs = images * dy.shape[1] * dy.shape[2]
    check_sums(rounding_bound, "conv2d_kernel_gradient", [dy, x, window, *rest], outputs)
    check_sums(rounding_bound, "conv2d_input_gradient", [dy, kernel, x.shape, *rest], area * filters)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_convolution_matches_reference_when_sums_are_split_into_blocks(rounding_bound, rng, dtype):
    x, kernel = (
        random_array(rng, (2, 6, 7, 210), dtype),
        random_array(rng, (5, 5, 210, 3), dtype),
    )  # 5250 terms per output
    check_sums(rounding_bound, "conv2d", [x, kernel, None], 5250)
    x, dy = random_array(rng, (3, 70, 71, 2), dtype), random_array(rng, (3, 69, 70, 5), dtype)  # 4830 pixels per image
    check_sums(rounding_bound, "conv2d_kernel_gradient", [dy, x, (2, 2)], 3 * 4830)
    x, dy = random_array(rng, (60, 9, 11, 4), dtype), random_array(rng, (60, 5, 6, 130), dtype)  # one sum per batch
    check_sums(rounding_bound, "conv2d_kernel_gradient", [dy, x, (3, 3), (2, 2), "same"], 60 * 30)
    dy, kernel = random_array(rng, (2, 2, 3, 1100), dtype), random_array(rng, (2, 2, 3, 1100), dtype)
    check_sums(rounding_bound, "conv2d_input_gradient", [dy, kernel, (2, 3, 4, 3)], 4400)


@few
@given(windows_over_images(), st.integers(1, 5), st.integers(1, 4), st.integers(1, 20), DTYPES, SEEDS)
def test_non_finite_values_propagate_through_convolution(
    rounding_bound, geometry, images, channels, filters, dtype, seed
):
    size, window, *rest = geometry
    rng = np.random.default_rng(seed)
    # No zeros: whether 0 * NaN stays NaN is tested in tests/reference/test_reference_conv2d.py.
    shapes = [(images, *size, channels), (*window, channels, filters), (images, *output_size(geometry), filters)]
    x, kernel, dy = (random_array(rng, shape, dtype, zeros=0) for shape in shapes)
    terms = max(dy[..., 0].size, window[0] * window[1] * max(channels, filters))
    for broken_x, broken_kernel in [(with_non_finite(rng, x), kernel), (x, with_non_finite(rng, kernel))]:
        check_sums(rounding_bound, "conv2d", [broken_x, broken_kernel, None, *rest], terms)
    for broken_dy, broken_x in [(with_non_finite(rng, dy), x), (dy, with_non_finite(rng, x))]:
        check_sums(rounding_bound, "conv2d_kernel_gradient", [broken_dy, broken_x, window, *rest], terms)
    check_sums(rounding_bound, "conv2d_input_gradient", [with_non_finite(rng, dy), kernel, x.shape, *rest], terms)


@few
@given(windows_over_images(), SEEDS, DTYPES)
def test_non_finite_kernel_values_propagate_to_input_gradient(geometry, seed, dtype):
    size, window, *rest = geometry
    rng = np.random.default_rng(seed)
    kernel = with_non_finite(rng, random_array(rng, (*window, 2, 3), dtype), 0.1)
    dy = random_array(rng, (2, *output_size(geometry), 3), dtype)
    with np.errstate(all="ignore"):
        exact, found = (run(engine, "conv2d_input_gradient", [dy, kernel, (2, *size, 2), *rest]) for engine in ENGINES)
    assert not np.isfinite(found[~np.isfinite(exact)]).any()
