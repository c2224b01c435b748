"""Freehand drawing: strokes of a round pen on a square sheet, stored as points and rendered as pixels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scratchcnn.arguments import positive, positive_integer

Point = tuple[float, float]  # x to the right and y down, relative to the side of the sheet


class Drawing:
    """Strokes of black ink on white paper.

    Parameters
    ----------
    size : int, default 280
        Pixels of a side.
    pen : float, default 0.07
        Width of the pen, relative to the side; suits a digit that fills most of the sheet, as in MNIST.

    Attributes
    ----------
    pixels : float32 (size, size)
        1 is paper, 0 is ink; edges are anti-aliased.
    strokes : list of lists of (float, float)
        The points (x, y) of each stroke, from 0 to 1 to the right and down. Points outside the sheet leave no ink.

    Examples
    --------
    >>> drawing = Drawing(size=20)
    >>> drawing.begin(0.5, 0.1)
    >>> drawing.draw_to(0.5, 0.9)
    >>> [round(pixel, 1) for pixel in drawing.pixels[10, ::5].tolist()]
    [1.0, 1.0, 0.3, 1.0]
    """

    def __init__(self, size: int = 280, pen: float = 0.07) -> None:
        self.pen = positive("pen", pen)
        size = positive_integer("size", size)
        self.pixels: npt.NDArray[np.float32] = np.ones((size, size), np.float32)
        self.strokes: list[list[Point]] = []

    def begin(self, right: float, down: float) -> None:
        """Begin a new stroke with a dot."""
        self.strokes.append([(right, down)])
        self._ink((right, down), (right, down))

    def draw_to(self, right: float, down: float) -> None:
        """Continue the last stroke with a straight line.

        Raises
        ------
        ValueError
            There is no stroke yet.
        """
        if not self.strokes:
            raise ValueError("Expected a stroke to continue, received none; call begin first.")
        self._ink(self.strokes[-1][-1], (right, down))
        self.strokes[-1].append((right, down))

    def undo(self) -> None:
        """Remove the last stroke, if there is one."""
        strokes = self.strokes[:-1]
        self.clear()
        for stroke in strokes:
            self.begin(*stroke[0])
            for point in stroke[1:]:
                self.draw_to(*point)

    def clear(self) -> None:
        """Remove all strokes."""
        self.pixels[:] = 1
        self.strokes = []

    def _ink(self, start: Point, end: Point) -> None:
        """Darken the pixels whose centre is within half the width of the pen from a line segment."""
        size, radius = len(self.pixels), self.pen / 2 * len(self.pixels)
        ends = np.array([start, end]) * size - 0.5  # in pixels; pixel 0 has its centre at 0
        low = np.clip(np.floor(ends.min(axis=0) - radius - 1), 0, size).astype(int)
        high = np.clip(np.ceil(ends.max(axis=0) + radius + 2), 0, size).astype(int)
        near = self.pixels[low[1] : high[1], low[0] : high[0]]
        down, right = np.ogrid[low[1] : high[1], low[0] : high[0]]
        (x, y), (along_x, along_y) = ends[0], ends[1] - ends[0]
        length = along_x**2 + along_y**2
        nearest = ((right - x) * along_x + (down - y) * along_y) / length if length else np.zeros(near.shape)
        nearest = np.clip(nearest, 0, 1)  # position of the nearest point on the segment, from 0 to 1
        distance = np.hypot(right - x - nearest * along_x, down - y - nearest * along_y)
        np.minimum(near, np.clip(distance - radius + 0.5, 0, 1), out=near, casting="same_kind")
