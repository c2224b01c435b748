"""The layout of results as text: one line width, wrapped paragraphs, tables, and the base class of printed results."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

WIDTH = 118  # characters per line
GAP = "  "  # between the columns of a table


class Printed:
    """A result whose `str` is a text of several lines; its `repr` is the first sentence, without the arrays.

    >>> class Found(Printed):
    ...     def __str__(self):
    ...         return "One error in 'conv2d'. It is large."
    >>> Found()
    <Found: One error in 'conv2d'; print it>
    """

    def __repr__(self) -> str:
        paragraph = " ".join(str(self).partition("\n\n")[0].split())
        return f"<{type(self).__name__}: {paragraph.partition('. ')[0].rstrip('.')}; print it>"


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


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> list[str]:
    """Return the lines of a table: its heads, a rule, and its rows; the columns `left` are aligned to the left.

    Each column is as wide as its widest cell. (The library tabulate adds two characters to every head, so that the
    twelve columns of a trace would not fit into a line.)

    >>> print(*table(["layer", "zeros"], [["conv2d", "7 %"], ["dense", "44 %"]]), sep=chr(10))
    layer   zeros
    ------  -----
    conv2d    7 %
    dense    44 %
    """
    lines = [list(heads), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return [
        GAP.join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
