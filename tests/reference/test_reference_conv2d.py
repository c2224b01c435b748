"""The formula of convolution and of its gradients against numbers worked out by hand."""

import numpy as np
import pytest

from scratchcnn import reference

# 1 2 3
# 4 5 6
# 7 8 9
SQUARE = np.arange(1.0, 10.0).reshape(1, 3, 3, 1)


def image(*rows):
    """One image of one channel."""
    return np.array(rows, np.float64)[None, :, :, None]


def kernel(*rows):
    """One filter over one channel."""
    return np.array(rows, np.float64)[:, :, None, None]


def plane(y):
    return y[0, :, :, 0].tolist()


def test_the_kernel_is_not_turned_round():
    y = reference.conv2d(SQUARE, kernel([1, 10], [100, 1000]), None)
    assert plane(y) == [[1 + 20 + 400 + 5000, 2 + 30 + 500 + 6000], [4 + 50 + 700 + 8000, 5 + 60 + 800 + 9000]]


def test_channels_are_summed_and_every_filter_has_its_bias():
    x = np.array([[[[1.0, 2.0]]], [[[3.0, 4.0]]]])  # two images of one pixel and two channels
    weights = np.array([[1.0, 10.0, 100.0], [2.0, 20.0, 200.0]]).reshape(1, 1, 2, 3)
    y = reference.conv2d(x, weights, np.array([0.5, 0.0, -1.0]))
    assert y.tolist() == [[[[5.5, 50.0, 499.0]]], [[[11.5, 110.0, 1099.0]]]]


def test_rows_and_columns_have_strides_of_their_own():
    x = np.arange(20.0).reshape(1, 4, 5, 1)
    assert plane(reference.conv2d(x, kernel([1]), None, (3, 2))) == [[0, 2, 4], [15, 17, 19]]
    assert plane(reference.conv2d(x, kernel([1, 1]), None, (2, 3))) == [[0 + 1, 3 + 4], [10 + 11, 13 + 14]]


def test_dilation_spreads_the_kernel_out():
    x = np.arange(25.0).reshape(1, 5, 5, 1)
    y = reference.conv2d(x, kernel([1, 10], [100, 1000]), None, (1, 1), "valid", (3, 2))
    assert plane(y) == [
        [0 + 20 + 1500 + 17000, 1 + 30 + 1600 + 18000, 2 + 40 + 1700 + 19000],
        [5 + 70 + 2000 + 22000, 6 + 80 + 2100 + 23000, 7 + 90 + 2200 + 24000],
    ]


def test_same_puts_the_odd_row_and_column_of_zeros_at_the_bottom_and_on_the_right():
    y = reference.conv2d(image([1, 2], [3, 4]), kernel([1, 10], [100, 1000]), None, (1, 1), "same")
    assert plane(y) == [[1 + 20 + 300 + 4000, 2 + 400], [3 + 40, 4]]


def test_same_with_a_stride_pads_one_row_above_and_two_below():
    # 5 rows by stride 3 are 2 windows; 1 * 3 + 5 - 5 = 3 rows of zeros: 1 above, 2 below.
    x = image([1], [2], [3], [4], [5])
    y = reference.conv2d(x, kernel([1], [10], [100], [1000], [10000]), None, (3, 1), "same")
    assert plane(y) == [[10 + 200 + 3000 + 40000], [3 + 40 + 500]]


def test_same_with_a_stride_larger_than_the_kernel_pads_nothing():
    assert plane(reference.conv2d(SQUARE, kernel([1, 1]), None, (2, 3), "same")) == [[3.0], [15.0]]


def test_the_gradients_of_a_convolution():
    # y = [[f(1 2 4 5), f(2 3 5 6)], [f(4 5 7 8), f(5 6 8 9)]] with f the kernel [[a b] [c d]], and dy below.
    dy = image([1, 10], [100, 1000])
    by_kernel = reference.conv2d_kernel_gradient(dy, SQUARE, (2, 2))
    assert by_kernel[:, :, 0, 0].tolist() == [
        [1 + 20 + 400 + 5000, 2 + 30 + 500 + 6000],
        [4 + 50 + 700 + 8000, 5 + 60 + 800 + 9000],
    ]
    by_input = reference.conv2d_input_gradient(dy, kernel([1, 2], [3, 4]), (1, 3, 3, 1))
    assert plane(by_input) == [
        [1, 2 + 10, 20],
        [3 + 100, 4 + 30 + 200 + 1000, 40 + 2000],
        [300, 400 + 3000, 4000],
    ]


def test_the_gradients_of_a_strided_dilated_convolution_skip_what_it_skipped():
    # Windows at rows 0 and 3, each of rows r and r + 2: rows 0 and 2, 3 and 5. Row 1, 4 and 6 are never read.
    x = image([1], [2], [3], [4], [5], [6], [7])
    geometry = ((3, 1), "valid", (2, 1))
    assert plane(reference.conv2d(x, kernel([1], [10]), None, *geometry)) == [[31], [64]]
    dy = image([1], [100])
    assert reference.conv2d_kernel_gradient(dy, x, (2, 1), *geometry).ravel().tolist() == [1 + 400, 3 + 600]
    by_input = reference.conv2d_input_gradient(dy, kernel([2], [5]), x.shape, *geometry)
    assert by_input.ravel().tolist() == [2, 0, 5, 200, 0, 500, 0]


def test_the_gradients_with_same_padding_leave_out_the_zeros_around():
    dy = image([1, 10], [100, 1000])
    by_kernel = reference.conv2d_kernel_gradient(dy, image([1, 2], [3, 4]), (2, 2), (1, 1), "same")
    assert by_kernel[:, :, 0, 0].tolist() == [[1 + 20 + 300 + 4000, 2 + 400], [3 + 40, 4]]
    by_input = reference.conv2d_input_gradient(dy, kernel([1, 2], [3, 4]), (1, 2, 2, 1), (1, 1), "same")
    assert plane(by_input) == [[1, 2 + 10], [3 + 100, 4 + 30 + 200 + 1000]]


def test_the_gradients_keep_images_channels_and_filters_apart():
    x = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(2, 1, 1, 2)  # (image, channel)
    dy = np.array([[1.0, 10.0, 0.0], [100.0, 0.0, 1000.0]]).reshape(2, 1, 1, 3)  # (image, filter)
    by_kernel = reference.conv2d_kernel_gradient(dy, x, (1, 1))
    assert by_kernel[0, 0].tolist() == [[1 + 300, 10, 3000], [2 + 400, 20, 4000]]
    weights = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).reshape(1, 1, 2, 3)
    by_input = reference.conv2d_input_gradient(dy, weights, (2, 1, 1, 2))
    assert by_input.reshape(2, 2).tolist() == [[1 + 20, 4 + 50], [100 + 3000, 400 + 6000]]


def test_zero_times_nan_is_nan_even_where_a_matrix_is_a_single_number():
    zero, broken = (
        np.zeros((1, 1, 1, 1)),
        np.full((1, 1, 1, 3), np.nan),
    )
    assert np.isnan(reference.conv2d(zero, broken, None)).all()
    assert np.isnan(reference.conv2d_kernel_gradient(zero, broken, (1, 1))).all()
    assert np.isnan(reference.conv2d_input_gradient(zero, broken.reshape(1, 1, 3, 1), (1, 1, 1, 3))).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_stays(dtype):
    x, weights = SQUARE.astype(dtype), np.ones((2, 2, 1, 1), dtype)
    assert reference.conv2d(x, weights, np.ones(1, dtype)).dtype == dtype
    dy = np.ones((1, 2, 2, 1), dtype)
    assert reference.conv2d_kernel_gradient(dy, x, (2, 2)).dtype == dtype
    assert reference.conv2d_input_gradient(dy, weights, x.shape).dtype == dtype
