"""The three matrices of a Winograd convolution, computed from a few points by interpolation with exact fractions.

A polynomial of degree n - 1 is determined by its values at n points, one of which may be "infinity", where the value is
the leading coefficient. To multiply a polynomial of m coefficients by one of r: evaluate both at n = m + r - 1 points,
multiply point by point, and interpolate (Toom 1963, Cook 1966). With V(k) the matrix that maps k coefficients to
values, and N(j) the product of the differences between point j and all others,

    product  =  interpolate( V(m) a  *  V(r) g )

A convolution is the transpose of this product with one factor fixed: y = Aᵀ [ (G g) * (Bᵀ d) ], where

    Aᵀ  =  V(m)ᵀ                                  m x n
    G   =  V(r), each row j divided by N(j)       n x r
    Bᵀ  =  interpolate transposed, times N(j)     n x n, row j the polynomial that is zero at all points but j

The divisions by N(j) may be part of G or of Bᵀ. In G, which is applied to the kernel only, they leave Bᵀ exact.

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
    """Compute the transforms that interpolate at `points` and at infinity.

    Parameters
    ----------
    points : n - 1 different fractions
    weights : int
        r, the number of weights of the convolution.

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
    patch = [[*from_roots(rest), Fraction(0)] for rest in others] + [from_roots(finite)]
    return Transforms(*(tuple(tuple(map(float, row)) for row in matrix) for matrix in (output, kernel, patch)))


def from_roots(points: Sequence[Fraction]) -> list[Fraction]:
    """Coefficients, lowest first, of the polynomial (t - points[0]) * (t - points[1]) * ...

    >>> [int(c) for c in from_roots([Fraction(1), Fraction(-1)])]
    [-1, 0, 1]
    """
    coefficients = [Fraction(1)]
    for point in points:
        shifted, scaled = [Fraction(0), *coefficients], [point * c for c in coefficients] + [Fraction(0)]
        coefficients = [a - b for a, b in zip(shifted, scaled, strict=True)]
    return coefficients


def transpose(matrix: Matrix) -> Matrix:
    """Transpose a matrix."""
    return tuple(zip(*matrix, strict=True))
