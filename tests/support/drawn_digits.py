"""Draws pictures of digits as people write and photograph them: shapes of strokes, pens, papers, light and noise."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

Array = np.ndarray[Any, Any]
Stroke = list[tuple[float, float]]

WHITE, BLACK, BLUE = (255, 255, 255), (0, 0, 0), (28, 36, 120)

# Strokes, divided by a slash: points (right, down) in a box 10 wide and 14 high, joined by a smooth curve. A point that
# is given twice is a corner. American are the bare 1, the 7 without a bar, the open 4; European the 1 with a long serif
# and the 7 with a bar.
WRITTEN = {
    "0 round": "5.5 0, 2 1.5, 0.5 6.5, 1.5 12, 5 14, 8.5 12, 9.5 7, 8.5 2, 5.5 0",
    "0 narrow": "5 0.2, 3 2, 2 7, 3 12, 5 14, 7 12, 8 7, 7 2, 4.6 0",
    "0 open": "6.5 0.5, 3.5 0.6, 1 4, 0.8 9, 3 13.3, 6.5 13.5, 9 10, 9 4.5, 7.2 1.2",
    "0 with a loop at the top": "7 1, 4 0.3, 1 4, 1 10, 4 14, 8 11.5, 9 6, 7.5 1.6, 5 0.8, 4.6 2, 7.5 2.2",
    "1 bare": "5 0, 5 7, 5 14",
    "1 leaning": "6.5 0, 5 7, 3.5 14",
    "1 with a short serif": "3.2 2.6, 5.5 0, 5.5 0, 5.5 7, 5.5 14",
    "1 with a long serif": "1.5 5, 4 3, 6.5 0, 6.5 0, 6.4 7, 6.3 14",
    "1 with serif and foot": "3 3, 5.3 0, 5.3 0, 5.3 13.8 / 2.5 14, 5 13.9, 8 13.9",
    "2 without a loop": "1 3.2, 2.4 0.8, 5.3 0, 8.3 1.5, 8.3 4.6, 5.5 8.6, 0.8 13.7, 0.8 13.7, 5 13.6, 9.5 13.6",
    "2 with a loop": (
        "1.3 3, 3 0.6, 6 0.1, 8.2 2.4, 7.4 6.2, 4.5 10.6, 2 13.3, 0.6 12.7, 1.4 11.2, 3.6 11.8, 6 13.6, 9.6 13"
    ),
    "2 like a swan": (
        "1.2 4, 1.8 1.4, 4.8 0, 7.8 1.4, 7.8 4.4, 5.2 8.2, 1.6 12.9, 1.6 12.9, 4.6 12.4, 7.2 13.9, 9.3 12.8"
    ),
    "2 wide": "0.8 2.8, 3 0.4, 6.6 0.4, 8.8 2.8, 7 7, 1 13.4, 1 13.4, 6 13.8, 9.6 13",
    "3 round": "1.2 2, 4 0.1, 7.6 1.2, 7.8 4.4, 4.2 6.5, 4.2 6.5, 8 7.8, 8.9 11, 6 13.8, 2.5 13.7, 0.8 12",
    "3 with a flat top": "1.2 0.4, 5 0.3, 8.5 0.3, 8.5 0.3, 4.6 5.4, 4.6 5.4, 8.2 7, 8.8 10.8, 5.6 13.9, 1 12.6",
    "3 with a loop in the middle": (
        "1.5 1.8, 4.6 0, 7.8 2, 6.8 5.2, 3.9 6.6, 3.2 6, 4.4 5.7, 7.6 7.6, 8.4 10.8, 5.4 13.9, 1.2 12.6"
    ),
    "3 with a small head": "2.2 1.4, 4.6 0.1, 6.8 1.4, 6.4 4, 3.8 5.4, 3.8 5.4, 8 6.8, 9.2 10, 6.6 13.6, 1.4 13",
    "4 open": "2.8 0.4, 1.9 4, 0.8 7.8, 0.8 7.8, 5 7.7, 9.4 7.4 / 7 1.4, 6.6 8, 6.3 14",
    "4 closed": "6.6 14, 6.7 7, 6.8 0.2, 6.8 0.2, 3.6 5, 0.4 9.6, 0.4 9.6, 5 9.5, 9.6 9.4",
    "4 in one stroke": "2.6 0.5, 1.4 4.5, 1.6 6.8, 4.5 7, 7.4 6.2, 7.4 6.2, 8 0.8, 8 0.8, 7.2 7, 6.6 14",
    "4 with a broken corner": "4 0.4, 2.4 4.6, 0.8 9, 0.8 9, 3 9, 5.4 8.9 / 7 4.4, 7 9, 7 14",
    "5 in two strokes": (
        "2.4 0.4, 2 3, 1.8 5.8, 1.8 5.8, 5 5.2, 8.2 7, 8.4 10.6, 5.6 13.7, 1 13 / 2.4 0.4, 5.5 0.3, 9 0.1"
    ),
    "5 with a detached bar": (
        "2.3 1.6, 2 3.6, 1.7 6.2, 1.7 6.2, 5 5.4, 8.2 7.3, 8.3 10.8, 5.4 13.8, 0.9 13 / 3.7 0.4, 6 0.2, 9.2 0"
    ),
    "5 in one stroke": "8.8 0.5, 5.8 0.6, 3 0.7, 3 0.7, 2 5.6, 2 5.6, 5.4 5.2, 8.3 7.8, 7.6 12, 4.2 13.9, 0.8 12.4",
    "5 like an S": "8.4 0.6, 5 0.2, 2.6 1.4, 2.2 4.4, 4.6 6.2, 7.8 8.2, 8 11.6, 5.2 13.9, 1.2 13",
    "6 round": "7 0.2, 3.6 3, 1.2 8, 1.8 12.4, 5 14, 8.3 12, 8.4 9, 5.6 7.3, 2.6 8.8, 1.5 11",
    "6 straight": "6.4 0, 3.6 5, 1.5 10, 2.6 13.3, 5.8 13.8, 8 11.2, 6.6 8.6, 3.8 8.6, 1.9 10.8",
    "6 with a hook": "8 1.8, 6.4 0.2, 3.4 1.8, 1.3 6.5, 1.4 11.6, 4.6 14, 8 12.2, 8.3 8.8, 5.4 7, 2.3 8.4, 1.3 10",
    "6 with a large loop": "6.6 0.2, 3 3.4, 1 8.6, 2 12.8, 5.4 14, 8.8 11.4, 8.4 7, 5.2 5.4, 2.2 7.2, 1.2 9.6",
    "7 without a bar": "1 0.8, 5 0.7, 9 0.5, 9 0.5, 6.4 6.4, 4.2 14",
    "7 with a bar": "1 0.8, 5 0.6, 9 0.5, 9 0.5, 6.2 6.6, 4.2 14 / 3 7.4, 5.8 7, 8.6 6.8",
    "7 with a serif and a bar": (
        "0.9 2.6, 1.1 0.7, 1.1 0.7, 5 1, 9.2 0.4, 9.2 0.4, 6.4 6.6, 4.4 14 / 3.2 7.2, 8.8 6.6"
    ),
    "7 curved": "0.8 1.2, 2 0.6, 5 1.2, 8.8 0.6, 8.8 0.6, 6 5.2, 4.8 9.6, 4.6 14",
    "8 in one stroke": (
        "8 1.6, 5 0, 2 1.8, 2.6 4.6, 5.4 6.6, 8.4 9.4, 8 12.8, 5 14, 1.8 12.6, 1.8 9.4, 5 6.6, 7.6 4.4, 8 1.6"
    ),
    "8 of two circles": (
        "5 0.1, 2.4 1.4, 2.2 4.6, 5 6.4, 7.8 4.6, 7.6 1.4, 5 0.1 / 5 6.4, 1.9 8.4, 1.7 12, 5 14, 8.3 12, 8.1 8.4, 5 6.4"
    ),
    "8 open at the top": "7.8 1.2, 4.8 0.2, 2.2 2.2, 3.4 5.2, 7 8, 8.2 11.2, 5.4 13.9, 2 12.4, 2.2 9, 5.6 6, 8.3 2.4",
    "8 slim": "7 2, 5 0.1, 3 1.8, 3.6 4.6, 5.6 7, 7 10, 6 13.4, 3.6 13.2, 2.8 10.4, 4.8 6.8, 6.8 4, 7 1.8",
    "9 straight": "7.8 2.6, 5 0.2, 1.8 1.8, 1.5 5.2, 4.4 7.2, 7.4 5.2, 8 2, 8 2, 7.6 8, 7.2 14",
    "9 curved": "7.9 2.8, 5.2 0.2, 2 1.6, 1.5 5, 4.2 7, 7.3 5.2, 8 2.4, 8.2 7, 7.4 11.6, 4.6 13.9, 1.6 12.6",
    "9 with a large head": "8 1.8, 4.4 0, 1.2 2.8, 1.6 7, 4.8 8.6, 7.8 5.8, 8.2 1.6, 8.2 1.6, 8 8, 7.6 14",
    "9 leaning": "8.2 1.6, 5.2 0.4, 2.6 2.6, 2.8 5.6, 5.6 6.2, 8 3.4, 8.4 1.2, 8.4 1.2, 6.4 7, 4 13.8",
}
# Letters that no digit resembles.
WRITTEN_LETTERS = {
    "A": "1 14, 3 7, 5 0, 5 0, 7 7, 9 14 / 2.5 9, 5 9, 7.5 9",
    "E": "8.5 0.3, 1.5 0.3, 1.5 0.3, 1.5 7, 1.5 13.7, 1.5 13.7, 8.8 13.7 / 1.5 6.8, 7 6.8",
    "F": "8.5 0.3, 1.5 0.3, 1.5 0.3, 1.5 7, 1.5 14 / 1.5 6.8, 7 6.8",
    "H": "1 0, 1 7, 1 14 / 9 0, 9 7, 9 14 / 1 7, 5 7, 9 7",
    "K": "1.5 0, 1.5 7, 1.5 14 / 9 0, 1.5 7.6, 1.5 7.6, 9 14",
    "M": "0.5 14, 1.5 0, 1.5 0, 5 9, 5 9, 8.5 0, 8.5 0, 9.5 14",
    "N": "1 14, 1 0, 1 0, 9 14, 9 14, 9 0",
    "R": "1.5 14, 1.5 7, 1.5 0.3, 1.5 0.3, 6 0.2, 8.5 3.5, 6 7, 1.5 7.2, 1.5 7.2, 9 14",
    "T": "0.5 0.3, 5 0.3, 9.5 0.3 / 5 0.3, 5 7, 5 14",
    "W": "0.3 0, 2.6 14, 2.6 14, 5 5, 5 5, 7.4 14, 7.4 14, 9.7 0",
    "X": "1 0, 5 7, 9 14 / 9 0, 5 7, 1 14",
    "Y": "1 0, 5 6.6, 5 6.6, 9 0 / 5 6.6, 5 10, 5 14",
}


def strokes_of(written: dict[str, str]) -> dict[str, list[Stroke]]:
    """Return the points of each stroke of each shape."""
    return {
        name: [
            [(float(right), float(down)) for right, down in (point.split() for point in stroke.split(","))]
            for stroke in strokes.split("/")
        ]
        for name, strokes in written.items()
    }


GLYPHS = strokes_of(WRITTEN)
LETTERS = strokes_of(WRITTEN_LETTERS)


class Scene(NamedTuple):
    """How a digit is written and photographed."""

    name: str
    paper: tuple[int, int, int] = WHITE
    pen: tuple[int, int, int] = (20, 20, 20)
    shadow: str = ""  # 'slope', 'corner' or 'edge'
    noise: float = 0.0  # standard deviation, of 255
    lines: str = ""  # 'ruled' or 'squared'
    format: str = "png"
    size: tuple[int, int] = (400, 500)  # (width, height)
    height: float = 0.6  # of the digit, as a fraction of the picture's shorter side
    pen_width: float = 0.09  # as a fraction of the digit's height


SCENES = [
    Scene("as MNIST's, but dark on light", size=(28, 28), height=0.72, pen_width=0.12),
    Scene("as MNIST's", BLACK, WHITE, size=(28, 28), height=0.72, pen_width=0.12, format="bmp"),
    Scene("a drawing program", pen=BLACK, size=(280, 280), height=0.7, pen_width=0.08),
    Scene("a brush", pen=(10, 10, 60), size=(200, 260), height=0.75, pen_width=0.17, format="gif"),
    Scene("a fine pen on a large sheet", WHITE, BLUE, "", 4, "", "jpeg", (1200, 900), 0.35, 0.025),
    Scene("a ball pen in the evening", (208, 190, 150), (40, 45, 120), "slope", 7, "", "jpeg", (640, 480), 0.5, 0.05),
    Scene(
        "a pencil in a hand's shadow", (235, 232, 225), (105, 105, 110), "edge", 5, "", "jpeg", (480, 640), 0.5, 0.06
    ),
    Scene("ruled paper", (250, 250, 245), (30, 30, 40), "", 4, "ruled", "jpeg", (500, 400), 0.55, 0.07),
    Scene("squared paper under a lamp", (245, 246, 250), BLUE, "corner", 5, "squared", "webp", (450, 600), 0.5, 0.06),
    Scene("chalk on a blackboard", (45, 60, 52), (225, 225, 215), "slope", 9, "", "jpeg", (800, 600), 0.5, 0.08),
    Scene("red on yellow, tightly cut", (245, 225, 120), (190, 30, 30), "", 0, "", "tiff", (120, 150), 0.9, 0.12),
    Scene("a thick marker", pen=(15, 15, 15), noise=3, format="jpeg", size=(320, 320), height=0.8, pen_width=0.2),
    Scene("small in a corner", pen=(60, 60, 60), noise=3, size=(300, 300), height=0.22, pen_width=0.11),
]


class Drawing(NamedTuple):
    """One picture and what it shows."""

    content: bytes
    digit: int
    glyph: str
    scene: str


def drawings(each: int = 1, seed: int = 0) -> Iterator[Drawing]:
    """Every glyph in every scene, `each` times, with another hand and another place each time."""
    rng = np.random.default_rng(seed)
    for glyph, scene in list(product(GLYPHS, SCENES)) * each:
        yield Drawing(encode(photograph(glyph, scene, rng), scene.format), int(glyph[0]), glyph, scene.name)


def photograph(glyph: str, scene: Scene, rng: np.random.Generator) -> Array:
    """A picture, uint8 (H, W, 3), of a glyph written once."""
    width, height = scene.size
    ink = write(glyph, scene, rng)[..., None]
    paper = np.array(scene.paper, float) * np.ones((height, width, 1))
    if scene.lines:
        paper = paper * (1 - _lines(scene, rng)[..., None] * np.array([0.35, 0.22, 0.12]))
    colours = paper * (1 - ink) + np.array(scene.pen, float) * ink
    colours = colours * _light(scene, rng)[..., None] + rng.normal(0, scene.noise, (height, width, 1))
    return np.clip(colours, 0, 255).round().astype(np.uint8)


def encode(picture: Array, format: str) -> bytes:
    """The picture as a file of that format; JPEG and WebP as strongly compressed as a messenger does it."""
    file = io.BytesIO()
    image = Image.fromarray(picture)
    image.save(file, format, **({"quality": 60} if format in ("jpeg", "webp") else {}))
    return file.getvalue()


def write(glyph: str, scene: Scene, rng: np.random.Generator) -> Array:
    """How much ink is on each pixel, (H, W) in [0, 1]."""
    width, height = scene.size
    fine = max(1, min(8, 1600 // max(width, height)))  # drawn larger, then averaged, so that edges are soft
    tall = scene.height * min(width, height) * rng.uniform(0.9, 1.05)
    points = [_curve(stroke, rng) - [5, 7] for stroke in (GLYPHS | LETTERS)[glyph]]
    turn = rng.normal(0, 0.05)
    slant = rng.normal(0.1, 0.12)
    form = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) @ np.array([[1, 0], [-slant, 1]])
    points = [stroke * [rng.uniform(0.9, 1.1), 1] @ form * tall / 14 for stroke in points]
    pen = max(1.3, scene.pen_width * tall * rng.uniform(0.85, 1.15))
    every = np.concatenate(points)
    low, high = every.min(axis=0) - pen, every.max(axis=0) + pen
    space = np.array([width, height]) - (high - low)
    place = np.where(space > 0, rng.uniform(0.25, 0.75, 2) * space, space / 2) - low
    if scene.name == "small in a corner":
        place = np.array([0.05, 0.07]) * space - low
    image = Image.new("L", (width * fine, height * fine))
    draw = ImageDraw.Draw(image)
    for stroke in points:
        _draw_line(draw, (stroke + place) * fine, pen * fine)
    return np.asarray(image.reduce(fine), float) / 255


def _draw_line(draw: ImageDraw.ImageDraw, stroke: Array, pen: float) -> None:
    draw.line([tuple(point) for point in stroke], fill=255, width=max(1, round(pen)))
    for x, y in stroke:  # round ends and joints
        draw.ellipse([x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2], fill=255)


def _curve(stroke: Stroke, rng: np.random.Generator) -> Array:
    """A smooth curve through the points (Catmull and Rom), each a little off its place; corners stay corners."""
    points = np.array(stroke, float)
    moved = points + rng.normal(0, 0.25, points.shape)
    for place in range(1, len(points)):
        if (points[place] == points[place - 1]).all():
            moved[place] = moved[place - 1]
    if (points[0] == points[-1]).all():
        moved[-1] = moved[0]
    bends = np.vstack([2 * moved[0] - moved[1], moved, 2 * moved[-1] - moved[-2]])
    t = np.linspace(0, 1, 24)[:, None]
    pieces = []
    for a, b, c, d in zip(bends, bends[1:], bends[2:], bends[3:], strict=False):
        if (b != c).any():
            a, d = (b if (a == b).all() else a), (c if (c == d).all() else d)
            square, cube = 2 * a - 5 * b + 4 * c - d, 3 * b - a - 3 * c + d
            pieces.append((2 * b + (c - a) * t + square * t**2 + cube * t**3) / 2)
    return np.concatenate(pieces)


def _light(scene: Scene, rng: np.random.Generator) -> Array:
    """How much light falls on each pixel, (H, W)."""
    width, height = scene.size
    right, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    if scene.shadow == "slope":
        angle = rng.uniform(0, 2 * np.pi)
        return 0.8 + 0.5 * ((right - 0.5) * np.cos(angle) + (down - 0.5) * np.sin(angle))
    if scene.shadow == "corner":
        return 0.45 + 0.6 * np.exp(-((right - rng.uniform(0, 1)) ** 2 + (down - rng.uniform(0, 1)) ** 2) / 0.5)
    if scene.shadow == "edge":
        angle = rng.uniform(0, 2 * np.pi)
        distance = (right - rng.uniform(0.3, 0.7)) * np.cos(angle) + (down - rng.uniform(0.3, 0.7)) * np.sin(angle)
        return 0.6 + 0.4 / (1 + np.exp(-distance / 0.02))
    return np.ones((height, width))


def _lines(scene: Scene, rng: np.random.Generator) -> Array:
    """Where the paper's lines are, (H, W) in [0, 1]; a little aslant, as the paper lies."""
    width, height = scene.size
    right, down = np.meshgrid(np.arange(width), np.arange(height))
    slope = rng.normal(0, 0.02)
    distance = (0.12 if scene.lines == "ruled" else 0.07) * min(width, height)
    half = max(0.8, min(width, height) / 500)
    across = (down + slope * right + rng.uniform(0, distance)) % distance
    lines = np.clip(half + 0.5 - np.abs(across - distance / 2), 0, 1)
    if scene.lines == "squared":
        along = (right - slope * down + rng.uniform(0, distance)) % distance
        lines = np.maximum(lines, np.clip(half + 0.5 - np.abs(along - distance / 2), 0, 1))
    return lines
