"""Tables in plain text."""

from __future__ import annotations

from collections.abc import Sequence

GAP = "  "


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
