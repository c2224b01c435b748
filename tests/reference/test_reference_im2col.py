"""im2col and col2im: order of rows and columns, padding, and sums computed by hand."""

import numpy as np

from scratchcnn import reference


def test_columns_are_ordered_by_kernel_row_kernel_column_channel():
    # The decimal digits of each element are its row, column and channel.
    x = np.array([[[[100 * y + 10 * x + c for c in (1, 2)] for x in range(4)] for y in range(3)]], np.float64)
    rows = reference.im2col(x, (2, 3))
    assert rows.tolist() == [
        [1, 2, 11, 12, 21, 22, 101, 102, 111, 112, 121, 122],
        [11, 12, 21, 22, 31, 32, 111, 112, 121, 122, 131, 132],
        [101, 102, 111, 112, 121, 122, 201, 202, 211, 212, 221, 222],
        [111, 112, 121, 122, 131, 132, 211, 212, 221, 222, 231, 232],
    ]


def test_rows_are_ordered_by_image_output_row_output_column():
    x = np.arange(2 * 2 * 3, dtype=np.float64).reshape(2, 2, 3, 1)
    assert reference.im2col(x, (1, 1)).ravel().tolist() == list(range(12))
    assert reference.im2col(x, (2, 1), (1, 2)).tolist() == [[0, 3], [2, 5], [6, 9], [8, 11]]


def test_same_padding_adds_zeros_and_the_odd_one_after_the_image():
    x = np.array([1.0, 2.0, 3.0]).reshape(1, 1, 3, 1)
    assert reference.im2col(x, (1, 2), (1, 1), "same").tolist() == [[1, 2], [2, 3], [3, 0]]
    assert reference.im2col(x, (1, 3), (1, 1), "same").tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 0]]


def test_dilation_of_two_takes_every_other_pixel():
    x = np.arange(1.0, 6.0).reshape(1, 1, 5, 1)
    assert reference.im2col(x, (1, 2), (1, 2), "valid", (1, 2)).tolist() == [[1, 3], [3, 5]]


def test_col2im_sums_over_overlapping_windows():
    columns = np.array([[1.0, 20.0], [300.0, 4000.0]])  # windows (0, 1) and (1, 2) of three pixels
    assert reference.col2im(columns, (1, 1, 3, 1), (1, 2)).ravel().tolist() == [1, 320, 4000]


def test_col2im_drops_elements_of_the_padding():
    columns = np.array([[1.0, 20.0], [300.0, 4000.0], [5.0, 6.0]])
    assert reference.col2im(columns, (1, 1, 3, 1), (1, 2), (1, 1), "same").ravel().tolist() == [1, 320, 4005]
