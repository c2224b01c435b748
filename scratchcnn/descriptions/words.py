"""Shapes and counts as text, for the sentences of the descriptions."""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchcnn.operands import Shape


def times(shape: Shape) -> str:
    """Return a shape as text that is not broken across lines, '26 × 26 × 32'.

    >>> times((3, 3)).replace(chr(160), " ")
    '3 × 3'
    """
    return "\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}".join(map(str, shape)) or "one value"


def plural(count: int | np.integer[Any], noun: str) -> str:
    """Return a count with its noun.

    >>> plural(1, "window"), plural(2000, "window")
    ('1 window', '2,000 windows')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
