"""The content of a section of the page: sentences, maps, bars, charts, a table, and the result as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Map(NamedTuple):
    """A heat map that the page's script draws: the name of its array in the `ArrayStore`, its size and axes.

    `unit` states what a cell contains. With `over_image`, the cells are pixels, and the outline of the image is drawn.
    `first` is the index of the first row and column.
    """

    values: str
    height: int
    width: int
    unit: str
    over_image: bool = True
    rows: str = "row"
    columns: str = "column"
    first: int = 0


class Bar(NamedTuple):
    """A bar of relative length 0 to 1, its name and a text."""

    name: str
    length: float
    text: str


class Chart(NamedTuple):
    """Lines over steps or epochs: values by name, None where there is no value."""

    title: str
    across: str
    steps: list[int]
    lines: dict[str, list[float | None]]
    logarithmic: bool = False


class Table(NamedTuple):
    """A table whose first column names the rows; with `text`, its cells contain sentences."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    text: bool = False


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes
    ----------
    key : str
        Its anchor in links.
    title : str
    paragraphs : sequence of str
    call : str
        The call that gives the same result in Python.
    text : str
        The printed result of that call.
    left_out : str
        Why the section is missing; empty if it is not.
    """

    key: str
    title: str
    paragraphs: Sequence[str] = ()
    call: str = ""
    text: str = ""
    maps: Sequence[Map] = ()
    bars: Sequence[Bar] = ()
    charts: Sequence[Chart] = ()
    table: Table | None = None
    left_out: str = ""


def section_or_reason(key: str, title: str, make: Callable[[str, str], Section]) -> Section:
    """Return `make(key, title)`; if the model or the data do not allow it, a section with the reason."""
    try:
        return make(key, title)
    except (ValueError, TypeError, RuntimeError, ImportError) as error:
        return Section(key, title, left_out=str(error))
