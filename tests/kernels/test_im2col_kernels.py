"""im2col and col2im, compared with the reference, with each other and with the convolution."""

import numpy as np
import pytest
from comparing import (
    DTYPES,
    ENGINES,
    LAYOUTS,
    ONE_PIXEL_UNDER_A_LARGE_WINDOW,
    SEEDS,
    check_equal,
    check_sums,
    plain,
    random_array,
    windows_over_images,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scratchcnn import reference

few = settings(max_examples=75)
some = settings(max_examples=150)


@some
@given(windows_over_images(), st.integers(1, 12), st.integers(1, 9), DTYPES, SEEDS, LAYOUTS)
@example(ONE_PIXEL_UNDER_A_LARGE_WINDOW, 2, 3, np.float64, 0, plain)
def test_im2col_equals_and_col2im_matches_reference(rounding_bound, geometry, images, channels, dtype, seed, layout):
    size, window, *rest = geometry
    rng = np.random.default_rng(seed)
    x = random_array(rng, (images, *size, channels), dtype, layout)
    check_equal("im2col", [x, window, *rest])
    columns = random_array(rng, reference.im2col(x, window, *rest).shape, dtype, layout)
    check_sums(rounding_bound, "col2im", [columns, x.shape, window, *rest], window[0] * window[1])


@pytest.mark.parametrize("engine", ENGINES, ids=["reference", "kernels"])
@few
@given(geometry=windows_over_images(), images=st.integers(1, 5), channels=st.integers(1, 9), seed=SEEDS)
def test_col2im_is_the_adjoint_of_im2col(rounding_bound, engine, geometry, images, channels, seed):
    size, window, *rest = geometry
    rng = np.random.default_rng(seed)
    x = random_array(rng, (images, *size, channels), np.float64)
    columns = engine.im2col(x, window, *rest)
    c = random_array(rng, columns.shape, np.float64)
    back = engine.col2im(c, x.shape, window, *rest)
    bound = rounding_bound((abs(columns) * abs(c)).sum(), c.size + window[0] * window[1], np.float64)
    assert abs((columns * c).sum() - (x * back).sum()) <= bound


@pytest.mark.parametrize("engine", ENGINES, ids=["reference", "kernels"])
@few
@given(
    geometry=windows_over_images(), images=st.integers(1, 5), channels=st.integers(1, 9), filters=st.integers(1, 70),
    seed=SEEDS,
)  # fmt: skip
def test_convolution_equals_product_of_im2col_and_kernel_matrix(
    rounding_bound, engine, geometry, images, channels, filters, seed
):
    size, window, *rest = geometry
    rng = np.random.default_rng(seed)
    x = random_array(rng, (images, *size, channels), np.float64)
    kernel = random_array(rng, (*window, channels, filters), np.float64)
    columns, matrix = engine.im2col(x, window, *rest), kernel.reshape(-1, filters)
    found = engine.conv2d(x, kernel, None, *rest).reshape(-1, filters)
    bound = rounding_bound(abs(columns) @ abs(matrix), len(matrix), np.float64)
    assert (abs(found - columns @ matrix) <= bound).all()
