"""The content of a section of the page: sentences, maps, bars, charts, a table, and the result as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, ParamSpec

import numpy.typing as npt

Arguments = ParamSpec("Arguments")
Data = tuple[npt.ArrayLike, npt.ArrayLike]  # images and labels


class Map(NamedTuple):
    """A heat map that the page's script draws."""

    values: str  # the name of its array in the `ArrayStore`
    height: int
    width: int
    unit: str  # what a cell contains
    over_image: bool = True  # the cells are pixels, and the outline of the image is drawn
    rows: str = "row"
    columns: str = "column"
    first: int = 0  # index of the first row and column


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
    """A section of the page."""

    paragraphs: Sequence[str] = ()
    call: str = ""  # the call that gives the same result in Python
    text: str = ""  # the printed result of that call
    maps: Sequence[Map] = ()
    bars: Sequence[tuple[str, float, str]] = ()  # name, length from 0 to 1, and text
    charts: Sequence[Chart] = ()
    table: Table | None = None
    left_out: str = ""  # why the section is missing; empty if it is not
    key: str = ""  # its anchor in links
    title: str = ""


def section(key: str, title: str) -> Callable[[Callable[Arguments, Section]], Callable[Arguments, Section]]:
    """Give the section that a function returns its key and title; the reason, if model or data do not allow it."""

    def decorate(make: Callable[Arguments, Section]) -> Callable[Arguments, Section]:
        def titled(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Section:
            try:
                made = make(*args, **kwargs)
            except (ValueError, TypeError, RuntimeError, ImportError) as error:
                made = Section(left_out=str(error))
            return replace(made, key=key, title=title)

        return titled

    return decorate
