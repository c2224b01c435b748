"""Convolution and its gradients: values computed by hand."""

import numpy as np
import pytest

from scratchcnn import reference

# 1 2 3
# 4 5 6
# 7 8 9
SQUARE = np.arange(1.0, 10.0).reshape(1, 3, 3, 1)


def image(*rows):
    """One image with one channel."""
    return np.array(rows, np.float64)[None, :, :, None]


def kernel(*rows):
    """One filter for one channel."""
    return np.array(rows, np.float64)[:, :, None, None]


def plane(y):
    return y[0, :, :, 0].tolist()


def test_kernel_is_not_flipped():
    y = reference.conv2d(SQUARE, kernel([1, 10], [100, 1000]), None)
    assert plane(y) == [[1 + 20 + 400 + 5000, 2 + 30 + 500 + 6000], [4 + 50 + 700 + 8000, 5 + 60 + 800 + 9000]]


def test_channels_are_summed_and_each_filter_has_its_own_bias():
    x = np.array([[[[1.0, 2.0]]], [[[3.0, 4.0]]]])  # two images of one pixel and two channels
    weights = np.array([[1.0, 10.0, 100.0], [2.0, 20.0, 200.0]]).reshape(1, 1, 2, 3)
    y = reference.conv2d(x, weights, np.array([0.5, 0.0, -1.0]))
    assert y.tolist() == [[[[5.5, 50.0, 499.0]]], [[[11.5, 110.0, 1099.0]]]]


def test_strides_of_rows_and_columns_are_independent():
    x = np.arange(20.0).reshape(1, 4, 5, 1)
    assert plane(reference.conv2d(x, kernel([1]), None, (3, 2))) == [[0, 2, 4], [15, 17, 19]]
    assert plane(reference.conv2d(x, kernel([1, 1]), None, (2, 3))) == [[0 + 1, 3 + 4], [10 + 11, 13 + 14]]


def test_dilation_spaces_the_elements_of_the_window():
    x = np.arange(25.0).reshape(1, 5, 5, 1)
    y = reference.conv2d(x, kernel([1, 10], [100, 1000]), None, (1, 1), "valid", (3, 2))
    assert plane(y) == [
        [0 + 20 + 1500 + 17000, 1 + 30 + 1600 + 18000, 2 + 40 + 1700 + 19000],
        [5 + 70 + 2000 + 22000, 6 + 80 + 2100 + 23000, 7 + 90 + 2200 + 24000],
    ]


def test_same_padding_adds_the_odd_row_at_the_bottom_and_the_odd_column_at_the_right():
    y = reference.conv2d(image([1, 2], [3, 4]), kernel([1, 10], [100, 1000]), None, (1, 1), "same")
    assert plane(y) == [[1 + 20 + 300 + 4000, 2 + 400], [3 + 40, 4]]


def test_same_padding_with_a_stride_pads_one_row_above_and_two_below():
    # 5 rows with stride 3 have ceil(5 / 3) = 2 windows and 1 * 3 + 5 - 5 = 3 rows of padding: 1 above, 2 below.
    x = image([1], [2], [3], [4], [5])
    y = reference.conv2d(x, kernel([1], [10], [100], [1000], [10000]), None, (3, 1), "same")
    assert plane(y) == [[10 + 200 + 3000 + 40000], [3 + 40 + 500]]


def test_same_padding_is_zero_if_the_stride_exceeds_the_kernel():
    assert plane(reference.conv2d(SQUARE, kernel([1, 1]), None, (2, 3), "same")) == [[3.0], [15.0]]


def test_kernel_and_input_gradients_equal_sums_computed_by_hand():
    # y = [[f(1 2 4 5), f(2 3 5 6)], [f(4 5 7 8), f(5 6 8 9)]] with f the kernel [[a b] [c d]], and dy below.
    dy = image([1, 10], [100, 1000])
    dkernel = reference.conv2d_kernel_gradient(dy, SQUARE, (2, 2))
    assert dkernel[:, :, 0, 0].tolist() == [
        [1 + 20 + 400 + 5000, 2 + 30 + 500 + 6000],
        [4 + 50 + 700 + 8000, 5 + 60 + 800 + 9000],
    ]
    dx = reference.conv2d_input_gradient(dy, kernel([1, 2], [3, 4]), (1, 3, 3, 1))
    assert plane(dx) == [
        [1, 2 + 10, 20],
        [3 + 100, 4 + 30 + 200 + 1000, 40 + 2000],
        [300, 400 + 3000, 4000],
    ]


def test_gradients_skip_pixels_that_strides_and_dilation_skip():
    # Two windows: rows 0 and 2, rows 3 and 5. Rows 1, 4 and 6 are in no window.
    x = image([1], [2], [3], [4], [5], [6], [7])
    geometry = ((3, 1), "valid", (2, 1))
    assert plane(reference.conv2d(x, kernel([1], [10]), None, *geometry)) == [[31], [64]]
    dy = image([1], [100])
    assert reference.conv2d_kernel_gradient(dy, x, (2, 1), *geometry).ravel().tolist() == [1 + 400, 3 + 600]
    dx = reference.conv2d_input_gradient(dy, kernel([2], [5]), x.shape, *geometry)
    assert dx.ravel().tolist() == [2, 0, 5, 200, 0, 500, 0]


def test_gradients_with_same_padding_exclude_the_padding():
    dy = image([1, 10], [100, 1000])
    dkernel = reference.conv2d_kernel_gradient(dy, image([1, 2], [3, 4]), (2, 2), (1, 1), "same")
    assert dkernel[:, :, 0, 0].tolist() == [[1 + 20 + 300 + 4000, 2 + 400], [3 + 40, 4]]
    dx = reference.conv2d_input_gradient(dy, kernel([1, 2], [3, 4]), (1, 2, 2, 1), (1, 1), "same")
    assert plane(dx) == [[1, 2 + 10], [3 + 100, 4 + 30 + 200 + 1000]]


def test_gradients_sum_over_images_or_filters_but_not_over_channels():
    x = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(2, 1, 1, 2)  # (image, channel)
    dy = np.array([[1.0, 10.0, 0.0], [100.0, 0.0, 1000.0]]).reshape(2, 1, 1, 3)  # (image, filter)
    dkernel = reference.conv2d_kernel_gradient(dy, x, (1, 1))
    assert dkernel[0, 0].tolist() == [[1 + 300, 10, 3000], [2 + 400, 20, 4000]]
    weights = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).reshape(1, 1, 2, 3)
    dx = reference.conv2d_input_gradient(dy, weights, (2, 1, 1, 2))
    assert dx.reshape(2, 2).tolist() == [[1 + 20, 4 + 50], [100 + 3000, 400 + 6000]]


def test_zero_times_nan_is_nan_for_matrices_with_a_single_element():
    zero, nan = np.zeros((1, 1, 1, 1)), np.full((1, 1, 1, 3), np.nan)
    assert np.isnan(reference.conv2d(zero, nan, None)).all()
    assert np.isnan(reference.conv2d_kernel_gradient(zero, nan, (1, 1))).all()
    assert np.isnan(reference.conv2d_input_gradient(zero, nan.reshape(1, 1, 3, 1), (1, 1, 1, 3))).all()


def test_window_of_zeros_returns_exactly_the_bias(rng):
    x, weights, bias = np.zeros((1, 4, 8, 2)), rng.standard_normal((3, 3, 2, 5)), rng.standard_normal(5)
    x[:, :, 5:] = rng.standard_normal((1, 4, 3, 2))
    y = reference.conv2d(x, weights, bias)
    assert (y[:, :, :3] == bias).all()
    assert (y[:, :, 3:] != bias).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_results_have_the_dtype_of_the_operands(dtype):
    x, weights = SQUARE.astype(dtype), np.ones((2, 2, 1, 1), dtype)
    assert reference.conv2d(x, weights, np.ones(1, dtype)).dtype == dtype
    dy = np.ones((1, 2, 2, 1), dtype)
    assert reference.conv2d_kernel_gradient(dy, x, (2, 2)).dtype == dtype
    assert reference.conv2d_input_gradient(dy, weights, x.shape).dtype == dtype
