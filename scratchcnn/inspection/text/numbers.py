"""Numbers as text: one alone, with a unit, as percentage points, or all of a matrix with equal decimals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from scratchcnn.operands import Array

DIGITS = 4  # significant digits of a single number, and of the largest of a matrix
FLOP_UNITS, BYTE_UNITS = ("", "k", "M", "G", "T"), ("B", "KiB", "MiB", "GiB")  # steps of 1000 and 1024


def short(number: float | None) -> str:
    """Return a number with at most four significant digits; '-' for None.

    >>> short(0.123456), short(-12345.6), short(0.0), short(1.5e-7), short(None)
    ('0.1235', '-1.235e+04', '0', '1.5e-07', '-')
    """
    return "-" if number is None else f"{number:.{DIGITS}g}"


def scaled(number: float | None, units: Sequence[str], step: int) -> str:
    """Return a number of at least 0 with the unit in which it is, when rounded, less than `step`; '-' for None.

    >>> scaled(2560, ["", "k", "M"], 1000), scaled(0, ["B", "KiB"], 1024), scaled(999_700, ["", "k", "M"], 1000)
    ('2.56 k', '0', '1 M')
    """
    if not number:
        return "-" if number is None else "0"
    place = 0
    while round(number) >= step and place < len(units) - 1:
        number, place = number / step, place + 1
    return f"{number:{'.3g' if number < 999.5 else '.0f'}} {units[place]}".rstrip()


def points(fraction: float, sign: bool = False) -> str:
    """Return a difference of probabilities in percentage points, '12.3' or '+12.3'; never '-0.0'.

    >>> points(0.1234, sign=True), points(-0.00001)
    ('+12.3', '0.0')
    """
    return f"{100 * fraction:+z.1f}" if sign else f"{100 * fraction:z.1f}"


def aligned(values: Array) -> list[str]:
    """Return the elements of an array, in C order, with equal decimals; the largest has four significant digits.

    Whole numbers have no decimals, and zero is always '0'.

    >>> aligned(np.array([[1.5, -20, 0.333333]])), aligned(np.array([3.0, 0])), aligned(np.array([2e-9, 0]))
    (['1.50', '-20.00', '0.33'], ['3', '0'], ['2.000e-09', '0'])
    """
    flat = np.asarray(values, np.float64).ravel()
    finite = np.abs(flat[np.isfinite(flat) & (flat != 0)])
    largest = float(finite.max(initial=0))
    if largest < 1e6 and (finite == np.round(finite)).all():
        style = ".0f"
    elif 1e-3 <= largest < 1e6:
        style = f"z.{max(0, DIGITS - 1 - math.floor(math.log10(largest)))}f"  # z: '0.00' instead of '-0.00'
    else:
        style = f"z.{DIGITS - 1}e"
    return [format(number, style) if number else "0" for number in flat.tolist()]
