"""check_pair: validation of images and labels."""

import numpy as np
import pytest

from scratchcnn.datasets.catalog import CIFAR10, MNIST
from scratchcnn.datasets.checks import check_pair

X = np.zeros((3, 28, 28), np.uint8)
Y = np.array([0, 9, 5])


def test_valid_pair_is_returned_with_labels_as_uint8():
    images, labels = check_pair(X, Y, "here", MNIST)
    assert images is X
    assert labels.dtype == np.uint8
    assert labels.tolist() == [0, 9, 5]


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (X.astype(np.float32), Y, r"expected images uint8 \(n, 28, 28\), received float32 \(3, 28, 28\)"),
        (X[:, :27], Y, r"received uint8 \(3, 27, 28\)"),
        (X.reshape(3, 784), Y, r"received uint8 \(3, 784\)"),
        (X, np.eye(10, dtype=int)[Y], r"expected integer labels \(n,\), received int64 \(3, 10\)"),
        (X, Y.astype(float), "received float64"),
        (X, Y[:2], "received 3 images and 2 labels"),
        (X[:0], Y[:0], "at least one, received 0 images"),
        (X, np.array([0, 10, 5]), r"expected labels 0 to 9, received 10 at index 1 \(1 such"),
        (X, np.array([-1, 3, 300]), r"received -1 at index 0 \(2 such"),
    ],
)
def test_invalid_pair_is_rejected(images: np.ndarray, labels: np.ndarray, message: str):
    with pytest.raises(ValueError, match=message) as caught:
        check_pair(images, labels, "here", MNIST)
    assert str(caught.value).startswith("here: ")


COLOR = np.zeros((3, 32, 32, 3), np.uint8)


def test_shapes_are_those_of_the_data_set():
    images, labels = check_pair(COLOR, Y[:, None], "here", CIFAR10)
    assert images is COLOR
    assert labels.tolist() == [[0], [9], [5]]


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (X, Y[:, None], r"expected images uint8 \(n, 32, 32, 3\), received uint8 \(3, 28, 28\)\. Give CIFAR-10"),
        (COLOR.transpose(0, 3, 1, 2), Y[:, None], r"received uint8 \(3, 3, 32, 32\)"),
        (COLOR, Y, r"expected integer labels \(n, 1\), received int64 \(3,\)"),
        (COLOR, np.array([[0], [1], [77]]), r"received 77 at index 2 .*damaged or not CIFAR-10"),
    ],
)
def test_pair_of_another_data_set_is_rejected(images: np.ndarray, labels: np.ndarray, message: str):
    with pytest.raises(ValueError, match=message):
        check_pair(images, labels, "here", CIFAR10)
