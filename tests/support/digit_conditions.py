"""Pictures of digits under one condition each: blur, size, contrast, noise, JPEG, frames, several digits."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from drawn_digits import GLYPHS, LETTERS, Scene, drawings, photograph
from PIL import Image, ImageDraw, ImageFilter

Array = np.ndarray[Any, Any]
Source = Array | bytes
Change = Callable[[Array, np.random.Generator], Array]

SIDE = 160  # pixels of most pictures
PAPER, INK = 240, 40  # grey levels


class Condition(NamedTuple):
    """A row of the table: a kind and a degree, and pictures with their digits; None: the picture must be refused."""

    kind: str
    degree: str
    pictures: Callable[[Array, Array, np.random.Generator], Iterator[tuple[Source, int | None]]]


def of_mnist(change: Change) -> Callable[[Array, Array, np.random.Generator], Iterator[tuple[Source, int | None]]]:
    """Return a generator of MNIST digits after a change of uint8 images with light ink (0 is paper)."""

    def pictures(images: Array, labels: Array, rng: np.random.Generator) -> Iterator[tuple[Source, int | None]]:
        for image, label in zip(images, labels, strict=True):
            yield change(image, rng), int(label)

    return pictures


def of_glyphs(
    change: Change, scene: Scene, glyphs: list[str]
) -> Callable[[Array, Array, np.random.Generator], Iterator[tuple[Source, int | None]]]:
    """Return a generator of drawn digits or letters; a letter must be refused."""

    def pictures(images: Array, labels: Array, rng: np.random.Generator) -> Iterator[tuple[Source, int | None]]:
        for number in range(len(images)):
            glyph = glyphs[number % len(glyphs)]
            picture = photograph(glyph, scene, rng)
            yield change(picture, rng), int(glyph[0]) if glyph in GLYPHS else None

    return pictures


def all_scenes(images: Array, labels: Array, rng: np.random.Generator) -> Iterator[tuple[Source, int | None]]:
    """Yield every drawn digit in every scene."""
    for drawing in drawings():
        yield drawing.content, drawing.digit


def resized(image: Array, *sizes: int) -> Array:
    """Resize to each of the sizes in turn, as a thumbnail that is enlarged again."""
    picture = Image.fromarray(image)
    for size in sizes:
        picture = picture.resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(picture)


def blurred(image: Array, sigma: float) -> Array:
    """Enlarge to 288 x 288 pixels, including a margin of 32, and apply a Gaussian blur."""
    large = np.pad(np.kron(image, np.ones((8, 8), np.uint8)), 32)
    return np.asarray(Image.fromarray(large).filter(ImageFilter.GaussianBlur(sigma)))


def on_paper(image: Array, ink: int = INK, margin: int = 0) -> Array:
    """Draw light ink as dark ink on light paper."""
    share = np.pad(image, margin) / 255
    return np.asarray(np.round(PAPER + (ink - PAPER) * share), np.uint8)


def noisy(picture: Array, rng: np.random.Generator, deviation: float) -> Array:
    values = picture + rng.normal(0, deviation, picture.shape)
    return np.asarray(np.clip(values, 0, 255).round(), np.uint8)


def compressed(picture: Array, quality: int) -> Array:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "jpeg", quality=quality)
    return np.asarray(Image.open(file))


def framed(picture: Array, rng: np.random.Generator, frame: str) -> Array:
    """Draw a frame around a digit in the middle of a square picture, with a random distance and line width."""
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    side = len(picture)
    line = int(rng.integers(max(1, side // 100), max(2, side // 35) + 1))
    near = side * rng.uniform(0.03, 0.11)
    far = side - 1 - near
    skew = rng.normal(0, 0.012) * side
    colour = INK if picture.ndim == 2 else (INK,) * 3
    if frame == "circle":
        draw.ellipse([near, near, far, far], outline=colour, width=line)
    elif frame == "box":
        corners = [(near, near + skew), (far - skew, near), (far, far - skew), (near + skew, far)]
        draw.line([*corners, corners[0], corners[1]], fill=colour, width=line, joint="curve")
    elif frame == "cell":  # its lines continue to the neighbouring cells
        for place in (near, far):
            draw.line([(0, place + skew), (side, place - skew)], fill=colour, width=line)
            draw.line([(place - skew, 0), (place + skew, side)], fill=colour, width=line)
    elif frame == "underline":
        draw.line([(0, far + skew), (side, far - skew)], fill=colour, width=line)
    else:
        raise ValueError(f"Expected a box, circle, cell or underline, received {frame!r}.")
    return np.asarray(image)


def ruled(picture: Array, rng: np.random.Generator, squared: bool) -> Array:
    """Draw the digit on paper with lines that cross it, lighter and thinner than its strokes."""
    side = len(picture)
    lines = np.zeros((side, side))
    distance, slope = side * rng.uniform(0.12, 0.2), rng.normal(0, 0.015)
    rows, columns = np.indices((side, side))
    for across, along in ((rows, columns), (columns, -rows))[: 1 + squared]:
        place = (across + slope * along + rng.uniform(0, distance)) % distance
        lines = np.maximum(lines, np.clip(side / 320 + 0.5 - np.abs(place - distance / 2), 0, 1))
    return np.asarray(np.round(picture * (1 - rng.uniform(0.3, 0.55) * lines)), np.uint8)


def tight(image: Array) -> Array:
    """Crop a digit to its bounding box."""
    rows, columns = np.flatnonzero((image > 60).any(axis=1)), np.flatnonzero((image > 60).any(axis=0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def several(count: int, margin: int) -> Callable[[Array, Array, np.random.Generator], Iterator[tuple[Source, None]]]:
    """Return a generator of lines of several digits, with a margin in pixels of MNIST; all must be refused."""

    def pictures(images: Array, labels: Array, rng: np.random.Generator) -> Iterator[tuple[Source, None]]:
        for _ in images:
            digits = [tight(images[place]) for place in rng.integers(0, len(images), count)]
            height = min(map(len, digits)) if margin == 0 else 20
            gap = int(rng.integers(3, 8))
            cells = [
                np.pad(digit[:height], ((0, height - len(digit[:height])), (0, gap if number + 1 < count else 0)))
                for number, digit in enumerate(digits)
            ]
            yield on_paper(np.kron(np.pad(np.hstack(cells), margin), np.ones((4, 4), np.uint8))), None

    return pictures


def without_digit(kind: str) -> Callable[[Array, Array, np.random.Generator], Iterator[tuple[Source, None]]]:
    """Return a generator of empty paper with noise, or of noise alone."""

    def pictures(images: Array, labels: Array, rng: np.random.Generator) -> Iterator[tuple[Source, None]]:
        for _ in images:
            level, deviation = (rng.uniform(120, 250), rng.uniform(0, 12)) if kind == "empty" else (128, 60)
            yield noisy(np.full((SIDE, SIDE), level), rng, deviation), None

    return pictures


LARGE = Scene("large", size=(320, 320), height=0.55, pen_width=0.08)
DIGITS = list(GLYPHS)

CONDITIONS = [
    Condition("sharp", "drawn, all scenes", all_scenes),
    Condition("sharp", "MNIST 28 x 28", of_mnist(lambda x, rng: 255 - x)),
    Condition("sharp", "MNIST 28 x 28, light ink", of_mnist(lambda x, rng: x)),
    Condition("sharp", "MNIST, pixels of 10 x 10", of_mnist(
        lambda x, rng: on_paper(np.kron(x, np.ones((10, 10), np.uint8))))),
    *(
        Condition("size", f"{n} x {n}, enlarged to {SIDE}", of_mnist(lambda x, rng, n=n: 255 - resized(x, n, SIDE)))
        for n in (20, 16, 12, 10)
    ),
    *(Condition("size", f"{n} x {n}", of_mnist(lambda x, rng, n=n: 255 - resized(x, n))) for n in (20, 14)),
    *(Condition("blur", f"sigma {n} of 288", of_mnist(lambda x, rng, n=n: 255 - blurred(x, n))) for n in (6, 12, 16)),
    *(
        Condition("contrast", f"{n} %, noise 2", of_mnist(
            lambda x, rng, n=n: noisy(on_paper(resized(x, SIDE), round(PAPER * (1 - n / 100))), rng, 2)))
        for n in (50, 20, 12)
    ),
    *(
        Condition("noise", f"{n} of 255", of_mnist(lambda x, rng, n=n: noisy(on_paper(resized(x, SIDE)), rng, n)))
        for n in (10, 25, 40)
    ),
    *(
        Condition("JPEG", f"quality {n}", of_mnist(
            lambda x, rng, n=n: compressed(on_paper(resized(x, SIDE // 2)), n)))
        for n in (30, 10, 5)
    ),
    *(
        Condition("frame", f"MNIST, {frame}", of_mnist(
            lambda x, rng, frame=frame: framed(on_paper(resized(x, SIDE), margin=24), rng, frame)))
        for frame in ("box", "circle", "cell", "underline")
    ),
    *(
        Condition("frame", f"drawn, {frame}", of_glyphs(
            lambda x, rng, frame=frame: framed(x, rng, frame), LARGE, DIGITS))
        for frame in ("box", "circle", "cell", "underline")
    ),
    *(
        Condition("paper", name, of_mnist(
            lambda x, rng, squared=squared: ruled(on_paper(resized(x, 224), margin=32), rng, squared)))
        for name, squared in (("ruled", False), ("squared", True))
    ),
    Condition("several", "2, tightly cropped", several(2, 0)),
    Condition("several", "2, with a margin", several(2, 4)),
    Condition("several", "4, tightly cropped", several(4, 0)),
    Condition("several", "4, with a margin", several(4, 4)),
    Condition("not a digit", "empty paper", without_digit("empty")),
    Condition("not a digit", "noise", without_digit("noise")),
    Condition("not a digit", "letters", of_glyphs(lambda x, rng: x, LARGE, list(LETTERS))),
]  # fmt: skip
