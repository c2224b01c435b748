"""Lines of text: one width for all results, wrapped paragraphs, and names with their explanations."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

WIDTH = 118  # characters per line


def wrap(text: str, first: str = "", rest: str | None = None) -> list[str]:
    """Return a text as lines of at most `WIDTH` characters with prefixes: `first`, then `rest` (default: spaces).

    >>> wrap("Row 3 differs.", first="ok   ")
    ['ok   Row 3 differs.']
    """
    rest = " " * len(first) if rest is None else rest
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


def facts(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Return lines with a name and its explanation, the explanations aligned.

    >>> facts([("pen", "red"), ("pencil", "grey")])
    ['pen      red', 'pencil   grey']
    """
    width = max(len(name) for name, _ in pairs) + 3
    return [line for name, text in pairs for line in wrap(text, first=f"{name:{width}}")]
