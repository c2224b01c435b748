"""What a check found, point by point: the form in which every check but that of gradients answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from scratchcnn.inspection.text.layout import wrap
from scratchcnn.names import look_up


class Point(NamedTuple):
    """One thing that was looked at.

    Attributes
    ----------
    name : str
    ok : bool or None
        None: worth knowing, and no fault.
    text : str
        What was found, measured.
    """

    name: str
    ok: bool | None
    text: str


@dataclass(frozen=True)
class Findings:
    """Everything a check looked at; `print` shows it, `findings['labels']` is one point.

    Attributes
    ----------
    title : str
    points : tuple of Point
    """

    title: str
    points: tuple[Point, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong

    @property
    def wrong(self) -> tuple[Point, ...]:
        """The points that are."""
        return tuple(point for point in self.points if point.ok is not None and not point.ok)

    def __getitem__(self, name: str) -> Point:
        """The point of that name."""
        return look_up("point", name, {point.name: point for point in self.points})

    def __str__(self) -> str:
        width = max((len(point.name) for point in self.points), default=0)
        lines = [*wrap(self.title), ""]
        for point in self.points:
            sign = {True: "ok   ", False: "WRONG", None: "note "}[point.ok]
            first = f"{sign}  {point.name.ljust(width)}  "
            lines += wrap(point.text, first)
        names = ", ".join(point.name for point in self.wrong)
        return "\n".join([*lines, "", f"Wrong: {names}." if names else "Nothing is wrong."])
