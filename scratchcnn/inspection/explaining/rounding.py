"""How far a number that was computed in float32 or float64 may lie from its exact value, because of rounding alone.

With u the unit roundoff (half of eps), a sum of n products is off by at most

    gamma_n * sum |a_i * b_i|,      gamma_n = n * u / (1 - n * u)

in whatever order it is taken (Higham 2002, "Accuracy and stability of numerical algorithms", section 3.1). Winograd's
algorithm is three such sums, one after the other; the error of each passes through the absolute values of the next, so
that the three together are off by at most gamma of all terms times the same three sums of absolute values (Higham,
lemma 3.3; Barabasz et al. 2020, arXiv 1803.10986, theorem 1).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from scratchcnn.geometry import Axis, Windows
from scratchcnn.inspection.explaining.windows import gather
from scratchcnn.kernels.conv2d.winograd_tiles import F2, F4
from scratchcnn.operands import Array

MATRICES = {"winograd_2x2": F2, "winograd_4x4": F4}
SPARE = 3  # terms more: a bias, a scale, the rounding of the magnitude itself
LARGEST = 1e6  # what the numbers of the transforms may make of something that underflows


def gamma(terms: int, dtype: np.dtype[Any]) -> float:
    """The relative error that so many roundings may add up to, here and in the float64 it is compared with."""
    units = [float(np.finfo(each).eps) / 2 for each in (dtype, np.float64)]
    return sum(terms * unit / (1 - terms * unit) for unit in units)


def sum_bound(magnitude: float, terms: int, dtype: np.dtype[Any]) -> float:
    """How far a sum of products may be off.

    Parameters
    ----------
    magnitude : float
        The sum of the absolute values of the products.
    terms : int
        Their number.
    dtype : in which it was summed
    """
    return gamma(terms + SPARE, dtype) * magnitude + (terms + SPARE) * float(np.finfo(dtype).tiny)


def winograd_bound(
    rung: str, x: Array, kernel: Array, place: tuple[int, int], windows: Windows, bias: float, dtype: np.dtype[Any]
) -> float:
    """How far one output of a Winograd convolution may be off.

    Parameters
    ----------
    rung : 'winograd_2x2' or 'winograd_4x4'
    x : (H, W, C), one image
    kernel : (3, 3, C), one filter
    place : (oy, ox)
    """
    matrices = MATRICES[rung]
    m, n = len(matrices.output), len(matrices.patch)
    rows, columns = (
        at // m * m - axis.before + np.arange(n)
        for at, axis in zip(place, (windows.rows, windows.columns), strict=True)
    )
    patch = gather(np.abs(x).astype(np.float64), rows, columns)[0]  # (n, n, C)
    of_patch = _between(np.abs(matrices.patch), patch)
    of_kernel = _between(np.abs(matrices.kernel), np.abs(kernel).astype(np.float64))
    back = np.abs(matrices.output)
    magnitude = back[place[0] % m] @ (of_patch * of_kernel).sum(axis=2) @ back[place[1] % m] + abs(bias)
    return _bound_of_stages(float(magnitude), 8 + 4 * n + x.shape[2] + 1, dtype)


def winograd_kernel_bound(
    rung: str, x: Array, dz: Array, place: tuple[int, int], windows: Windows, dtype: np.dtype[Any]
) -> float:
    """How far one number of a kernel's gradient may be off.

    Parameters
    ----------
    rung : 'winograd_2x2' or 'winograd_4x4'
    x : (N, H, W), one channel of the images
    dz : (N, OH, OW), gradient by one filter's outputs
    place : (ky, kx)
    """
    matrices = MATRICES[rung]
    m, n = len(matrices.output), len(matrices.patch)
    patches = _tiles(x, windows.rows, windows.columns, m, n)
    tiles = _tiles(dz, windows.rows._replace(before=0), windows.columns._replace(before=0), m, m)
    sums = (_between(np.abs(matrices.patch), patches) * _between(np.abs(matrices.output).T, tiles)).sum(axis=2)
    back = np.abs(matrices.kernel).T
    magnitude = back[place[0]] @ sums @ back[place[1]]
    return _bound_of_stages(float(magnitude), 4 * n + 2 * m + patches.shape[2] + 18, dtype)


def _between(matrix: Array, patches: Array) -> Array:
    """|M| d |M|ᵀ for each of the patches (n, n, C)."""
    return np.einsum("ia,abc,jb->ijc", matrix, patches, matrix, optimize=True)


def _tiles(numbers: Array, rows: Axis, columns: Axis, m: int, size: int) -> Array:
    """Absolute values of all patches of size x size, m apart: (size, size, N * tiles)."""
    images = np.moveaxis(np.abs(numbers).astype(np.float64), 0, -1)  # (H, W, N)
    found = [
        gather(images, top - rows.before + np.arange(size), left - columns.before + np.arange(size))[0]
        for top in range(0, rows.output, m)
        for left in range(0, columns.output, m)
    ]
    return np.concatenate(found, axis=2)


def _bound_of_stages(magnitude: float, terms: int, dtype: np.dtype[Any]) -> float:
    return gamma(terms, dtype) * magnitude + LARGEST * float(np.finfo(dtype).tiny)


def softmax_bound(distance: float, classes: int, probability: float, dtype: np.dtype[Any]) -> float:
    """How far a probability may be off, whose logit lies `distance` below the largest.

    Rounding the distance z moves exp(z) by |z| roundoffs, exp itself by a few, and the sum of J exponentials by J and
    by its worst member, of which exp(-|z|) * |z| <= 1 counts.
    """
    eps, tiny = float(np.finfo(dtype).eps), float(np.finfo(dtype).tiny)
    return eps * (abs(distance) + 2 * classes + 12) * probability + 2 * tiny


def exact_sum(products: Array) -> float:
    """The sum, rounded once."""
    if np.isfinite(products).all():
        return math.fsum(products.ravel().tolist())
    with np.errstate(all="ignore"):
        return float(products.sum(dtype=np.float64))
