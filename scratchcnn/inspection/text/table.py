"""Tables in plain text: columns as wide as what stands in them, numbers to the right."""

from __future__ import annotations

from collections.abc import Sequence

GAP = "  "


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> list[str]:
    """The lines of a table with its heads, a rule and its rows.

    Parameters
    ----------
    heads : sequence of str
    rows : sequence of sequences of str
        As many in each as there are heads.
    left : sequence of int
        Numbers of the columns that begin at the left; the others end at the right.

    Examples
    --------
    >>> for line in table(["layer", "zeros"], [["conv2d", "7 %"], ["dense", "44 %"]]):
    ...     print(line)
    layer   zeros
    ------  -----
    conv2d    7 %
    dense    44 %
    """
    every = [list(heads), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]
    every.insert(1, ["-" * width for width in widths])
    return [
        GAP.join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in every
    ]


def short(number: float | None) -> str:
    """A number in at most four digits, '-' for None.

    >>> short(0.123456), short(-12345.6), short(0.0), short(1.5e-7), short(None)
    ('0.1235', '-1.235e+04', '0', '1.5e-07', '-')
    """
    return "-" if number is None else f"{number:.4g}"


def scaled(number: float | None, units: Sequence[str], step: int) -> str:
    """A number of at least 0 with the unit in which it has one to three digits before its point, '-' for None.

    >>> scaled(2560, ["", "k", "M"], 1000), scaled(0, ["B", "KiB"], 1024), scaled(12, ["B", "KiB"], 1024)
    ('2.56 k', '0', '12 B')
    """
    if number is None or number == 0:
        return "-" if number is None else "0"
    place = 0
    while number >= step and place < len(units) - 1:
        number, place = number / step, place + 1
    return f"{number:.3g} {units[place]}".rstrip() if number < 1000 else f"{number:.0f} {units[place]}".rstrip()
