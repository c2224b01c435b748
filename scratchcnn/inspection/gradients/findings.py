"""The result of a check of a layer, loss, optimizer or data set: one point for each property tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from scratchcnn.display.blocks import Block, Facts, Paragraph, Title
from scratchcnn.display.displayed import Displayed
from scratchcnn.names import look_up


class Point(NamedTuple):
    """The test of one property: its name, whether it is as it should be (None: a note), and what was measured."""

    name: str
    ok: bool | None
    text: str

    @classmethod
    def of(cls, name: str, ok: bool, text: str, hint: str = "", otherwise: bool | None = False) -> Point:
        """Return the point of a test; if it failed, with a hint and with `otherwise` as `ok`."""
        return cls(name, True, text) if ok else cls(name, otherwise, f"{text}: {hint}" if hint else text)


@dataclass(frozen=True, repr=False)
class Findings(Displayed):
    """All points of a check; `print` shows them, `findings['labels']` is one of them."""

    title: str
    points: tuple[Point, ...]

    @property
    def ok(self) -> bool:
        """Whether no point is wrong."""
        return not self.wrong

    @property
    def wrong(self) -> tuple[Point, ...]:
        """The points that are wrong."""
        return tuple(point for point in self.points if point.ok is not None and not point.ok)

    def __getitem__(self, name: str) -> Point:
        """Return the point of that name."""
        return look_up("point", name, {point.name: point for point in self.points})

    def blocks(self) -> list[Block]:
        """Return the title, the points, and the names of those that are wrong."""
        signs = {True: "ok   ", False: "WRONG", None: "note "}
        points = Facts([(signs[point.ok], point.name, point.text) for point in self.points], gap=2)
        names = ", ".join(point.name for point in self.wrong)
        return [Title(self.title), points, Paragraph(f"Wrong: {names}." if names else "Nothing is wrong.")]
