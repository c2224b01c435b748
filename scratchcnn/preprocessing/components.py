"""Finds the connected parts of a mask: runs of pixels in each row, joined where they touch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


class Components(NamedTuple):
    """The parts of a mask, the largest first: `labels` numbers them from 1, the rest have an entry for each part."""

    labels: npt.NDArray[np.int32]  # (H, W); 0: no part
    area: Integers  # (n,) pixels
    top: Integers  # (n,)
    bottom: Integers  # (n,) the first row below
    left: Integers  # (n,)
    right: Integers  # (n,) the first column beyond


def connected(mask: Mask) -> Components:
    """Number the parts of a mask; pixels that touch by a side or a corner are of one part.

    Parameters
    ----------
    mask : bool (H, W)

    Returns
    -------
    Components

    Notes
    -----
    Each run takes the smallest number among the runs that it touches, and this is repeated until nothing changes;
    following the numbers to their end each time makes that a matter of few rounds (Shiloach and Vishkin 1982, "An
    O(log n) parallel connectivity algorithm").

    Examples
    --------
    >>> connected(np.array([[1, 0, 1], [0, 1, 0], [0, 0, 0], [1, 0, 0]], bool)).labels
    array([[1, 0, 1],
           [0, 1, 0],
           [0, 0, 0],
           [2, 0, 0]], dtype=int32)
    """
    rows, starts, ends = _runs(mask)
    parent = _join(len(rows), *_touching(rows, starts, ends, mask.shape[1]))
    _, part = np.unique(parent, return_inverse=True)
    count = int(part.max()) + 1 if len(part) else 0
    area = np.bincount(part, weights=ends - starts, minlength=count).astype(np.int64)
    order = np.argsort(-area, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(count)
    part = place[part]
    box = [np.full(count, fill, np.int64) for fill in (mask.shape[0], 0, mask.shape[1], 0)]
    np.minimum.at(box[0], part, rows)
    np.maximum.at(box[1], part, rows + 1)
    np.minimum.at(box[2], part, starts)
    np.maximum.at(box[3], part, ends)
    labels = np.zeros(mask.shape, np.int32)
    labels[mask] = np.repeat(part + 1, ends - starts)  # both go row by row
    return Components(labels, area[order], *box)


def _runs(mask: Mask) -> tuple[Integers, Integers, Integers]:
    """Row, first column and first column beyond, of each unbroken run."""
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges == 1)
    return rows, starts, np.nonzero(edges == -1)[1]


def _touching(rows: Integers, starts: Integers, ends: Integers, width: int) -> tuple[Integers, Integers]:
    """Pairs of runs that touch: one run, and one in the row below."""
    row = width + 2  # so far lie the rows apart on one long line, on which starts and ends are in order
    below = (rows + 1) * row
    first = np.searchsorted(rows * row + ends, below + starts, side="left")
    beyond = np.searchsorted(rows * row + starts, below + ends, side="right")
    counts = np.maximum(beyond - first, 0)
    upper = np.repeat(np.arange(len(rows)), counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return upper, np.repeat(first, counts) + within


def _join(count: int, one: Integers, other: Integers) -> Integers:
    """For each of `count` runs the smallest number in its part, given the pairs that touch."""
    parent = np.arange(count)
    while True:
        a, b = parent[one], parent[other]
        if np.array_equal(a, b):
            return parent
        np.minimum.at(parent, np.maximum(a, b), np.minimum(a, b))
        while not np.array_equal(parent, parent[parent]):
            parent = parent[parent]
