"""Prints matrices and images as aligned numbers: whole if they are small, their first rows and columns if not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scratchcnn.inspection.text import layout
from scratchcnn.inspection.text.numbers import DIGITS, aligned
from scratchcnn.operands import Array

INDENT = "   "
WIDTH = layout.WIDTH - len(INDENT)
MOST_ROWS, MOST_COLUMNS = 16, 36  # of a matrix that is printed whole
FIRST_ROWS = 4  # of a larger one
MOST_SIDE, MOST_SHEETS = 12, 4  # of images that are printed: pixels of a side, and how many


def number_texts(values: Array) -> list[str]:
    """Return the elements of an array as text of equal width and decimals.

    >>> number_texts(np.array([1.5, -20, 0.333333]))
    ['  1.50', '-20.00', '  0.33']
    """
    texts = aligned(values)
    width = max(map(len, texts), default=0)
    return [text.rjust(width) for text in texts]


def some(count: int, most: int = MOST_ROWS) -> list[int]:
    """All of so many rows, or the first few and the last one.

    >>> some(3), some(100)
    ([0, 1, 2], [0, 1, 2, 3, 99])
    """
    return list(range(count)) if count <= most else [*range(FIRST_ROWS), count - 1]


def number_table(title: str, heads: Sequence[tuple[str, Sequence[int]]], beside: Sequence[str], values: Array) -> str:
    """A matrix with its columns numbered; wide ones in blocks, one below the other.

    Parameters
    ----------
    title : str
        Above what stands beside the rows.
    heads : sequence of (str, sequence of int)
        Lines above the columns: what is numbered, and its number for each column.
    beside : sequence of str
        What stands left of each row in `some(len(values))`.
    values : (rows, columns)
    """
    shown = some(len(values))
    columns = values.shape[1]
    texts = np.array(number_texts(values[shown]), object).reshape(len(shown), columns)
    left = max(len(title), *map(len, beside), *(len(name) for name, _ in heads)) + 1
    width = max(len(texts[0, 0]), len(str(columns - 1))) + 2
    lines = []
    for block in _blocks(columns, (WIDTH - left - 3) // width, whole=len(shown) == len(values)):
        for name, places in heads:
            lines.append(name.rjust(left) + _joined([str(places[column]) for column in block], block, width))
        lines += [title] * bool(title)
        before = 0
        for place, row in enumerate(shown):
            lines += [f"  … {row - before - 1:,} more rows"] * (row > before + 1)
            lines.append(beside[place].ljust(left) + _joined(list(texts[place, block]), block, width))
            before = row
        lines.append("")
    return indented(lines[:-1])


def image_text(what: str, each: str, image: Array) -> str:
    """An image (H, W, C) as numbers, channel beside channel; a large one as its size and range alone.

    Parameters
    ----------
    what, each : str
        What the image is, and what its channels are called; '' if there is but one, without a name.
    """
    height, width, count = image.shape
    if max(height, width) > MOST_SIDE or count > MOST_SHEETS:
        size = " × ".join(map(str, image.shape if each else image.shape[:2]))
        return indented([f"{what}: {size} numbers from {image.min():.{DIGITS}g} to {image.max():.{DIGITS}g}"])
    texts = np.array(number_texts(image), object).reshape(image.shape)
    blocks = []
    for channel in range(count):
        rows = ["".join(f"  {text}" for text in row) for row in texts[..., channel]]
        title = f"{what}, {each} {channel}" if each and count > 1 else what
        wide = max(len(title), *map(len, rows)) + 3
        blocks.append([title.ljust(wide), *(row.ljust(wide) for row in rows)])
    at_once = max(1, WIDTH // max(len(block[0]) for block in blocks))
    lines: list[str] = []
    for first in range(0, count, at_once):
        lines += ["".join(parts) for parts in zip(*blocks[first : first + at_once], strict=True)]
    return indented(lines)


def wrapped(terms: Sequence[str], total: str) -> str:
    """Terms of a sum, with plus signs between them, in lines; and what they come to."""
    lines = [""]
    for number, term in enumerate(terms):
        piece = term if number == 0 else f" + {term}"
        if len(lines[-1]) + len(piece) > WIDTH:
            lines.append(" ")
        lines[-1] += piece
    if len(lines[-1]) + len(total) >= WIDTH:
        lines.append(" ")
    lines[-1] += f" {total}"
    return indented(lines)


def indented(lines: Sequence[str]) -> str:
    """The lines under the number of a step."""
    return "\n".join(f"{INDENT}{line}".rstrip() for line in lines)


def _blocks(columns: int, at_once: int, whole: bool) -> list[list[int]]:
    """All columns in blocks that fit into a line; of very many, or of some rows, the first ones and the last."""
    if columns > MOST_COLUMNS or (columns > at_once and not whole):
        return [[*range(min(at_once, columns) - 1), columns - 1]]
    return [list(range(columns))[first : first + at_once] for first in range(0, columns, at_once)]


def _joined(cells: Sequence[str], block: Sequence[int], width: int) -> str:
    """Cells of one line, with dots where columns are left out."""
    gaps = ["  …" if place and column > block[place - 1] + 1 else "" for place, column in enumerate(block)]
    return "".join(gap + cell.rjust(width) for gap, cell in zip(gaps, cells, strict=True))
