"""Errors of a classifier: confusion matrix, recall and precision of each class, most confident errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from scratchcnn.arguments import positive_integer
from scratchcnn.names import names_arguments, names_of_module

Counts = npt.NDArray[np.int64]
Fractions = npt.NDArray[np.float64]


@names_arguments
def confusion_matrix(labels: npt.ArrayLike, predictions: npt.ArrayLike, classes: int | None = None) -> Counts:
    """Compute the confusion matrix.

        matrix[i, j] = number of samples with label i that are predicted as class j

    Parameters
    ----------
    labels : array-like of integers (N,)
        Class numbers from 0.
    predictions : array-like (N,) or (N, J)
        Class numbers, or probabilities as returned by `model.predict`, whose argmax is the predicted class.
    classes : int, optional
        J; default: the number of columns of the probabilities, or the largest class number plus one.

    Returns
    -------
    int64 (J, J)
        Rows are labels, columns are predictions.

    Raises
    ------
    TypeError
        The class numbers are not integers.
    ValueError
        The shapes are wrong, there are no samples, or a class number is out of range.

    Examples
    --------
    >>> confusion_matrix([0, 1, 1, 2], [0, 1, 2, 2])
    array([[1, 0, 0],
           [0, 1, 1],
           [0, 0, 1]])
    """
    predicted = np.asarray(predictions)
    if predicted.ndim == 2:
        probabilities = check_probabilities(predicted)
        predicted, classes = probabilities.argmax(axis=1), probabilities.shape[1] if classes is None else classes
    if classes is not None:
        classes = positive_integer("classes", classes)
    true, predicted = check_classes("labels", labels, classes), check_classes("predictions", predicted, classes)
    if len(true) != len(predicted):
        raise ValueError(
            f"Expected as many predictions as labels, received {len(true):,} labels and {len(predicted):,} "
            "predictions; give those of the same images."
        )
    count = int(max(true.max(), predicted.max())) + 1 if classes is None else classes
    return np.bincount(true * count + predicted, minlength=count * count).reshape(count, count).astype(np.int64)


@names_arguments
def recall(matrix: npt.ArrayLike) -> Fractions:
    """Compute the recall of each class: matrix[i, i] / sum over j of matrix[i, j].

    Parameters
    ----------
    matrix : array-like (J, J)
        The confusion matrix, as returned by `confusion_matrix`.

    Returns
    -------
    float64 (J,)
        The fraction of the samples of each class that are predicted correctly; NaN for a class without samples.

    Raises
    ------
    ValueError
        The matrix is not square.

    Examples
    --------
    >>> recall([[3, 1], [0, 4]])
    array([0.75, 1.  ])
    """
    counts = _check_matrix(matrix)
    return _ratio(counts.diagonal(), counts.sum(axis=1))


@names_arguments
def precision(matrix: npt.ArrayLike) -> Fractions:
    """Compute the precision of each class: matrix[j, j] / sum over i of matrix[i, j].

    Parameters
    ----------
    matrix : array-like (J, J)
        The confusion matrix, as returned by `confusion_matrix`.

    Returns
    -------
    float64 (J,)
        The fraction of the predictions of each class that are correct; NaN for a class that is never predicted.

    Raises
    ------
    ValueError
        The matrix is not square.

    Examples
    --------
    >>> precision([[3, 1], [0, 4]])
    array([1. , 0.8])
    """
    counts = _check_matrix(matrix)
    return _ratio(counts.diagonal(), counts.sum(axis=0))


@names_arguments
def most_confident_errors(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> Counts:
    """Find the misclassified samples, in order of decreasing confidence.

    The confidence is the probability of the predicted class.

    Parameters
    ----------
    labels : array-like of integers (N,)
        Class numbers from 0.
    probabilities : array-like (N, J)
        Predictions, as returned by `model.predict`.

    Returns
    -------
    int64 (errors,)
        Indices of the samples; those with equal confidence keep their order.

    Raises
    ------
    TypeError
        The labels are not integers, or the probabilities are not numbers.
    ValueError
        The shapes are wrong or do not match, a label has no class, or a probability is out of range.

    Examples
    --------
    >>> most_confident_errors([0, 1, 1], [[0.9, 0.1], [0.6, 0.4], [0.8, 0.2]])
    array([2, 1])
    """
    predicted = check_probabilities(probabilities)
    true = check_classes("labels", labels, predicted.shape[1])
    if len(true) != len(predicted):
        raise ValueError(
            f"Expected as many rows of probabilities as labels, received {len(true):,} labels and {len(predicted):,} "
            "rows; give those of the same images."
        )
    wrong = np.flatnonzero(predicted.argmax(axis=1) != true)
    return wrong[np.argsort(-predicted[wrong].max(axis=1), kind="stable")].astype(np.int64)


def check_classes(what: str, values: npt.ArrayLike, classes: int | None) -> Counts:
    """Return `values` as class numbers (N,), N ≥ 1, in the range 0 to `classes` - 1 (no upper limit if None)."""
    numbers = np.asarray(values)
    if numbers.ndim != 1 or numbers.size == 0:
        fix = "use y.argmax(axis=1)" if numbers.ndim == 2 and numbers.size else "give one for each image"
        raise ValueError(f"Expected {what} as class numbers (N,), received shape {numbers.shape}; {fix}.")
    if numbers.dtype.kind not in "iu":
        raise TypeError(f"Expected {what} as integers, received dtype {numbers.dtype}; use astype(int).")
    largest = np.iinfo(np.int32).max if classes is None else classes - 1
    wrong = numbers[(numbers < 0) | (numbers > largest)]
    if wrong.size:
        allowed = "of at least 0" if classes is None else f"from 0 to {largest}, one of {classes} classes"
        raise ValueError(f"Expected {what} {allowed}, received {wrong[0]}; number the classes from 0.")
    return numbers.astype(np.int64)


def check_probabilities(values: npt.ArrayLike) -> Fractions:
    """Return `values` as float64 probabilities (N, J), N ≥ 1 and J ≥ 1."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"Expected probabilities as numbers, received dtype {array.dtype}; use those of model.predict.")
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            f"Expected probabilities (N, classes), received shape {array.shape}; use those of model.predict."
        )
    wrong = array[~((array >= 0) & (array <= 1.0001))]  # NaN, too
    if wrong.size:
        raise ValueError(f"Expected probabilities from 0 to 1, received {wrong[0]}; let the model end with softmax.")
    return array.astype(np.float64)


def _check_matrix(matrix: npt.ArrayLike) -> npt.NDArray[Any]:
    counts = np.asarray(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"Expected a matrix (classes, classes), received shape {counts.shape}; use confusion_matrix.")
    return counts


def _ratio(part: npt.NDArray[Any], total: npt.NDArray[Any]) -> Fractions:
    """part / total; NaN where the total is 0."""
    return np.divide(part, total, out=np.full(len(part), np.nan), where=total > 0)


if not TYPE_CHECKING:  # a type checker would take every name for defined
    __getattr__ = names_of_module(__name__)
