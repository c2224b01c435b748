"""Diagnose wrong gradients: a constant factor, zeros, or correct values in wrong places; and where the cause may be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scratchcnn.inspection.gradients.table import ArrayCheck

ALIKE = 1e-4  # relative difference of ratios that count as equal


def diagnose(rows: Sequence[ArrayCheck], batch: int, layers: Sequence[str]) -> list[str]:
    """Return a few sentences about what is wrong; none if nothing is.

    The rows are in the order of the layers, the input last; `layers` names all, including those without parameters.
    """
    wrong = [row for row in rows if row.verdict == "BUG"]
    remarks = [f"{row.name}: {row.fault}." for row in wrong if row.fault]
    found = [row for row in wrong if not row.fault]
    if not found:
        return remarks
    ratio = _common_ratio(found)
    if ratio is not None and len(found) > 1:
        remarks.append(f"In all {len(found)} arrays the gradient is {_about_ratio(ratio, batch)}")
    else:
        remarks += [_about(row, batch) for row in found]
    return [*remarks, *_where(rows, found, layers)]


def _about(row: ArrayCheck, batch: int) -> str:
    """How many elements of an array are wrong, which is the worst, and what they have in common."""
    worst, ratio = row.worst, _common_ratio([row])
    assert worst is not None
    analytic = np.array([element.analytic for element in row.of("BUG")])
    text = (
        f"{row.name}: {row.count('BUG')} of {len(row.elements)} compared elements are wrong, most at {list(worst.at)}: "
        f"analytic {worst.analytic:.5g}, numeric {worst.numeric:.5g}."
    )
    if not np.isfinite(analytic).all():
        return f"{text} The gradient is NaN or infinite."
    if not analytic.any():
        return f"{text} All wrong elements are zero: does the gradient stop on its way, or is a term missing?"
    if ratio is not None:
        return f"{text} Each of them is {_about_ratio(ratio, batch)}"
    everywhere = len(row.elements) == row.size > 2
    if everywhere and np.allclose(np.sort(row.analytic), np.sort(row.numeric), rtol=ALIKE, atol=0):
        return f"{text} The values are correct, but in wrong places: is an axis reversed, or are two axes swapped?"
    return text


def _common_ratio(rows: Sequence[ArrayCheck]) -> float | None:
    """The ratio of analytic to numerical gradient, if it is the same in every wrong element of these arrays."""
    elements = [element for row in rows for element in row.of("BUG")]
    analytic, numeric = (np.array([getattr(element, name) for element in elements]) for name in ("analytic", "numeric"))
    if len(numeric) < 2 or not numeric.all() or not np.isfinite(analytic).all() or not analytic.any():
        return None
    ratios = analytic / numeric
    middle = float(np.median(ratios))
    return middle if np.abs(ratios - middle).max() <= ALIKE * abs(middle) else None


def _about_ratio(ratio: float, batch: int) -> str:
    """What a common ratio suggests."""
    reasons = (
        (-1, "the sign is wrong."),
        (batch, f"{batch} is the number of samples; is the factor 1/N of the mean missing?"),
        (1 / batch, f"that is 1/{batch}, with {batch} samples; is the mean taken twice?"),
    )
    known = [reason for factor, reason in reasons if abs(ratio - factor) <= ALIKE * abs(factor)]
    return f"{ratio:.5g} times the correct one: {[*known, 'a factor is missing, or there is one too many.'][0]}"


def _where(rows: Sequence[ArrayCheck], found: Sequence[ArrayCheck], layers: Sequence[str]) -> list[str]:
    """Locate the cause: the gradient passes from the loss down, so the layers after the last wrong one are correct."""
    if len(layers) < 2:
        return []
    known, wrong = (
        [i for i, name in enumerate(layers) if any(row.name.startswith(f"{name} ") for row in among)]
        for among in (rows, found)
    )
    at = max(wrong, default=-1)  # the layer closest to the loss with a wrong parameter gradient; -1: the input
    right = [row.name for row in rows if at >= 0 and row.name.startswith(f"{layers[at]} ") and row.verdict == "ok"]
    if right:
        return [f"Since {', '.join(right)} is correct, look in the backward method of {layers[at]!r} itself."]
    if at == max(known, default=-1):
        return ["All gradients from the loss on are wrong: check the gradient of the loss, and the last layers."]
    above = min(i for i in known if i > at)
    between = " or ".join(map(repr, layers[at + 1 : above + 1]))
    itself = "" if at < 0 else f"in the backward method of {layers[at]!r} itself, or "
    return [
        f"The gradients of all later layers are correct, so look {itself}in the input gradient that {between} returns."
    ]
