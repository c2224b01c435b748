"""Average pooling, zero padding and their gradients: windows, borders, NaN and shares computed by hand."""

import numpy as np
import pytest

from scratchcnn import reference


def image(*rows):
    return np.array(rows, np.float64)[None, :, :, None]


def test_mean_of_each_window():
    y = reference.average_pool2d(image([1, 2, 5, 6], [4, 5, 8, 9], [9, 0, 0, 1], [0, 3, 2, 1]))
    assert y[0, :, :, 0].tolist() == [[3, 7], [3, 1]]


def test_positions_outside_the_image_are_neither_summed_nor_counted():
    x = image([1, 2, 3], [4, 5, 6], [7, 8, 9])
    y = reference.average_pool2d(x, (2, 2), (2, 2), "same")
    assert y[0, :, :, 0].tolist() == [[3, 4.5], [7.5, 9]]
    y = reference.average_pool2d(x, (3, 3), (1, 1), "same")
    assert y[0, :, :, 0].tolist() == [[3, 3.5, 4], [4.5, 5, 5.5], [6, 6.5, 7]]


def test_constant_images_stay_constant():
    x = np.full((2, 5, 4, 3), 0.1, np.float32)
    for padding in ("valid", "same"):
        y = reference.average_pool2d(x, (3, 2), (2, 3), padding)
        np.testing.assert_allclose(y, 0.1, rtol=6 * np.finfo(np.float32).eps)


def test_channels_and_images_are_pooled_separately():
    x = np.array([[1, 40, 3, 20], [5, 0, 2, 60]], np.float64).reshape(2, 1, 2, 2)
    assert reference.average_pool2d(x, (1, 2), (1, 2)).reshape(2, 2).tolist() == [[2, 30], [3.5, 30]]


def test_strides_below_and_above_the_pool_size():
    x = image([1, 5, 3, 4, 2])
    assert reference.average_pool2d(x, (1, 3), (1, 1)).ravel().tolist() == [3, 4, 3]
    assert reference.average_pool2d(x, (1, 1), (1, 3)).ravel().tolist() == [1, 4]


def test_window_of_the_size_of_the_image_gives_the_mean_of_each_feature_map(rng):
    x = rng.standard_normal((3, 4, 5, 2))
    np.testing.assert_allclose(reference.average_pool2d(x, (4, 5), (4, 5))[:, 0, 0], x.mean(axis=(1, 2)), rtol=1e-13)


def test_non_finite_values_reach_their_windows_only():
    y = reference.average_pool2d(image([np.nan, 1, 2, 2, np.inf, 1]), (1, 2), (1, 2))
    np.testing.assert_array_equal(y.ravel(), [np.nan, 2, np.inf])


def test_gradient_is_shared_equally_and_pixels_in_no_window_receive_none():
    dx = reference.average_pool2d_gradient(image([8, 12]), (1, 2, 5, 1))
    assert dx[0, :, :, 0].tolist() == [[2, 2, 3, 3, 0], [2, 2, 3, 3, 0]]


def test_shares_of_overlapping_windows_are_summed():
    dx = reference.average_pool2d_gradient(image([3, 30, 300]), (1, 1, 5, 1), (1, 3), (1, 1))
    assert dx.ravel().tolist() == [1, 11, 111, 110, 100]


def test_gradient_of_windows_at_the_border_is_divided_by_the_elements_inside():
    dx = reference.average_pool2d_gradient(image([8, 6], [4, 1]), (1, 3, 3, 1), (2, 2), (2, 2), "same")
    assert dx[0, :, :, 0].tolist() == [[2, 2, 3], [2, 2, 3], [2, 2, 1]]


def test_zeros_are_added_around_the_image_and_cut_off_the_gradient():
    padding = ((1, 0), (2, 1))
    y = reference.zero_pad2d(image([1, 2], [3, 4]), padding)
    assert y[0, :, :, 0].tolist() == [[0, 0, 0, 0, 0], [0, 0, 1, 2, 0], [0, 0, 3, 4, 0]]
    assert reference.zero_pad2d_gradient(y, padding)[0, :, :, 0].tolist() == [[1, 2], [3, 4]]


def test_zero_padding_of_zero_copies(rng):
    x = rng.standard_normal((2, 3, 4, 5))
    for function in (reference.zero_pad2d, reference.zero_pad2d_gradient):
        y = function(x, ((0, 0), (0, 0)))
        np.testing.assert_array_equal(y, x)
        assert not np.shares_memory(x, y)


def test_message_about_padding_that_the_gradient_does_not_contain():
    with pytest.raises(ValueError, match=r"images that contain the padding \(\(2, 2\), \(0, 0\)\), received shape"):
        reference.zero_pad2d_gradient(np.ones((1, 3, 3, 1)), ((2, 2), (0, 0)))
