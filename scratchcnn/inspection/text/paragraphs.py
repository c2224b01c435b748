"""Words for results: facts in two columns, paragraphs, differences of probabilities."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

WIDTH = 118  # characters of a line, at most


def facts(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Lines 'name   what it is', the second column aligned; a long text goes on below itself.

    >>> facts([("pen", "red"), ("pencil", "grey")])
    ['pen      red', 'pencil   grey']
    """
    width = max(len(name) for name, _ in pairs) + 3
    return [
        line
        for name, text in pairs
        for line in textwrap.wrap(
            text, WIDTH, initial_indent=f"{name:{width}}", subsequent_indent=" " * width, break_on_hyphens=False
        )
    ]


def paragraph(text: str) -> list[str]:
    """A text in lines of at most 118 characters."""
    return textwrap.wrap(text, WIDTH, break_on_hyphens=False)


def points(share: float, sign: bool = False) -> str:
    """A difference of probabilities in percentage points, as '12.3' or '+12.3'; never '-0.0'.

    >>> points(0.1234, sign=True), points(-0.00001)
    ('+12.3', '0.0')
    """
    value = round(100 * share, 1) + 0.0
    return f"{value:+.1f}" if sign else f"{value:.1f}"
