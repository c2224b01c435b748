"""A drawing by hand: strokes of a round pen on a square sheet, kept as points and as pixels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scratchcnn.arguments import positive, positive_integer

Point = tuple[float, float]  # how far right and how far down, as shares of the sheet's side


class Drawing:
    """Strokes on white paper.

    Parameters
    ----------
    size : int, default 280
        Pixels of a side.
    pen : float, default 0.07
        Width of the pen, as a share of the side; for a digit that fills most of the sheet, about that of MNIST's pens.

    Attributes
    ----------
    pixels : float32 (size, size)
        1 is paper, 0 is ink; edges are soft.
    strokes : list of lists of (float, float)
        The points of each stroke: how far right and how far down, from 0 to 1 on the sheet. Beyond it they leave no
        ink.

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
        """Put the pen down: a new stroke, so far only a dot."""
        self.strokes.append([(right, down)])
        self._ink((right, down), (right, down))

    def draw_to(self, right: float, down: float) -> None:
        """Draw a straight line from where the pen is.

        Raises
        ------
        ValueError
            There is no stroke yet.
        """
        if not self.strokes:
            raise ValueError("Expected a stroke to go on with, received none; call begin first.")
        self._ink(self.strokes[-1][-1], (right, down))
        self.strokes[-1].append((right, down))

    def undo(self) -> None:
        """Take the last stroke away, if there is one."""
        strokes = self.strokes[:-1]
        self.clear()
        for stroke in strokes:
            self.begin(*stroke[0])
            for point in stroke[1:]:
                self.draw_to(*point)

    def clear(self) -> None:
        """Take all strokes away."""
        self.pixels[:] = 1
        self.strokes = []

    def _ink(self, start: Point, end: Point) -> None:
        """Darken the pixels whose centre is within half a pen's width of a line."""
        size, radius = len(self.pixels), self.pen / 2 * len(self.pixels)
        ends = np.array([start, end]) * size - 0.5  # in pixels, of which the first has its centre at 0
        low = np.clip(np.floor(ends.min(axis=0) - radius - 1), 0, size).astype(int)
        high = np.clip(np.ceil(ends.max(axis=0) + radius + 2), 0, size).astype(int)
        near = self.pixels[low[1] : high[1], low[0] : high[0]]
        down, right = np.ogrid[low[1] : high[1], low[0] : high[0]]
        (x, y), (along_x, along_y) = ends[0], ends[1] - ends[0]
        length = along_x**2 + along_y**2
        share = ((right - x) * along_x + (down - y) * along_y) / length if length else np.zeros(near.shape)
        share = np.clip(share, 0, 1)  # where on the line the nearest point lies
        distance = np.hypot(right - x - share * along_x, down - y - share * along_y)
        np.minimum(near, np.clip(distance - radius + 0.5, 0, 1), out=near, casting="same_kind")
