"""Whether what an algorithm computes is right: its errors beside those that rounding may cause.

The truth is the register tile's result in float64; the tests hold that against the formula itself. A sum of n products
in float32, with unit roundoff u, is off by at most 8 sqrt(n) u times the same sum of absolute values, except with a
probability of 2 n exp(-32) (Higham & Mary 2019, "A new approach to probabilistic rounding error analysis", theorem 2.4
with lambda = 8). Winograd's transforms make numbers larger that cancel in the end, and errors with them: `growth` says
how much. A wrong index or coefficient gives errors as large as the results, thousands of times more.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from ladder_shapes import Layer, Numbers, compute

from scratchcnn.algorithms import Algorithm
from scratchcnn.kernels.conv2d.toom_cook import Matrix
from scratchcnn.kernels.conv2d.winograd_tiles import F2, F4

WINOGRAD = {"winograd_2x2": F2, "winograd_4x4": F4}


class Truth(NamedTuple):
    """Of each result of a pass: the exact numbers, and the largest sum of absolute values of products."""

    results: list[np.ndarray]
    largest_sums: list[float]


def find_truth(name: str, layer: Layer, numbers: Numbers) -> Truth:
    exact = numbers.changed(np.float64)
    absolute = compute(name, "tile", layer, exact.changed(np.abs))
    return Truth(list(compute(name, "tile", layer, exact)), [float(sums.max()) for sums in absolute])


def check(name: str, algorithm: Algorithm, layer: Layer, numbers: Numbers, truth: Truth) -> float:
    """The largest error as a share of the largest result.

    Raises
    ------
    ArithmeticError
        It is more than rounding can be.
    """
    worst = 0.0
    found = compute(name, algorithm, layer, numbers)
    for result, exact, largest_sum in zip(found, truth.results, truth.largest_sums, strict=True):
        error, bound = float(np.abs(result - exact).max()), tolerance(name, algorithm, layer) * largest_sum
        if not error <= bound:  # so that NaN does not pass
            raise ArithmeticError(f"Expected {name} of {layer} by {algorithm} to be off by at most {bound:.2g}, "
                                  f"received an error of {error:.2g}; nothing was timed.")  # fmt: skip
        worst = max(worst, error / float(np.abs(exact).max()))
    return worst


def tolerance(name: str, algorithm: Algorithm, layer: Layer) -> float:
    """The largest error that rounding may cause, as a share of the sum of absolute values."""
    area, (_, _, output) = layer.kernel * layer.kernel, layer.shapes
    terms = {"forward": area * layer.channels + 1, "dW": math.prod(output[:3]), "dX": area * layer.filters}
    longest = terms[name] if name in terms else max(terms["dW"], terms["dX"])
    unit_roundoff = float(np.finfo(np.float32).eps) / 2
    return 8 * math.sqrt(longest) * unit_roundoff * (growth(name, algorithm) if algorithm in WINOGRAD else 1.0)


def growth(name: str, algorithm: str) -> float:
    """How much larger than its result the sum is that Winograd computes, with equal numbers and no cancelling."""
    output, kernel, patch = WINOGRAD[algorithm]
    of_last_row = _grown(output, kernel, patch) / len(kernel[0])
    as_gradient = _grown(_turned(kernel), _turned(output), patch) / len(output)
    in_one_dimension = {"dW": as_gradient, "dW+dX": max(as_gradient, of_last_row)}.get(name, of_last_row)
    return in_one_dimension**2


def _grown(last: Matrix, first: Matrix, second: Matrix) -> float:
    """The largest of |last| (|first| 1 * |second| 1)."""
    sums = [np.abs(np.array(matrix)).sum(axis=1) for matrix in (first, second)]
    return float((np.abs(np.array(last)) @ (sums[0] * sums[1])).max())


def _turned(matrix: Matrix) -> Matrix:
    return tuple(zip(*matrix, strict=True))
