"""Small matrices in plain text, aligned and side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scratchcnn.inspection.text.numbers import aligned
from scratchcnn.operands import Array


def number_cells(numbers: Array, present: Array | None = None) -> list[list[str]]:
    """Return the elements of a matrix as text, with equal decimals; '.' where absent.

    >>> number_cells(np.array([[0.5, -12.0], [0.0, 3.0]]))
    [['0.50', '-12.00'], ['0', '3.00']]
    """
    shown = np.ones(numbers.shape, bool) if present is None else present
    texts = np.full(numbers.shape, ".", object)
    texts[shown] = aligned(numbers[shown])
    return texts.tolist()


def block(title: str, cells: Sequence[Sequence[str]]) -> list[str]:
    """The lines of one matrix under its title, all of one width."""
    width = max(len(cell) for row in cells for cell in row)
    rows = ["  ".join(cell.rjust(width) for cell in row) for row in cells]
    whole = max(len(title), len(rows[0]))
    return [title.ljust(whole), *(row.ljust(whole) for row in rows)]


def side_by_side(blocks: Sequence[Sequence[str]], signs: Sequence[str], most: int) -> list[str]:
    """Blocks of equal height beside each other, with signs in between, or below each other if they are too wide.

    Parameters
    ----------
    blocks : sequence of lines
    signs : sequence of str
        One fewer than blocks, written between them in their middle row.
    most : int
        Letters in a line.

    Examples
    --------
    >>> print(*side_by_side([["a", "1", "2"], ["b", "3", "4"]], ["*"], 20), sep=chr(10))
    a     b
    1  *  3
    2     4
    """
    height = len(blocks[0])
    if sum(len(each[0]) for each in blocks) + 5 * len(signs) > most:
        return [line for number, each in enumerate(blocks) for line in ([""] if number else []) + list(each)]
    middle = 1 + (height - 2) // 2
    lines = []
    for row in range(height):
        parts = [blocks[0][row]]
        for sign, each in zip(signs, blocks[1:], strict=True):
            parts += [sign if row == middle else " " * len(sign), each[row]]
        lines.append("  ".join(parts).rstrip())
    return lines
