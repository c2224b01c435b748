"""What wrong gradients look like: a factor, a sign, zeros, the right numbers at wrong places."""

from __future__ import annotations

import numpy as np

from scratchcnn.inspection.gradient_table import ArrayCheck
from scratchcnn.operands import Array

ALIKE = 1e-4  # ratios that differ by less are one


def diagnose(row: ArrayCheck, batch: int) -> str:
    """One or two sentences about the wrong elements of an array, or ''.

    Parameters
    ----------
    row : ArrayCheck
    batch : int
        How many samples; a gradient that is off by that factor has its mean forgotten.
    """
    if row.fault:
        return f"{row.name}: {row.fault}."
    wrong = [element for element in row.elements if element.verdict == "BUG"]
    if not wrong:
        return ""
    worst = row.worst
    assert worst is not None
    place = ", ".join(map(str, worst.index))
    found = (
        f"{row.name}: backward is wrong in {len(wrong)} of {len(row.elements)} elements, most at [{place}], where it "
        f"says {worst.analytic:.5g}, and moving that number by h says {worst.numeric:.5g}."
    )
    pattern = _pattern(row, np.array([e.analytic for e in wrong]), np.array([e.numeric for e in wrong]), batch)
    return f"{found} {pattern}".rstrip()


def _pattern(row: ArrayCheck, analytic: Array, numeric: Array, batch: int) -> str:
    if not np.isfinite(analytic).all():
        return "It says NaN or infinity."
    if not analytic.any():
        return "It says zero in all of them: is the gradient stopped on its way, or a term left out?"
    ratio = _common_ratio(analytic, numeric)
    if ratio is not None:
        return _told(ratio, batch)
    values = row.analytic, row.numeric
    if len(row.elements) == row.size > 2 and np.allclose(*map(np.sort, values), rtol=ALIKE, atol=0):
        return "The numbers are right, but stand at wrong places: is an axis turned round, or two axes changed over?"
    return ""


def _common_ratio(analytic: Array, numeric: Array) -> float | None:
    """By what factor backward is off, if by the same one everywhere."""
    if len(numeric) < 2 or not numeric.all():
        return None
    ratios = analytic / numeric
    middle = float(np.median(ratios))
    return middle if np.abs(ratios - middle).max() <= ALIKE * abs(middle) else None


def _told(ratio: float, batch: int) -> str:
    everywhere = f"It is {ratio:.5g} times what it should be in each of them:"
    for factor, reason in (
        (-1.0, "the sign is wrong."),
        (float(batch), f"{batch} is the number of samples; is the 1/N of the mean missing?"),
        (1.0 / batch, f"1/{batch} is one by the number of samples; is the mean taken twice?"),
    ):
        if abs(ratio - factor) <= ALIKE * abs(factor):
            return f"{everywhere} {reason}"
    return f"{everywhere} a factor is missing, or one too many."
