"""Confusion matrix, recall, precision and most confident errors: by hand, against plain loops, and invalid input."""

import numpy as np
import pytest

from scratchcnn.mistakes import confusion_matrix, most_confident_errors, precision, recall


def confusion_matrix_by_loops(labels, predictions, classes):
    matrix = np.zeros((classes, classes), int)
    for label, prediction in zip(labels, predictions, strict=True):
        matrix[label, prediction] += 1
    return matrix


@pytest.mark.parametrize("classes", [1, 2, 10, 26])
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_confusion_matrix_counts_every_pair(rng, classes: int, dtype: type):
    labels, predictions = rng.integers(0, classes, (2, 500)).astype(dtype)
    matrix = confusion_matrix(labels, predictions, classes)
    assert matrix.dtype == np.int64
    np.testing.assert_array_equal(matrix, confusion_matrix_by_loops(labels, predictions, classes))
    np.testing.assert_array_equal(matrix, confusion_matrix(labels, np.eye(classes)[predictions]))
    np.testing.assert_array_equal(matrix.T, confusion_matrix(predictions, labels, classes))


def test_number_of_classes_comes_from_the_data_or_the_argument():
    assert confusion_matrix([0, 0], [0, 3]).shape == (4, 4)
    assert confusion_matrix([2], [0]).shape == (3, 3)
    assert confusion_matrix([0], [0], classes=5).shape == (5, 5)
    assert confusion_matrix([0], [[0.2, 0.5, 0.3]]).tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]


def test_recall_and_precision_of_a_small_matrix():
    matrix = [[8, 2, 0], [0, 0, 0], [1, 0, 3]]
    np.testing.assert_allclose(recall(matrix), [0.8, np.nan, 0.75])
    np.testing.assert_allclose(precision(matrix), [8 / 9, 0, 1])
    np.testing.assert_allclose(precision(np.transpose(matrix)), recall(matrix))


@pytest.mark.parametrize("function", [recall, precision])
def test_matrix_that_is_not_square_is_an_error(function):
    with pytest.raises(ValueError, match=r"Expected a matrix \(classes, classes\), received shape \(2, 3\)"):
        function(np.ones((2, 3)))


def test_errors_are_sorted_by_confidence_and_ties_keep_their_order(rng):
    probabilities = rng.dirichlet(np.ones(4), 300).round(1)
    labels = rng.integers(0, 4, 300)
    found = most_confident_errors(labels, probabilities)
    wrong = [place for place in range(300) if probabilities[place].argmax() != labels[place]]
    assert list(found) == sorted(wrong, key=lambda place: (-probabilities[place].max(), place))
    assert found.dtype == np.int64


def test_without_errors_the_result_is_empty():
    assert most_confident_errors([0, 1], np.eye(2)).shape == (0,)


@pytest.mark.parametrize(
    ("labels", "predictions", "error", "message"),
    [
        ([0, 1], [0], ValueError, "received 2 labels and 1 predictions; give those of the same"),
        ([], [], ValueError, r"Expected labels as class numbers \(N,\), received shape \(0,\)"),
        ([[0, 1]], [0], ValueError, r"labels .*received shape \(1, 2\); use y.argmax\(axis=1\)"),
        ([0.0], [0], TypeError, "Expected labels as integers, received dtype float64; use astype"),
        ([0], ["a"], TypeError, "Expected predictions as integers, received dtype <U1"),
        ([-1], [0], ValueError, "Expected labels of at least 0, received -1"),
        ([0, 3], [[0.5, 0.5], [1, 0]], ValueError, "Expected labels from 0 to 1, one of 2 classes, received 3"),
        ([0], [[0.5, np.nan]], ValueError, "Expected probabilities from 0 to 1, received nan"),
        ([0], [[-3.0, 5.0]], ValueError, "let the model end with softmax"),
        ([0], np.ones((1, 1, 1)), ValueError, r"Expected predictions .*received shape \(1, 1, 1\)"),
    ],
)
def test_invalid_labels_or_predictions_are_errors(labels, predictions, error, message):
    with pytest.raises(error, match=message):
        confusion_matrix(labels, predictions)


@pytest.mark.parametrize("classes", [0, -1, 2.0, True])
def test_invalid_number_of_classes_is_an_error(classes):
    with pytest.raises(ValueError, match="Expected classes as a whole number of at least 1"):
        confusion_matrix([0], [0], classes)


def test_class_beyond_the_given_number_is_an_error():
    with pytest.raises(ValueError, match="Expected predictions from 0 to 1, one of 2 classes, received 2"):
        confusion_matrix([0], [2], classes=2)


def test_invalid_probabilities_or_labels_are_errors():
    with pytest.raises(ValueError, match=r"Expected probabilities \(N, classes\), received shape \(2,\)"):
        most_confident_errors([0, 1], [0, 1])
    with pytest.raises(ValueError, match="received 1 labels and 2 rows"):
        most_confident_errors([0], np.eye(2))
    with pytest.raises(ValueError, match="Expected labels from 0 to 1, one of 2 classes, received 2"):
        most_confident_errors([0, 2], np.eye(2))
    with pytest.raises(TypeError, match="Expected probabilities as numbers, received dtype <U1"):
        most_confident_errors([0], [["a"]])
