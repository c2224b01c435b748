"""Max pooling and its gradient: ties, negative values, padding and NaN in images computed by hand."""

import numpy as np
import pytest

from scratchcnn import reference


def image(*rows):
    return np.array(rows, np.float64)[None, :, :, None]


def test_maximum_and_argmax_index_of_each_window():
    y, winners = reference.max_pool2d(image([1, 2, 5, 6], [4, 3, 8, 7], [9, 0, 0, 1], [0, 0, 2, 0]))
    assert y[0, :, :, 0].tolist() == [[4, 8], [9, 2]]
    assert winners[0, :, :, 0].tolist() == [[2, 2], [0, 2]]


@pytest.mark.parametrize(
    ("rows", "winner"),
    [
        ([[7, 7], [7, 7]], 0),
        ([[1, 7], [7, 7]], 1),
        ([[1, 1], [7, 7]], 2),
        ([[-np.inf, -np.inf], [-np.inf, -np.inf]], 0),
        ([[0.0, -0.0], [0.0, 0.0]], 0),
        ([[-0.0, 0.0], [0.0, 0.0]], 0),
    ],
)
def test_argmax_of_equal_elements_is_the_first_row_by_row(rows, winner):
    assert reference.max_pool2d(image(*rows))[1].item() == winner


def test_padding_is_never_the_maximum_of_negative_values():
    y, winners = reference.max_pool2d(image([-5, -3, -4], [-6, -8, -7], [-9, -2, -1]), (2, 2), (2, 2), "same")
    assert y[0, :, :, 0].tolist() == [[-3, -4], [-2, -1]]
    assert winners[0, :, :, 0].tolist() == [[1, 0], [1, 0]]


def test_argmax_indices_include_elements_of_the_window_outside_the_image():
    y, winners = reference.max_pool2d(
        image([1, 2], [3, 4]), (3, 3), (1, 1), "same"
    )  # one pixel of padding on each side
    assert y[0, :, :, 0].tolist() == [[4, 4], [4, 4]]
    assert winners[0, :, :, 0].tolist() == [[8, 7], [5, 4]]


def test_channels_and_images_are_pooled_separately():
    x = np.array([[1, 40, 3, 20], [5, 0, 2, 60]], np.float64).reshape(2, 1, 2, 2)
    y, winners = reference.max_pool2d(x, (1, 2), (1, 2))
    assert y.reshape(2, 2).tolist() == [[3, 40], [5, 60]]
    assert winners.reshape(2, 2).tolist() == [[1, 0], [0, 1]]


def test_strides_below_and_above_the_pool_size():
    x = image([1, 5, 2, 4, 3])
    assert reference.max_pool2d(x, (1, 3), (1, 1))[0].ravel().tolist() == [5, 5, 4]
    assert reference.max_pool2d(x, (1, 1), (1, 3))[0].ravel().tolist() == [1, 4]


def test_first_nan_of_a_window_is_its_maximum():
    y, winners = reference.max_pool2d(image([np.inf, np.nan], [np.nan, 1]))
    assert np.isnan(y.item())
    assert winners.item() == 1


def test_argmax_indices_have_the_smallest_sufficient_dtype():
    assert reference.max_pool2d(np.zeros((1, 16, 16, 1)), (16, 16))[1].dtype == np.uint8
    assert reference.max_pool2d(np.zeros((1, 17, 16, 1)), (17, 16))[1].dtype == np.uint16


def test_gradient_reaches_only_the_maximum():
    x = image([1, 2, 5, 6], [4, 3, 8, 7])
    _, winners = reference.max_pool2d(x)
    dx = reference.max_pool2d_gradient(image([10, 200]), winners, x.shape)
    assert dx[0, :, :, 0].tolist() == [[0, 0, 0, 0], [10, 0, 200, 0]]


def test_gradients_of_overlapping_windows_are_summed():
    x = image([1, 5, 2, 4, 3])
    _, winners = reference.max_pool2d(x, (1, 3), (1, 1))
    dx = reference.max_pool2d_gradient(image([1, 20, 300]), winners, x.shape, (1, 3), (1, 1))
    assert dx.ravel().tolist() == [0, 21, 0, 300, 0]


def test_gradient_with_padding_reaches_the_maximum_inside_the_image():
    x = image([1, 2], [3, 4])
    _, winners = reference.max_pool2d(x, (3, 3), (1, 1), "same")
    dx = reference.max_pool2d_gradient(image([1, 20], [300, 4000]), winners, x.shape, (3, 3), (1, 1), "same")
    assert dx[0, :, :, 0].tolist() == [[0, 0], [0, 4321]]
