"""What a classifier gets wrong: the confusion matrix, recall and precision of each class, the surest mistakes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from scratchcnn.arguments import positive_integer

Counts = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]


def confusion_matrix(labels: npt.ArrayLike, predictions: npt.ArrayLike, classes: int | None = None) -> Counts:
    """Count how often each class is taken for each.

        matrix[i, j] = number of samples with label i that are taken for class j

    Parameters
    ----------
    labels : array-like of integers (N,)
        Class numbers from 0.
    predictions : array-like (N,) or (N, J)
        Class numbers, or probabilities as `model.predict` returns them, of which the greatest counts.
    classes : int, optional
        J; default: as many as the probabilities have, or up to the greatest class number.

    Returns
    -------
    int64 (J, J)
        Rows are labels, columns predictions.

    Raises
    ------
    TypeError
        Class numbers that are no integers.
    ValueError
        Another shape, no sample, or a class number out of range.

    Examples
    --------
    >>> confusion_matrix([0, 1, 1, 2], [0, 1, 2, 2])
    array([[1, 0, 0],
           [0, 1, 1],
           [0, 0, 1]])
    """
    given = np.asarray(predictions)
    if given.ndim == 2:
        shares = check_probabilities(given)
        given, classes = shares.argmax(axis=1), shares.shape[1] if classes is None else classes
    if classes is not None:
        classes = positive_integer("classes", classes)
    truth, taken = check_classes("labels", labels, classes), check_classes("predictions", given, classes)
    if len(truth) != len(taken):
        raise ValueError(
            f"Expected as many predictions as labels, received {len(truth):,} labels and {len(taken):,} predictions; "
            "give those of the same images."
        )
    count = int(max(truth.max(), taken.max())) + 1 if classes is None else classes
    return np.bincount(truth * count + taken, minlength=count * count).reshape(count, count).astype(np.int64)


def recall(matrix: npt.ArrayLike) -> Shares:
    """For each class, the share of its samples that are recognised: matrix[i, i] / sum over j of matrix[i, j].

    Parameters
    ----------
    matrix : array-like (J, J)
        As `confusion_matrix` returns it.

    Returns
    -------
    float64 (J,)
        From 0 to 1; NaN for a class without samples.

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
    return _share(counts.diagonal(), counts.sum(axis=1))


def precision(matrix: npt.ArrayLike) -> Shares:
    """For each class, the share of what is taken for it that is of it: matrix[j, j] / sum over i of matrix[i, j].

    Parameters
    ----------
    matrix : array-like (J, J)
        As `confusion_matrix` returns it.

    Returns
    -------
    float64 (J,)
        From 0 to 1; NaN for a class that nothing is taken for.

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
    return _share(counts.diagonal(), counts.sum(axis=0))


def surest_mistakes(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> Counts:
    """Find the samples that are taken for a wrong class, the one with the greatest probability first.

    Parameters
    ----------
    labels : array-like of integers (N,)
        Class numbers from 0.
    probabilities : array-like (N, J)
        What `model.predict` returned.

    Returns
    -------
    int64 (mistakes,)
        Where they are among the samples; equally sure ones in their order there.

    Raises
    ------
    TypeError
        Labels that are no integers, probabilities that are no numbers.
    ValueError
        Another shape or count, a label without a class, probabilities out of range.

    Examples
    --------
    >>> surest_mistakes([0, 1, 1], [[0.9, 0.1], [0.6, 0.4], [0.8, 0.2]])
    array([2, 1])
    """
    shares = check_probabilities(probabilities)
    truth = check_classes("labels", labels, shares.shape[1])
    if len(truth) != len(shares):
        raise ValueError(
            f"Expected as many rows of probabilities as labels, received {len(truth):,} labels and {len(shares):,} "
            "rows; give those of the same images."
        )
    wrong = np.flatnonzero(shares.argmax(axis=1) != truth)
    return wrong[np.argsort(-shares[wrong].max(axis=1), kind="stable")].astype(np.int64)


def check_classes(what: str, values: npt.ArrayLike, classes: int | None) -> Counts:
    """`values` as class numbers (N,), N at least 1, from 0 to below `classes` if that is known."""
    numbers = np.asarray(values)
    if numbers.ndim != 1 or numbers.size == 0:
        mend = "use y.argmax(axis=1)" if numbers.ndim == 2 and numbers.size else "give one for each image"
        raise ValueError(f"Expected {what} as class numbers (N,), received shape {numbers.shape}; {mend}.")
    if numbers.dtype.kind not in "iu":
        raise TypeError(f"Expected {what} as integers, received dtype {numbers.dtype}; use astype(int).")
    most = np.iinfo(np.int32).max if classes is None else classes - 1
    wrong = numbers[(numbers < 0) | (numbers > most)]
    if wrong.size:
        known = "of at least 0" if classes is None else f"from 0 to {most}, one of {classes} classes"
        raise ValueError(f"Expected {what} {known}, received {wrong[0]}; number the classes from 0.")
    return numbers.astype(np.int64)


def check_probabilities(values: npt.ArrayLike) -> Shares:
    """`values` as probabilities (N, J), with at least one of each."""
    shares = np.asarray(values)
    if shares.dtype.kind not in "biuf":
        raise TypeError(f"Expected probabilities as numbers, received dtype {shares.dtype}; give those of predict.")
    if shares.ndim != 2 or shares.size == 0:
        raise ValueError(
            f"Expected probabilities (N, classes), received shape {shares.shape}; give what model.predict returned."
        )
    if not (np.all(shares >= 0) and np.all(shares <= 1.0001)):  # also refuses NaN
        raise ValueError("Expected probabilities from 0 to 1, received others; let the model end with softmax.")
    return shares.astype(np.float64)


def _check_matrix(matrix: npt.ArrayLike) -> npt.NDArray[Any]:
    counts = np.asarray(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"Expected a matrix (classes, classes), received {counts.shape}; use confusion_matrix.")
    return counts


def _share(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Shares:
    """part / whole, NaN where there is nothing."""
    nothing = np.full(len(part), np.nan)
    return np.divide(part, whole, out=nothing, where=whole > 0)
