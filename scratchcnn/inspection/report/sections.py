"""What the sections after the tour consist of: words, maps, bars, lines, tables, and the same as text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Picture:
    """A map that the script draws: one number for each cell of a grid.

    Attributes
    ----------
    values : str
        Name of the array in the store.
    height, width : int
    over_image : bool
        Whether its cells are the image's pixels, so that the image's outline is drawn over it.
    rows, columns : str
        What its axes are.
    first : int
        Number of the first row and column.
    unit : str
        What its numbers are.
    """

    values: str
    height: int
    width: int
    over_image: bool
    rows: str = "row"
    columns: str = "column"
    first: int = 0
    unit: str = ""


@dataclass(frozen=True)
class Bar:
    """One bar of a chart: its name, its length from -1 to 1, and what is written beside it."""

    name: str
    share: float
    text: str


@dataclass(frozen=True)
class Line:
    """One line of a chart."""

    name: str
    values: list[float | None]


@dataclass(frozen=True)
class Chart:
    """Lines over steps or epochs; the script draws them."""

    title: str
    across: str
    steps: list[int]
    lines: list[Line]
    logarithmic: bool = False


@dataclass(frozen=True)
class Table:
    """A table: its heads, and rows of as many cells, numbers or words; the first names the row."""

    heads: list[str]
    rows: list[list[str]]
    words: bool = False


@dataclass(frozen=True)
class Section:
    """One section: a title, what it tells, what it shows, and the same as text.

    Attributes
    ----------
    key : str
        Its name in links.
    call : str
        What a user writes to get the same.
    text : str
        What `print` shows.
    left_out : str
        Why it is not there; empty if it is.
    """

    key: str
    title: str
    words: list[str]
    call: str = ""
    text: str = ""
    pictures: list[Picture] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    table: Table | None = None
    left_out: str = ""


def or_why_not(key: str, title: str, make: Callable[[], Section]) -> Section:
    """The section, or one that says why the model or the data do not allow it."""
    try:
        return make()
    except (ValueError, TypeError, RuntimeError) as error:
        return Section(key, title, [], left_out=str(error))
