"""Verify the result of an algorithm: compare its error with a bound on the rounding error.

The ground truth is the result of algorithm 'tile' in float64, which the tests compare with the reference
implementation. For a sum of n products in float32 with unit roundoff u, the error is at most 8 sqrt(n) u times the sum
of the absolute values, except with probability 2 n exp(-32) (Higham & Mary 2019, "A new approach to probabilistic
rounding error analysis", theorem 2.4 with lambda = 8). Winograd's intermediate values are larger than the result and
cancel in the last transform, which amplifies rounding errors by at most the factor `growth`. A wrong index or
coefficient causes errors of the size of the results, thousands of times larger than the bound.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from ladder_shapes import Layer, Operands, compute

from scratchcnn.algorithms import Algorithm
from scratchcnn.kernels.conv2d.toom_cook import Matrix
from scratchcnn.kernels.conv2d.winograd_tiles import F2, F4

WINOGRAD = {"winograd_2x2": F2, "winograd_4x4": F4}


class Exact(NamedTuple):
    """The results of a pass in float64, and for each of them the largest sum of absolute values of products."""

    results: list[np.ndarray]
    largest_sums: list[float]


def exact_results(name: str, layer: Layer, operands: Operands) -> Exact:
    operands = operands.map(np.float64)
    absolute = compute(name, "tile", layer, operands.map(np.abs))
    return Exact(list(compute(name, "tile", layer, operands)), [float(sums.max()) for sums in absolute])


def check(name: str, algorithm: Algorithm, layer: Layer, operands: Operands, exact: Exact) -> float:
    """Return the maximum absolute error relative to the largest magnitude of the result.

    Raises
    ------
    ArithmeticError
        The error exceeds the bound on rounding errors.
    """
    worst = 0.0
    results = compute(name, algorithm, layer, operands)
    for result, truth, largest_sum in zip(results, exact.results, exact.largest_sums, strict=True):
        error, bound = float(np.abs(result - truth).max()), tolerance(name, algorithm, layer) * largest_sum
        if not error <= bound:  # also true for NaN
            raise ArithmeticError(f"Expected an error of at most {bound:.2g} in {name} of {layer} by {algorithm}, "
                                  f"received {error:.2g}; nothing was timed.")  # fmt: skip
        worst = max(worst, error / float(np.abs(truth).max()))
    return worst


def tolerance(name: str, algorithm: Algorithm, layer: Layer) -> float:
    """Return the bound on the rounding error, relative to the sum of absolute values."""
    area, (_, _, output) = layer.kernel * layer.kernel, layer.shapes
    terms = {"forward": area * layer.channels + 1, "dW": math.prod(output[:3]), "dX": area * layer.filters}
    longest = terms[name] if name in terms else max(terms["dW"], terms["dX"])
    unit_roundoff = float(np.finfo(np.float32).eps) / 2
    return 8 * math.sqrt(longest) * unit_roundoff * (growth(name, algorithm) if algorithm in WINOGRAD else 1.0)


def growth(name: str, algorithm: str) -> float:
    """Return how much larger than the result Winograd's sum of absolute values is, if all operands are equal."""
    output, kernel, patch = WINOGRAD[algorithm]
    convolution = _amplification(output, kernel, patch) / len(kernel[0])
    gradient = _amplification(_transpose(kernel), _transpose(output), patch) / len(output)
    per_dimension = {"dW": gradient, "dW+dX": max(gradient, convolution)}.get(name, convolution)
    return per_dimension**2


def _amplification(last: Matrix, first: Matrix, second: Matrix) -> float:
    """Return the largest element of |last| (|first| 1 * |second| 1)."""
    sums = [np.abs(np.array(matrix)).sum(axis=1) for matrix in (first, second)]
    return float((np.abs(np.array(last)) @ (sums[0] * sums[1])).max())


def _transpose(matrix: Matrix) -> Matrix:
    return tuple(zip(*matrix, strict=True))
