"""Measure which pictures are recognized as not showing a digit, by `Typicality` and by the probability alone.

    python benchmarks/non_digits.py --data FOLDER
    python benchmarks/non_digits.py --data sample --epochs 20

Pictures without a digit are drawn by tests/support/non_digits.py. The first rows are digits, of which few should be
flagged: test digits as they are, and after `read_digit` from sharp, small and blurred pictures. With --data sample, the
test digits are those that calibrate the score, so exactly 0.9 % of them are flagged.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from article_network import Array, floats, read_network_options, trained_network

from scratchcnn import Sequential
from scratchcnn.typicality import RARE, Typicality

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from digit_conditions import blurred, resized
from drawn_digits import drawings as drawn_digits
from non_digits import FONTS, Picture, drawings, letters, noise, printed, read_all, symbols

LEAST_PROBABILITY = 0.9  # the baseline flags images whose largest probability is below it


class Row(NamedTuple):
    """One row of the table: fractions of all pictures of a kind."""

    kind: str
    pictures: int
    refused: float  # by read_digit
    flagged: float  # by Typicality
    uncertain: float  # flagged by the baseline


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure which pictures are recognized as not showing a digit.")
    options, train, (x_test, _) = read_network_options(parser)
    model = trained_network(options, train)
    print_table(measure(model, x_test, options.count))


def measure(model: Sequential, x_test: Array, count: int) -> Iterator[Row]:
    """Yield the rows of the table: digits, of which `count` for each kind of picture, then pictures without a digit."""
    typicality = Typicality(model)
    yield _row("test digits as they are", floats(x_test), len(x_test), model, typicality)
    pictures = [*pictures_of_digits(x_test[:: max(1, len(x_test) // count)][:count]), *pictures_without_digit()]
    for kind in dict.fromkeys(picture.kind for picture in pictures):
        same = [picture for picture in pictures if picture.kind == kind]
        yield _row(kind, read_all(same), len(same), model, typicality)


def print_table(rows: Iterator[Row]) -> None:
    """Print the table in Markdown, row by row."""
    print(f"| pictures | count | refused | typicality below {RARE:.0%} | probability below {LEAST_PROBABILITY:.0%} |")
    print("|---|---|---|---|---|")
    for row in rows:
        fractions = " | ".join(f"{100 * value:.1f} %" for value in (row.refused, row.flagged, row.uncertain))
        print(f"| {row.kind} | {row.pictures:,} | {fractions} |", flush=True)


def pictures_without_digit() -> Iterator[Picture]:
    """Draw all pictures without a digit."""
    rng = np.random.default_rng(0)
    yield from letters(6, rng)
    yield from symbols()
    yield from drawings(40, rng)
    yield from noise(60, rng)


def pictures_of_digits(images: Array) -> Iterator[Picture]:
    """Draw MNIST digits (N, 28, 28) as dark ink, sharp and degraded, and the digits of the tests and of fonts."""
    changes: dict[str, Callable[[Array], Array]] = {
        "test digits, read from 280 x 280 pixels": lambda image: np.kron(image, np.ones((10, 10), np.uint8)),
        "test digits, shrunk to 16 x 16 and enlarged": lambda image: resized(image, 16, 160),
        "test digits, shrunk to 12 x 12 and enlarged": lambda image: resized(image, 12, 160),
        "test digits, blurred (sigma 12 of 288 pixels)": lambda image: blurred(image, 12),
    }
    for kind, change in changes.items():
        for number, image in enumerate(images):
            yield Picture(kind, str(number), 255 - change(image))
    for drawing in drawn_digits():
        yield Picture("handwritten digits that the tests draw", drawing.glyph, drawing.content)
    for digit in "0123456789":
        for font, file in FONTS.items():
            yield Picture("digits of fonts", f"{digit} {font}", printed(digit, file))


def _row(kind: str, images: Array, pictures: int, model: Sequential, typicality: Typicality) -> Row:
    """Measure the images of one kind, of which `pictures` - N were refused."""
    refused = 1 - len(images) / pictures
    if len(images) == 0:
        return Row(kind, pictures, refused, 0.0, 0.0)
    rare = typicality.score(images) < RARE
    uncertain = model.predict(images).max(axis=1) < LEAST_PROBABILITY
    return Row(kind, pictures, refused, rare.sum() / pictures, uncertain.sum() / pictures)


if __name__ == "__main__":
    main()
