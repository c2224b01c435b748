"""Bounds on the rounding error of a value computed in float32 or float64.

With u the unit roundoff (half of eps), a computed sum of n products a_i * b_i has an error of at most

    gamma_n * sum over i of |a_i * b_i|,      gamma_n = n * u / (1 - n * u)

in any order of summation (Higham 2002, "Accuracy and stability of numerical algorithms", section 3.1).

A Winograd convolution computes A [(G g Gᵀ) * (B d Bᵀ)] Aᵀ for each tile, which is three such sums in succession. The
error of each passes through the absolute values of the next, so the total is at most gamma of all terms times the same
expression of absolute values (Higham, lemma 3.3; Barabasz et al. 2020, arXiv 1803.10986, theorem 1). The same applies
to a kernel gradient, Gᵀ [(B d Bᵀ) * (Aᵀ dz A)] G, summed over the tiles.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from scratchcnn.geometry import Pair
from scratchcnn.kernels.conv2d.winograd_tiles import F2, F4
from scratchcnn.operands import Array

MATRICES = {"winograd_2x2": F2, "winograd_4x4": F4}
SPARE = 3  # further roundings: of a bias, of a scale, of the magnitude itself
LARGEST = 1e6  # bound on the amplification of an underflow by the transforms


def gamma(terms: int, dtype: np.dtype[Any]) -> float:
    """Return gamma_n for a dtype, plus that of the float64 sum which the value is compared with."""
    units = [float(np.finfo(each).eps) / 2 for each in (dtype, np.float64)]
    return sum(terms * unit / (1 - terms * unit) for unit in units)


def sum_bound(magnitude: float, terms: int, dtype: np.dtype[Any]) -> float:
    """Return the bound for a sum of `terms` products whose absolute values add up to `magnitude`."""
    return gamma(terms + SPARE, dtype) * magnitude + (terms + SPARE) * float(np.finfo(dtype).tiny)


def magnitude_of(inputs: Array, weights: Array) -> float:
    """Return the sum of the absolute values of all products."""
    with np.errstate(all="ignore"):
        return float(np.abs(inputs.astype(np.float64) * weights.astype(np.float64)).sum())


def winograd_bound(
    algorithm: str, x: Array, kernel: Array, place: Pair, before: Pair, bias: float, dtype: np.dtype[Any]
) -> float:
    """Return the bound for one output of a Winograd convolution.

    Parameters
    ----------
    algorithm : {'winograd_2x2', 'winograd_4x4'}
    x : (H, W, C)
        One image.
    kernel : (3, 3, C)
        One filter.
    place : (oy, ox)
    before : (int, int)
        Rows and columns of padding above and to the left of the image.
    """
    output, transform, of_kernel = _absolute_matrices(algorithm)
    m, n = output.shape
    padded = np.pad(np.abs(x).astype(np.float64), ((before[0], n), (before[1], n), (0, 0)))
    top, left = (at // m * m for at in place)
    patch = padded[top : top + n, left : left + n]
    weights = np.abs(kernel).astype(np.float64)
    sums = (_two_sided(transform, patch) * _two_sided(of_kernel, weights)).sum(axis=2)
    magnitude = output[place[0] % m] @ sums @ output[place[1] % m] + abs(bias)
    return _bound_of_stages(float(magnitude), 8 + 4 * n + x.shape[2] + 1, dtype)


def winograd_kernel_bound(algorithm: str, x: Array, dz: Array, place: Pair, before: Pair) -> float:
    """Return the bound for one element of a kernel gradient that Winograd's algorithm computed.

    Parameters
    ----------
    algorithm : {'winograd_2x2', 'winograd_4x4'}
    x : (N, H, W)
        One channel of the images.
    dz : (N, OH, OW)
        Gradient w.r.t. the outputs of one filter.
    place : (ky, kx)
    before : (int, int)
        Rows and columns of padding above and to the left of the images.
    """
    output, transform, of_kernel = _absolute_matrices(algorithm)
    m, n = output.shape
    count = -(-dz.shape[1] // m), -(-dz.shape[2] // m)
    patches, tiles = _tiles(x, n, m, before, count), _tiles(dz, m, m, (0, 0), count)
    sums = (_two_sided(transform, patches) * _two_sided(output.T, tiles)).sum(axis=2)
    magnitude = of_kernel[:, place[0]] @ sums @ of_kernel[:, place[1]]
    return _bound_of_stages(float(magnitude), 4 * n + 2 * m + patches.shape[2] + 18, x.dtype)


def _absolute_matrices(algorithm: str) -> tuple[Array, Array, Array]:
    """Return |A| (m, n), |B| (n, n) and |G| (n, 3)."""
    matrices = MATRICES[algorithm]
    return np.abs(matrices.output), np.abs(matrices.patch), np.abs(matrices.kernel)


def _two_sided(matrix: Array, tiles: Array) -> Array:
    """Return M d Mᵀ for each of the tiles (n, n, count)."""
    return np.einsum("ia,abc,jb->ijc", matrix, tiles, matrix, optimize=True)


def _tiles(images: Array, size: int, m: int, before: Pair, count: Pair) -> Array:
    """Return the absolute values of all tiles of size x size, m apart: (size, size, N * tiles)."""
    padding = [(0, 0), *((start, size + m) for start in before)]
    padded = np.pad(np.abs(images).astype(np.float64), padding)
    tiles = sliding_window_view(padded, (size, size), axis=(1, 2))[:, ::m, ::m][:, : count[0], : count[1]]
    return np.moveaxis(tiles.reshape(-1, size, size), 0, -1)


def _bound_of_stages(magnitude: float, terms: int, dtype: np.dtype[Any]) -> float:
    return gamma(terms, dtype) * magnitude + LARGEST * float(np.finfo(dtype).tiny)
