"""Stratified random split of a data set into a training and a test part."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import numpy.typing as npt

Pair = tuple[npt.NDArray[Any], npt.NDArray[Any]]


def split(x: npt.ArrayLike, y: npt.ArrayLike, test_size: float, seed: int | None = None) -> tuple[Pair, Pair]:
    """Split samples and labels at random into a training and a test part with equal class proportions.

    Parameters
    ----------
    x : (N, ...) array-like
    y : (N,) class numbers or names, or (N, classes) one-hot rows
    test_size : int or float
        Number of test samples, at least 1; or their fraction, between 0 and 1, which is rounded to whole samples.
    seed : int, optional
        The same seed gives the same split. None: a different one in every call.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        Copies, in random order. The test part contains the same fraction of each class, rounded down or up to the
        requested size; the training part contains at least one sample of every class.

    Raises
    ------
    ValueError
        x and y differ in length, or a part would be empty.

    Examples
    --------
    >>> x, y = np.arange(10), np.array([0, 1] * 5)
    >>> (x_train, y_train), (x_test, y_test) = split(x, y, test_size=0.4, seed=0)
    >>> len(x_train), sorted(y_test.tolist())
    (6, [0, 0, 1, 1])
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim == 0 or y.ndim not in (1, 2) or len(x) != len(y):
        raise ValueError(
            f"Expected one label or row for each sample, received x of shape {x.shape} and y of {y.shape}."
        )
    rng = np.random.default_rng(seed)
    labels = y if y.ndim == 1 else y.argmax(axis=1)
    classes, counts = np.unique(labels, return_counts=True)
    of_classes = _stratify(counts, _test_count(test_size, len(x), len(classes)), rng)
    order, in_test = rng.permutation(len(x)), np.zeros(len(x), bool)
    for label, count in zip(classes, of_classes, strict=True):
        in_test[order[labels[order] == label][:count]] = True
    train, test = order[~in_test[order]], order[in_test[order]]
    return (x[train], y[train]), (x[test], y[test])


def _test_count(test_size: object, count: int, classes: int) -> int:
    """Return the number of test samples."""
    size = 0
    if not isinstance(test_size, bool) and isinstance(test_size, numbers.Integral):
        size = int(test_size)
    elif isinstance(test_size, numbers.Real) and 0 < float(test_size) < 1:
        size = round(float(test_size) * count)
    if not 0 < size <= count - classes:
        raise ValueError(
            f"Expected test_size as 1 to {count - classes} samples, or a fraction between 0 and 1 of that many (there "
            f"are {count} samples, and each of {classes} classes needs one for training), received {test_size!r}."
        )
    return size


def _stratify(counts: npt.NDArray[np.int64], total: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Distribute `total` test samples over the classes by the largest remainder method, leaving one of each class."""
    exact = counts * (total / counts.sum())
    taken = np.minimum(exact.astype(np.int64), counts - 1)
    while (missing := total - int(taken.sum())) > 0:
        room = counts - 1 - taken
        urgency = np.where(room > 0, exact - taken, -np.inf) + rng.random(len(counts)) * 1e-9  # ties at random
        taken[np.argsort(-urgency)[: min(missing, int((room > 0).sum()))]] += 1
    return taken
