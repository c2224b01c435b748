"""Connected components of a mask: runs of pixels in each row are merged where they touch.

Own code, as `scipy.ndimage.label` would make SciPy (more than 100 MB) a dependency for this single function.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


class Components(NamedTuple):
    """Connected components in order of decreasing area: the label of each pixel, and area and bounding box of each."""

    labels: npt.NDArray[np.int32]  # (H, W); components are numbered from 1, 0 is the background
    area: Integers  # (n,) pixels
    top: Integers  # (n,)
    bottom: Integers  # (n,) exclusive
    left: Integers  # (n,)
    right: Integers  # (n,) exclusive


def connected(mask: Mask) -> Components:
    """Label the connected components of a mask with 8-connectivity: pixels that share a side or a corner are connected.

    Parameters
    ----------
    mask : bool (H, W)

    Returns
    -------
    Components

    Notes
    -----
    Each run takes the smallest label among the runs that it touches, until nothing changes. Following the chains of
    labels to their end after each round keeps the number of rounds small (Shiloach and Vishkin 1982, "An O(log n)
    parallel connectivity algorithm").

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
    labels[mask] = np.repeat(part + 1, ends - starts)  # both in row-major order
    return Components(labels, area[order], *box)


def _runs(mask: Mask) -> tuple[Integers, Integers, Integers]:
    """Return row, first column and end column (exclusive) of each run of pixels."""
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges == 1)
    return rows, starts, np.nonzero(edges == -1)[1]


def _touching(rows: Integers, starts: Integers, ends: Integers, width: int) -> tuple[Integers, Integers]:
    """Return the pairs of touching runs: the indices of the upper and of the lower run."""
    row = width + 2  # distance of two rows in a flattened image, in which starts and ends are sorted
    below = (rows + 1) * row
    first = np.searchsorted(rows * row + ends, below + starts, side="left")
    beyond = np.searchsorted(rows * row + starts, below + ends, side="right")
    counts = np.maximum(beyond - first, 0)
    upper = np.repeat(np.arange(len(rows)), counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return upper, np.repeat(first, counts) + within


def _join(count: int, one: Integers, other: Integers) -> Integers:
    """Return, for each of `count` runs, the smallest index in its component, given the pairs that touch."""
    parent = np.arange(count)
    while True:
        a, b = parent[one], parent[other]
        if np.array_equal(a, b):
            return parent
        np.minimum.at(parent, np.maximum(a, b), np.minimum(a, b))
        while not np.array_equal(parent, parent[parent]):
            parent = parent[parent]
