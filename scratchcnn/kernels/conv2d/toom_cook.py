"""The three matrices of a Winograd convolution, from a few points: exact fractions, made by interpolation.

A polynomial of degree n - 1 is known by its values at n points, one of which may be "infinity", where the value is the
leading coefficient. To multiply a polynomial of m coefficients by one of r: take the values of both at n = m + r - 1
points, multiply point by point, and interpolate (Toom 1963, Cook 1966). With V(k) the matrix that takes k coefficients
to values, and N(j) the product of the differences between point j and all others,

    product  =  interpolate( V(m) a  *  V(r) g )

A convolution is the transpose of this product, with one factor held fixed: y = Aᵀ [ (G g) * (Bᵀ d) ], where

    Aᵀ  =  V(m)ᵀ                                  m x n
    G   =  V(r), each row j divided by N(j)       n x r
    Bᵀ  =  interpolate transposed, times N(j)     n x n, row j the polynomial that is zero at all points but j

The divisions by N(j) may stand in G or in Bᵀ; in G, which sees only the kernel, the numbers of Bᵀ stay exact.

Blahut 2010, "Fast algorithms for signal processing", chapter 5; Lavin & Gray 2016, arXiv 1509.09308.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod
from typing import NamedTuple

Matrix = tuple[tuple[float, ...], ...]


class Transforms(NamedTuple):
    """The matrices of y = Aᵀ [ (G g) * (Bᵀ d) ]: for m outputs of r weights, n = m + r - 1 inputs."""

    output: Matrix  # Aᵀ, (m, n)
    kernel: Matrix  # G, (n, r)
    patch: Matrix  # Bᵀ, (n, n)


def transforms(points: Sequence[Fraction | int], weights: int = 3) -> Transforms:
    """The transforms that interpolate at `points` and at infinity.

    Parameters
    ----------
    points : n - 1 different fractions
    weights : int
        r, the weights of the convolution.

    Examples
    --------
    >>> transforms([0, 1, -1]).output
    ((1.0, 1.0, 1.0, 0.0), (0.0, 1.0, -1.0, 1.0))
    """
    finite = [Fraction(point) for point in points]
    outputs = len(finite) + 2 - weights
    others = [finite[:j] + finite[j + 1 :] for j in range(len(finite))]
    scales = [prod(point - other for other in rest) for point, rest in zip(finite, others, strict=True)]
    output = [[*(point**i for point in finite), i == outputs - 1] for i in range(outputs)]
    kernel = [[point**k / scale for k in range(weights)] for point, scale in zip(finite, scales, strict=True)]
    kernel.append([Fraction(k == weights - 1) for k in range(weights)])
    patch = [[*with_zeros(rest), Fraction(0)] for rest in others] + [with_zeros(finite)]
    return Transforms(*(tuple(tuple(map(float, row)) for row in matrix) for matrix in (output, kernel, patch)))


def with_zeros(points: Sequence[Fraction]) -> list[Fraction]:
    """Coefficients, lowest first, of the polynomial (t - points[0]) * (t - points[1]) * ...

    >>> [int(c) for c in with_zeros([Fraction(1), Fraction(-1)])]
    [-1, 0, 1]
    """
    coefficients = [Fraction(1)]
    for point in points:
        shifted, scaled = [Fraction(0), *coefficients], [point * c for c in coefficients] + [Fraction(0)]
        coefficients = [a - b for a, b in zip(shifted, scaled, strict=True)]
    return coefficients


def transpose(matrix: Matrix) -> Matrix:
    """Rows become columns."""
    return tuple(zip(*matrix, strict=True))
