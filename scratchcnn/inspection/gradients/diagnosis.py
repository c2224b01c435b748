"""What wrong gradients look like (a factor, zeros, right numbers at wrong places), and where the mistake may be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scratchcnn.inspection.gradients.table import ArrayCheck
from scratchcnn.operands import Array

ALIKE = 1e-4  # ratios that differ by less are one


def diagnose(rows: Sequence[ArrayCheck], batch: int, layers: Sequence[str]) -> list[str]:
    """A few sentences about what is wrong; none if nothing is.

    Parameters
    ----------
    rows : sequence of ArrayCheck
        Layer by layer, and last the input.
    batch : int
        How many samples; a gradient that is off by that factor has its mean forgotten.
    layers : sequence of str
        The layers' names, those without parameters too.
    """
    wrong = [row for row in rows if row.verdict == "BUG"]
    remarks = [f"{row.name}: {row.fault}." for row in wrong if row.fault]
    found = [row for row in wrong if not row.fault]
    if not found:
        return remarks
    shared = _shared_ratio(found)
    if shared is not None and len(found) > 1:
        remarks.append(f"In all {len(found)} arrays backward says {_told(shared, batch)}")
    else:
        remarks += [_about(row, batch) for row in found]
    return [*remarks, *_where(rows, found, layers)]


def _about(row: ArrayCheck, batch: int) -> str:
    """One array: how many elements, which is the worst, and what they have in common."""
    wrong = [element for element in row.elements if element.verdict == "BUG"]
    worst = row.worst
    assert worst is not None
    place = ", ".join(map(str, worst.at))
    return (
        f"{row.name}: backward is wrong in {len(wrong)} of {len(row.elements)} elements, most at [{place}], where it "
        f"says {worst.analytic:.5g}, and moving that number by h says {worst.numeric:.5g}. {_pattern(row, batch)}"
    ).rstrip()


def _pattern(row: ArrayCheck, batch: int) -> str:
    analytic, _ = _wrong_numbers(row)
    if not np.isfinite(analytic).all():
        return "It says NaN or infinity."
    if not analytic.any():
        return "It says zero in all of them: is the gradient stopped on its way, or a term left out?"
    ratio = _shared_ratio([row])
    if ratio is not None:
        return f"In each of them it says {_told(ratio, batch)}"
    everywhere = len(row.elements) == row.size > 2
    if everywhere and np.allclose(np.sort(row.analytic), np.sort(row.numeric), rtol=ALIKE, atol=0):
        return "The numbers are right, but stand at wrong places: is an axis turned round, or two axes changed over?"
    return ""


def _wrong_numbers(row: ArrayCheck) -> tuple[Array, Array]:
    wrong = [element for element in row.elements if element.verdict == "BUG"]
    return np.array([element.analytic for element in wrong]), np.array([element.numeric for element in wrong])


def _shared_ratio(rows: Sequence[ArrayCheck]) -> float | None:
    """By what factor backward is off, if by the same one in every wrong element of these arrays."""
    analytic, numeric = (np.concatenate(parts) for parts in zip(*map(_wrong_numbers, rows), strict=True))
    if len(numeric) < 2 or not numeric.all() or not np.isfinite(analytic).all() or not analytic.any():
        return None
    ratios = analytic / numeric
    middle = float(np.median(ratios))
    return middle if np.abs(ratios - middle).max() <= ALIKE * abs(middle) else None


def _told(ratio: float, batch: int) -> str:
    times = f"{ratio:.5g} times what it should:"
    for factor, reason in (
        (-1.0, "the sign is wrong."),
        (float(batch), f"{batch} is the number of samples; is the 1/N of the mean missing?"),
        (1.0 / batch, f"that is one by the {batch} samples; is the mean taken twice?"),
    ):
        if abs(ratio - factor) <= ALIKE * abs(factor):
            return f"{times} {reason}"
    return f"{times} a factor is missing, or one too many."


def _where(rows: Sequence[ArrayCheck], found: Sequence[ArrayCheck], layers: Sequence[str]) -> list[str]:
    """A gradient goes from the loss down: what lies above the first wrong one is right."""
    if len(layers) < 2:
        return []
    places = [at for at, name in enumerate(layers) if any(row.name.startswith(f"{name} ") for row in found)]
    at = max(places, default=-1)  # of the first layer, from the loss down, with a wrong parameter; -1 for the input
    known = [i for i, name in enumerate(layers) if any(row.name.startswith(f"{name} ") for row in rows)]
    own = [row for row in rows if at >= 0 and row.name.startswith(f"{layers[at]} ")]
    if any(row.verdict == "ok" for row in own):
        right = ", ".join(row.name for row in own if row.verdict == "ok")
        return [f"As {right} is right, look in the backward of {layers[at]!r} itself."]
    if at == max(known, default=-1):
        return ["All is wrong from the loss on: look at its gradient, and at the last layers."]
    above = min(i for i in known if i > at)
    between = " or ".join(repr(name) for name in layers[at + 1 : above + 1])
    itself = "" if at < 0 else f"in the backward of {layers[at]!r} itself, or "
    return [f"What lies above is right. So look {itself}in the input gradient that {between} hands down."]
