"""Draws pictures that show no digit: letters of fonts and of a pen, symbols, faces, clothes, noise, empty paper."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from scratchcnn.preprocessing import read_digit

Array = np.ndarray[Any, Any]

SIDE = 112  # pixels of a picture
FINE = 4  # pictures are drawn larger, then averaged, so that edges are soft
PAPER, INK = 245, 30  # grey levels

UPPER, LOWER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
LOOK_ALIKES = "OoDQIlijJZzSsbGBgqy"  # of 0, 1, 2, 5, 6, 8, 9 and 4
SYMBOLS = "!#$%&*+=?@<>[]{}~^€§¶★♥♪☎✿♣☂∞Σπ∀√"

FONTS = {  # the files of matplotlib; 'Pillow' is the font built into Pillow
    "Pillow": "",
    "Sans": "DejaVuSans.ttf",
    "Sans bold": "DejaVuSans-Bold.ttf",
    "Sans oblique": "DejaVuSans-Oblique.ttf",
    "Serif": "DejaVuSerif.ttf",
    "Serif bold": "DejaVuSerif-Bold.ttf",
    "Serif italic": "DejaVuSerif-Italic.ttf",
    "Mono": "DejaVuSansMono.ttf",
    "Mono bold": "DejaVuSansMono-Bold.ttf",
}

# Strokes, divided by a slash: points (right, down) in a box 10 wide and 14 high, lower-case letters below 5 and to 19.
# Lines are rounded at each point, except at one that is given twice.
WRITTEN = {
    "A": "1 14, 5 0, 5 0, 9 14 / 2.5 9, 7.5 9",
    "B": "1.5 0, 1.5 14 / 1.5 0, 8 0, 8 6.5, 2 6.5, 2 6.5, 9.5 6.5, 9.5 14, 1.5 14",
    "C": "9 2.5, 7 0, 1 0, 1 14, 7 14, 9 11.5",
    "D": "1.5 0, 1.5 14 / 1.5 0, 9.5 0, 9.5 14, 1.5 14",
    "E": "8.5 0, 1.5 0, 1.5 0, 1.5 14, 1.5 14, 8.8 14 / 1.5 7, 7 7",
    "F": "8.5 0, 1.5 0, 1.5 0, 1.5 14 / 1.5 7, 7 7",
    "G": "9 2.5, 7 0, 1 0, 1 14, 8.5 14, 8.5 8, 8.5 8, 5.5 8",
    "H": "1 0, 1 14 / 9 0, 9 14 / 1 7, 9 7",
    "I": "2.5 0, 7.5 0 / 5 0, 5 14 / 2.5 14, 7.5 14",
    "J": "7.5 0, 7.5 14, 1.5 14, 1.5 10",
    "K": "1.5 0, 1.5 14 / 9 0, 1.5 7.5, 1.5 7.5, 9 14",
    "L": "1.5 0, 1.5 14, 1.5 14, 8.5 14",
    "M": "0.5 14, 1.5 0, 1.5 0, 5 9, 5 9, 8.5 0, 8.5 0, 9.5 14",
    "N": "1 14, 1 0, 1 0, 9 14, 9 14, 9 0",
    "O": "5 0, 0 0, 0 14, 10 14, 10 0, 5 0",
    "P": "1.5 14, 1.5 0, 1.5 0, 9 0, 9 7.5, 1.5 7.5",
    "Q": "5 0, 0 0, 0 14, 10 14, 10 0, 5 0 / 6 10, 9.5 15",
    "R": "1.5 14, 1.5 0, 1.5 0, 9 0, 9 7, 1.5 7, 1.5 7, 9 14",
    "S": "8.5 2.5, 7.5 0, 1 0, 1 6, 9 8, 9 14, 2 14, 1 11",
    "T": "0.5 0, 9.5 0 / 5 0, 5 14",
    "U": "1 0, 1 14, 9 14, 9 0",
    "V": "0.5 0, 5 14, 5 14, 9.5 0",
    "W": "0.3 0, 2.6 14, 2.6 14, 5 5, 5 5, 7.4 14, 7.4 14, 9.7 0",
    "X": "1 0, 9 14 / 9 0, 1 14",
    "Y": "1 0, 5 6.6, 5 6.6, 9 0 / 5 6.6, 5 14",
    "Z": "1 0, 9 0, 9 0, 1 14, 1 14, 9 14",
    "a": "8 7, 7 5, 1 5, 1 14, 7 14, 8 11 / 8 5, 8 12, 9.5 14",
    "b": "1.5 0, 1.5 14 / 1.5 10, 3 5, 9 5, 9 14, 3 14, 1.5 11",
    "c": "8.5 7, 7 5, 1 5, 1 14, 7 14, 8.5 12",
    "d": "8.5 0, 8.5 14 / 8.5 10, 7 5, 1 5, 1 14, 7 14, 8.5 11",
    "e": "1.5 9.5, 8.5 9.5, 8.5 5, 1 5, 1 14, 7 14, 8.5 12",
    "f": "8.5 1.5, 7 0, 4.5 0, 4.5 14 / 1.5 6, 7.5 6",
    "g": "8 7, 7 5, 1 5, 1 13, 7 13, 8 11 / 8 5, 8 19, 2 19, 1.5 17",
    "h": "1.5 0, 1.5 14 / 1.5 9, 3 5, 8.5 5, 8.5 14",
    "i": "5 5, 5 14 / 5 1.5, 5 2",
    "j": "6 5, 6 19, 2 19, 1.5 17 / 6 1.5, 6 2",
    "k": "1.5 0, 1.5 14 / 8 5, 1.5 10, 1.5 10, 8.5 14",
    "l": "4 0, 4 14, 6.5 14",
    "m": "0.5 5, 0.5 14 / 0.5 8, 1 5, 5 5, 5 14 / 5 8, 5.5 5, 9.5 5, 9.5 14",
    "n": "1.5 5, 1.5 14 / 1.5 9, 3 5, 8.5 5, 8.5 14",
    "o": "5 5, 0.5 5, 0.5 14, 9.5 14, 9.5 5, 5 5",
    "p": "1.5 5, 1.5 19 / 1.5 9, 3 5, 9 5, 9 14, 3 14, 1.5 11",
    "q": "8.5 5, 8.5 19 / 8.5 9, 7 5, 1 5, 1 14, 7 14, 8.5 11",
    "r": "2 5, 2 14 / 2 9, 3.5 5, 7 5, 8 6.5",
    "s": "8 6.5, 7 5, 1.5 5, 1.5 9, 8.5 10, 8.5 14, 2.5 14, 1.5 12.5",
    "t": "4.5 1, 4.5 14, 7 14, 8 13 / 1.5 5, 8 5",
    "u": "1.5 5, 1.5 14, 7 14, 8 10 / 8.5 5, 8.5 14",
    "v": "1 5, 5 14, 5 14, 9 5",
    "w": "0.3 5, 2.6 14, 2.6 14, 5 7, 5 7, 7.4 14, 7.4 14, 9.7 5",
    "x": "1.5 5, 8.5 14 / 8.5 5, 1.5 14",
    "y": "1.5 5, 5 13 / 8.5 5, 4 19, 1.5 19",
    "z": "1.5 5, 8.5 5, 8.5 5, 1.5 14, 1.5 14, 8.5 14",
}

# Outlines of clothes, as in Fashion-MNIST, in a box of 20 x 20.
CLOTHES = {
    "T-shirt": "6 1, 8 3, 12 3, 14 1, 20 5, 18 9, 15 7.5, 15 19, 5 19, 5 7.5, 2 9, 0 5",
    "pullover": "7 1, 9 2.5, 11 2.5, 13 1, 17 3, 20 18, 17 19, 15 9, 15 19, 5 19, 5 9, 3 19, 0 18, 3 3",
    "trousers": "5 0, 15 0, 17 20, 12 20, 10 6, 8 20, 3 20",
    "dress": "7 0, 8 3, 12 3, 13 0, 14 6, 12.5 9, 17 20, 3 20, 7.5 9, 6 6",
    "shoe": "0 6, 5 5, 9 10, 17 12, 20 15, 20 17, 0 17",
    "boot": "4 1, 11 1, 11 10, 18 13, 20 16, 20 19, 11 19, 10 17, 8 19, 4 19",
    "sandal": "0 5, 2 5, 4 12, 10 13, 14 8, 16 9, 14 14, 20 15, 20 17, 3 16, 2 18, 0 18",
    "bag": "3 8, 5 8, 7 2, 13 2, 15 8, 17 8, 20 19, 0 19, 3 8, 13.5 8, 12 4, 8 4, 6.5 8",
}


class Picture(NamedTuple):
    """A picture: uint8 (H, W), dark on light, or the content of a file; `as_is`: (28, 28), the input of a network."""

    kind: str
    name: str
    content: Array | bytes
    as_is: bool = False


def read_all(pictures: Iterable[Picture]) -> Array:
    """Return the images (N, 28, 28, 1) of all pictures that `read_digit` does not refuse."""
    images = [np.zeros((0, 28, 28, 1), np.float32)]
    for picture in pictures:
        try:
            images.append(read_digit(picture.content, as_is=picture.as_is).image)
        except ValueError:
            continue
    return np.concatenate(images)


def letters(hands: int, rng: np.random.Generator) -> Iterator[Picture]:
    """Every letter in every font, and written `hands` times with a pen."""
    for letter in UPPER + LOWER:
        alike = ", like digits" if letter in LOOK_ALIKES else ""
        for font in FONTS:
            yield Picture(f"letters of fonts{alike}", f"{letter} {font}", printed(letter, FONTS[font]))
        for _ in range(hands):
            yield Picture(f"written letters{alike}", f"{letter} written", written(WRITTEN[letter], rng))


def symbols() -> Iterator[Picture]:
    """Every symbol in two fonts."""
    for symbol in SYMBOLS:
        for font in ("Sans", "Sans bold"):
            yield Picture("symbols", f"{symbol} {font}", printed(symbol, FONTS[font]))


def drawings(count: int, rng: np.random.Generator) -> Iterator[Picture]:
    """`count` pictures of each: a face, every piece of clothing (half of them as an outline), a scribble."""
    for number in range(count):
        yield Picture("faces", f"face {number}", face(rng))
        for name, outline in CLOTHES.items():
            yield Picture("clothes", f"{name} {number}", clothing(outline, rng, filled=number % 2 == 0))
        yield Picture("scribbles", f"scribble {number}", scribble(rng))


def printed(letter: str, file: str) -> Array:
    """A letter or symbol of a font."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    font = ImageFont.truetype(folder / file, 64) if file else ImageFont.load_default(64)
    image = Image.new("L", (SIDE, SIDE), PAPER)
    ImageDraw.Draw(image).text((SIDE / 2, SIDE / 2), letter, fill=INK, font=font, anchor="mm")
    return np.asarray(image)


def written(strokes: str, rng: np.random.Generator) -> Array:
    """A letter of strokes, each point a little off its place, with a random slant, width and pen."""
    slant, width, pen = rng.normal(0.1, 0.12), rng.uniform(0.85, 1.15), rng.uniform(0.8, 1.7)
    lines = []
    for stroke in strokes.split("/"):
        line = points(stroke)
        shift = rng.normal(0, 0.25, line.shape)
        same = np.flatnonzero((line[1:] == line[:-1]).all(axis=1))
        shift[same + 1] = shift[same]  # corners stay corners
        line = rounded(line + shift) - [5, 9]
        lines.append(line @ np.array([[width, 0], [-slant, 1]]) * 4 + SIDE / 2)
    return pen_drawing(lines, 4 * pen)


def face(rng: np.random.Generator) -> Array:
    """A circle with two eyes and a mouth, half of them with a nose."""
    turn = np.linspace(0, 2 * np.pi, 60)
    circle = np.stack([np.cos(turn), np.sin(turn)], 1)
    size = rng.uniform([28, 32], [38, 42])
    eye = rng.uniform(0.25, 0.45), rng.uniform(-0.45, -0.2)
    along = np.linspace(-0.5, 0.5, 20)
    mouth = np.stack([along, 0.4 + rng.uniform(-0.25, 0.25) * np.cos(np.pi * along)], 1)
    parts = [circle, circle * 0.08 + eye, circle * 0.08 + [-eye[0], eye[1]], mouth]
    if rng.random() < 0.5:
        parts.append(np.array([[0, -0.1], [-0.1, 0.15], [0.05, 0.15]]))
    return pen_drawing([part * size + SIDE / 2 for part in parts], rng.uniform(3, 6))


def clothing(outline: str, rng: np.random.Generator, filled: bool) -> Array:
    """The silhouette or the outline of a piece of clothing."""
    line = (points(outline) - 10 + rng.normal(0, 0.3, (outline.count(",") + 1, 2))) * rng.uniform(3, 4, 2) + SIDE / 2
    if not filled:
        return pen_drawing([np.vstack([line, line[:1]])], rng.uniform(3, 6))
    image = Image.new("L", (SIDE * FINE, SIDE * FINE), PAPER)
    ImageDraw.Draw(image).polygon([tuple(point) for point in line * FINE], fill=int(rng.uniform(20, 120)))
    return np.asarray(image.reduce(FINE))


def scribble(rng: np.random.Generator) -> Array:
    """A smooth line along random points."""
    return pen_drawing([rounded(rng.uniform(20, SIDE - 20, (int(rng.integers(5, 12)), 2)))], rng.uniform(3, 6))


def noise(count: int, rng: np.random.Generator) -> Iterator[Picture]:
    """`count` pictures of each: paper with nothing but noise, and three kinds of noise in images of 28 x 28 pixels."""
    for number in range(count):
        paper = rng.normal(rng.uniform(120, 235), rng.uniform(1, 6), (SIDE, SIDE))
        yield Picture("empty paper", f"paper {number}", as_pixels(paper))
        uniform = rng.uniform(0, 255, (28, 28))
        yield Picture("noise", f"uniform {number}", as_pixels(uniform), as_is=True)
        dots = 255 * (rng.random((28, 28)) < rng.uniform(0.05, 0.5))
        yield Picture("noise", f"dots {number}", as_pixels(dots), as_is=True)
        smooth = np.asarray(
            Image.fromarray(as_pixels(rng.uniform(0, 255, (28, 28)))).filter(ImageFilter.GaussianBlur(2))
        )
        spots = 255 * (smooth > np.quantile(smooth, rng.uniform(0.6, 0.9)))
        yield Picture("noise", f"spots {number}", as_pixels(spots), as_is=True)


def as_pixels(values: Array) -> Array:
    """Round to uint8."""
    return np.clip(values, 0, 255).round().astype(np.uint8)


def pen_drawing(lines: list[Array], pen: float) -> Array:
    """Lines drawn with a round pen."""
    image = Image.new("L", (SIDE * FINE, SIDE * FINE), PAPER)
    draw = ImageDraw.Draw(image)
    for line in lines:
        draw.line([tuple(point) for point in line * FINE], fill=INK, width=round(pen * FINE))
        for x, y in line * FINE:  # round ends and joints
            draw.ellipse([x - pen * FINE / 2, y - pen * FINE / 2, x + pen * FINE / 2, y + pen * FINE / 2], fill=INK)
    return np.asarray(image.reduce(FINE))


def points(stroke: str) -> Array:
    """The points (N, 2) of a written stroke."""
    return np.array([[float(value) for value in point.split()] for point in stroke.split(",")])


def rounded(line: Array) -> Array:
    """Chaikin's corner cutting: replaces each corner by two points, four times; a point given twice stays a corner."""
    for _ in range(4):
        near, far = line[:-1], line[1:]
        cut = np.stack([0.75 * near + 0.25 * far, 0.25 * near + 0.75 * far], 1).reshape(-1, 2)
        line = np.vstack([line[:1], cut, line[-1:]])
    return line
