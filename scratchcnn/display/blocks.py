"""Blocks of a result: title, paragraph, facts, table and preformatted lines, each rendered as text and as HTML.

Both renderings are made of the same strings. The HTML has inline styles only, so that it changes nothing else on a
page, and no colours of its own, so that it is legible on light and dark backgrounds.
"""

from __future__ import annotations

import textwrap
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from html import escape

WIDTH = 118  # characters per line
GAP = "  "  # between the columns of a table

CELL = "padding: 0.15em 0.6em; white-space: pre; vertical-align: top; border: none; text-align: "
HEAD = "font-weight: bold; border-bottom: 1px solid currentColor; "
TABLE = "border-collapse: collapse; margin: 0.4em 0; width: auto; font-variant-numeric: tabular-nums"
SCROLL = "overflow-x: auto; max-width: 100%"  # wide content scrolls in its own box
TEXT = "margin: 0.2em 0; max-width: 60em"
PRE = "margin: 0.2em 0; line-height: 1.2; background: transparent; white-space: pre; font-family: monospace"


class Block(ABC):
    """A part of a result."""

    @abstractmethod
    def lines(self) -> list[str]:
        """Return the lines of the block as plain text."""

    @abstractmethod
    def html(self) -> str:
        """Return the block as HTML; all its text is escaped."""


class Paragraph(Block):
    """A text that is wrapped to the width of a line; its first line starts with `first`, the others with `rest`.

    >>> Paragraph("Row 3 differs.", first="ok   ").lines()
    ['ok   Row 3 differs.']
    >>> Paragraph("a < b").html()
    '<div style="margin: 0.2em 0; max-width: 60em">a &lt; b</div>'
    """

    def __init__(self, text: str, first: str = "", rest: str | None = None) -> None:
        self.text, self.first, self.rest = text, first, rest

    def lines(self) -> list[str]:
        """Return lines of at most `WIDTH` characters."""
        return wrap(self.text, self.first, self.rest)

    def html(self) -> str:
        """Return one element, which the page wraps."""
        return _element("div", escape(self.first.lstrip() + self.text), TEXT)


class Title(Paragraph):
    """A heading, for example the name of the whole result."""

    def html(self) -> str:
        """Return the text in bold letters."""
        return _element("div", escape(self.first.lstrip() + self.text), f"{TEXT}; font-weight: bold")


class Facts(Block):
    """Names and their explanations, the explanations aligned; or rows of several short cells and an explanation.

    >>> Facts([("pen", "red"), ("pencil", "grey")]).lines()
    ['pen      red', 'pencil   grey']
    """

    def __init__(self, rows: Iterable[Sequence[str]], gap: int = 3) -> None:
        self.rows, self.gap = list(rows), gap

    def lines(self) -> list[str]:
        """Return a line for each row, or more if its explanation is long."""
        widths = [max(map(len, column)) + self.gap for column in zip(*self.rows, strict=True)][:-1]
        return [line for *names, text in self.rows for line in wrap(text, first="".join(map(str.ljust, names, widths)))]

    def html(self) -> str:
        """Return a table without heads."""
        wrapped = CELL.replace("white-space: pre;", "white-space: normal; max-width: 50em;")
        rows = []
        for *names, text in self.rows:
            cells = [_element("td", escape(name.strip()), f"{CELL}left; font-weight: bold") for name in names]
            rows.append(_element("tr", "".join(cells) + _element("td", escape(text), f"{wrapped}left")))
        return _table_element(_element("tbody", "".join(rows)))


class Table(Block):
    """A table of strings: its heads, and its rows; the columns `left` are aligned to the left.

    As text, each column is as wide as its widest cell. (The library tabulate adds two characters to every head, so that
    the twelve columns of a trace would not fit into a line.)

    >>> table = Table(["layer", "zeros"], [["conv2d", "7 %"], ["dense", "44 %"]])
    >>> print(*table.lines(), sep=chr(10))
    layer   zeros
    ------  -----
    conv2d    7 %
    dense    44 %
    """

    def __init__(self, heads: Sequence[str], rows: Iterable[Sequence[str]], left: Sequence[int] = (0,)) -> None:
        self.heads, self.rows, self.left = list(heads), [list(row) for row in rows], left

    def lines(self) -> list[str]:
        """Return the heads, a rule and the rows."""
        lines = [self.heads, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        lines.insert(1, ["-" * width for width in widths])
        return [
            GAP.join(
                cell.ljust(width) if column in self.left else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]

    def html(self) -> str:
        """Return a table with a head and a body."""
        head = _element("thead", self._row("th", self.heads, HEAD))
        return _table_element(head + _element("tbody", "".join(self._row("td", row, "") for row in self.rows)))

    def _row(self, tag: str, cells: Sequence[str], style: str) -> str:
        sides = ["left" if column in self.left else "right" for column in range(len(cells))]
        texts = [
            _element(tag, escape(cell), f"{CELL}{side}; {style}".strip("; "))
            for cell, side in zip(cells, sides, strict=True)
        ]
        return _element("tr", "".join(texts))


class Lines(Block):
    """Lines of text that are kept as they are, for example a matrix or a drawing made of characters."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = list(lines)

    def lines(self) -> list[str]:
        """Return the lines."""
        return self._lines

    def html(self) -> str:
        """Return the lines in letters of one width."""
        return _element("div", _element("pre", escape("\n".join(self._lines)), PRE), SCROLL)


class Group(Block):
    """Blocks without blank lines between them."""

    def __init__(self, *blocks: Block) -> None:
        self.blocks = blocks

    def lines(self) -> list[str]:
        """Return the lines of all blocks."""
        return [line for block in self.blocks for line in block.lines()]

    def html(self) -> str:
        """Return the blocks one below the other."""
        return "".join(block.html() for block in self.blocks)


class Indented(Block):
    """A block whose lines start with an indent as text."""

    def __init__(self, block: Block, indent: str) -> None:
        self.block, self.indent = block, indent

    def lines(self) -> list[str]:
        """Return the indented lines of the block."""
        return [(self.indent + line).rstrip() for line in self.block.lines()]

    def html(self) -> str:
        """Return the block, which needs no indent in HTML."""
        return self.block.html()


def wrap(text: str, first: str = "", rest: str | None = None) -> list[str]:
    """Return a text as lines of at most `WIDTH` characters with prefixes: `first`, then `rest` (default: spaces).

    >>> wrap("Row 3 differs.", first="ok   ")
    ['ok   Row 3 differs.']
    """
    rest = " " * len(first) if rest is None else rest
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


def text_of(blocks: Iterable[Block]) -> str:
    """Return blocks as plain text, separated by blank lines.

    >>> print(text_of([Title("One layer"), Lines(["dense"])]))
    One layer
    <BLANKLINE>
    dense
    """
    return "\n\n".join("\n".join(block.lines()) for block in blocks)


def html_of(blocks: Iterable[Block]) -> str:
    """Return blocks as one element of HTML."""
    return _element("div", "".join(block.html() for block in blocks))


def _table_element(content: str) -> str:
    return _element("div", _element("table", content, TABLE), SCROLL)


def _element(tag: str, content: str, style: str = "") -> str:
    return f'<{tag} style="{style}">{content}</{tag}>' if style else f"<{tag}>{content}</{tag}>"
