"""Splits a whole data set in two, after it was prepared whole: every class in proportion, by chance and a seed."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import numpy.typing as npt

Pair = tuple[npt.NDArray[Any], npt.NDArray[Any]]


def split(x: npt.ArrayLike, y: npt.ArrayLike, test_size: float, seed: int | None = None) -> tuple[Pair, Pair]:
    """Split images and labels into a part to train on and a part to test on, each class in proportion.

    Parameters
    ----------
    x : (N, ...) array-like
    y : (N,) class numbers or names, or (N, classes) one-hot rows
    test_size : int or float
        Samples in the test part, from 1; or its share, between 0 and 1, which is rounded to whole samples.
    seed : int, optional
        Which samples it takes, and their order. The same seed splits the same; None: differently every time.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        Copies, in random order. The test part has of each class its share of all samples, rounded down or up so that
        the parts have the sizes asked for; of every class at least one sample is trained on.

    Raises
    ------
    ValueError
        x and y are not of the same length, or the size leaves nothing on one side.

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
    of_classes = _shares(counts, _test_count(test_size, len(x), len(classes)), rng)
    order = rng.permutation(len(x))
    in_test = np.zeros(len(x), bool)
    for label, count in zip(classes, of_classes, strict=True):
        in_test[order[labels[order] == label][:count]] = True
    train, test = order[~in_test[order]], order[in_test[order]]
    return (x[train], y[train]), (x[test], y[test])


def _test_count(test_size: object, count: int, classes: int) -> int:
    """Samples in the test part."""
    wanted: object = None
    if not isinstance(test_size, bool) and isinstance(test_size, numbers.Integral):
        wanted = int(test_size)
    elif isinstance(test_size, numbers.Real) and 0 < float(test_size) < 1:
        wanted = round(float(test_size) * count)
    if not isinstance(wanted, int) or not 0 < wanted <= count - classes:
        raise ValueError(
            f"Expected test_size as 1 to {count - classes} samples, or a share between 0 and 1 that makes as many "
            f"(there are {count}, and one of each of {classes} classes must be left to train on), received "
            f"{test_size!r}."
        )
    return wanted


def _shares(counts: npt.NDArray[np.int64], total: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Of each class so many samples that they make `total`: the largest remainders are rounded up, but none to all."""
    exact = counts * (total / counts.sum())
    taken = np.minimum(exact.astype(np.int64), counts - 1)
    while (missing := total - int(taken.sum())) > 0:
        room = counts - 1 - taken
        urgency = np.where(room > 0, exact - taken, -np.inf) + rng.random(len(counts)) * 1e-9  # chance decides ties
        chosen = np.argsort(-urgency)[: min(missing, int((room > 0).sum()))]
        taken[chosen] += 1
    return taken
