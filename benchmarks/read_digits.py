"""Trains the article's network and prints how many drawn pictures of digits it reads right.

    python benchmarks/read_digits.py --data FOLDER
    python benchmarks/read_digits.py --data sample

The pictures are drawn by tests/support/drawn_digits.py: 41 shapes of the ten digits in 13 scenes (pens, papers, light,
noise, file formats). Beside `read_digit` stand the article's own steps, for which each picture is made 28 x 28 first,
since they do nothing else: as it is, and turned to light on dark.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from article_network import Array, floats, scratchcnn_model
from PIL import Image

from scratchcnn import Sequential
from scratchcnn.datasets import mnist
from scratchcnn.preprocessing import read_digit

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from drawn_digits import Drawing, drawings

MOST_FAILURES = 12  # that are printed


def main() -> None:
    options, (x_train, y_train), (x_test, y_test) = read_command_line()
    model = scratchcnn_model(options.seed)
    model.fit(floats(x_train), y_train, batch_size=128, epochs=options.epochs, verbose=2)
    accuracy = model.evaluate(floats(x_test), y_test, verbose=0)[1]
    print(f"\n{len(x_train)} training images, {options.epochs} epochs, test accuracy {accuracy:.4f}")
    drawn = list(drawings(options.each, options.drawing_seed))
    digits = np.array([drawing.digit for drawing in drawn])
    images, refused = read_all(drawn)
    small = np.concatenate([as_is(drawing) for drawing in drawn])
    print(f"{len(drawn)} drawn pictures, share that is read right:")
    answers = model.predict(images).argmax(axis=1)
    for name, right in (
        ("read_digit", (answers == digits) & ~refused),
        ("the article's steps, after scaling to 28 x 28", said(model, small) == digits),
        ("the same, light and dark exchanged", said(model, 1 - small) == digits),
    ):
        print(f"  {np.mean(right):7.2%}  {name}")
    print_failures(drawn, answers, refused)


def said(model: Sequential, images: Array) -> Array:
    return model.predict(images).argmax(axis=1)


def read_all(drawn: list[Drawing]) -> tuple[Array, Array]:
    """Images (n, 28, 28, 1), empty where a picture was refused, and which were."""
    images = np.zeros((len(drawn), 28, 28, 1), np.float32)
    refused = np.zeros(len(drawn), bool)
    for number, drawing in enumerate(drawn):
        try:
            images[number] = read_digit(drawing.content).image[0]
        except ValueError:
            refused[number] = True
    return images, refused


def as_is(drawing: Drawing) -> Array:
    """What the article's steps make of a picture, (1, 28, 28, 1), once it has the size that they need."""
    small = Image.open(io.BytesIO(drawing.content)).convert("RGB").resize((28, 28), Image.Resampling.BILINEAR)
    return read_digit(np.asarray(small), as_is=True).image


def print_failures(drawn: list[Drawing], answers: Array, refused: Array) -> None:
    """Which shapes are read wrong, and as what; the most frequent first."""
    wrong: Counter[tuple[str, str]] = Counter()
    for drawing, answer, none in zip(drawn, answers, refused, strict=True):
        if none or answer != drawing.digit:
            wrong[drawing.glyph, "refused" if none else f"read as {answer}"] += 1
    for (glyph, answer), count in wrong.most_common(MOST_FAILURES):
        print(f"  {count:4} × {glyph}: {answer}")


def read_command_line() -> tuple[argparse.Namespace, tuple[Array, Array], tuple[Array, Array]]:
    parser = argparse.ArgumentParser(description="Share of drawn pictures of digits that are read right.")
    parser.add_argument("--data", help="'sample', or a folder of IDX files or .npz; default: as load_data() finds it")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the training")
    parser.add_argument("--drawing-seed", type=int, default=0, help="of the drawings")
    parser.add_argument("--each", type=int, default=1, help="how often each shape is drawn in each scene")
    options = parser.parse_args()
    for name, least in {"epochs": 1, "seed": 0, "drawing_seed": 0, "each": 1}.items():
        if getattr(options, name) < least:
            received = getattr(options, name)
            parser.error(f"argument --{name.replace('_', '-')}: expected at least {least}, received {received}")
    try:
        train, test = mnist.load_sample() if options.data == "sample" else mnist.load_data(options.data)
    except (OSError, ValueError) as error:
        parser.error(f"argument --data: {error}")
    return options, train, test


if __name__ == "__main__":
    main()
