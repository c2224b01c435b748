"""Train the article's network and measure its accuracy on synthetic pictures of digits.

    python benchmarks/read_digits.py --data FOLDER
    python benchmarks/read_digits.py --data sample

The pictures are drawn by tests/support/drawn_digits.py: 41 shapes of the ten digits in 13 scenes (pens, papers, light,
noise, file formats). `read_digit` is compared with the preprocessing of the article, which only scales pixel values:
each picture is first resized to 28 x 28, and used both as it is and with light and dark inverted.
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

MAX_FAILURES = 12  # number of lines printed


def main() -> None:
    options, (x_train, y_train), (x_test, y_test) = read_command_line()
    model = scratchcnn_model(options.seed)
    model.fit(floats(x_train), y_train, batch_size=128, epochs=options.epochs, verbose=2)
    accuracy = model.evaluate(floats(x_test), y_test, verbose=0)[1]
    print(f"\n{len(x_train)} training images, {options.epochs} epochs, test accuracy {accuracy:.4f}")
    pictures = list(drawings(options.each, options.drawing_seed))
    digits = np.array([drawing.digit for drawing in pictures])
    images, rejected = read_all(pictures)
    resized = np.concatenate([preprocess_as_article(drawing) for drawing in pictures])
    print(f"{len(pictures)} synthetic pictures, fraction classified correctly:")
    predictions = classify(model, images)
    for name, correct in (
        ("read_digit", (predictions == digits) & ~rejected),
        ("the article's preprocessing, after resizing to 28 x 28", classify(model, resized) == digits),
        ("the same, with light and dark inverted", classify(model, 1 - resized) == digits),
    ):
        print(f"  {np.mean(correct):7.2%}  {name}")
    print_failures(pictures, predictions, rejected)


def classify(model: Sequential, images: Array) -> Array:
    return model.predict(images).argmax(axis=1)


def read_all(pictures: list[Drawing]) -> tuple[Array, Array]:
    """Return images (N, 28, 28, 1), zero where `read_digit` rejected the picture, and a mask of the rejected ones."""
    images = np.zeros((len(pictures), 28, 28, 1), np.float32)
    rejected = np.zeros(len(pictures), bool)
    for number, drawing in enumerate(pictures):
        try:
            images[number] = read_digit(drawing.content).image[0]
        except ValueError:
            rejected[number] = True
    return images, rejected


def preprocess_as_article(drawing: Drawing) -> Array:
    """Resize a picture to 28 x 28 and apply the preprocessing of the article; returns (1, 28, 28, 1)."""
    small = Image.open(io.BytesIO(drawing.content)).convert("RGB").resize((28, 28), Image.Resampling.BILINEAR)
    return read_digit(np.asarray(small), as_is=True).image


def print_failures(pictures: list[Drawing], predictions: Array, rejected: Array) -> None:
    """Print the misclassified shapes and their predictions, most frequent first."""
    wrong: Counter[tuple[str, str]] = Counter()
    for drawing, prediction, is_rejected in zip(pictures, predictions, rejected, strict=True):
        if is_rejected or prediction != drawing.digit:
            wrong[drawing.glyph, "rejected" if is_rejected else f"read as {prediction}"] += 1
    for (glyph, result), count in wrong.most_common(MAX_FAILURES):
        print(f"  {count:4} × {glyph}: {result}")


def read_command_line() -> tuple[argparse.Namespace, tuple[Array, Array], tuple[Array, Array]]:
    parser = argparse.ArgumentParser(description="Measure the accuracy on synthetic pictures of digits.")
    parser.add_argument(
        "--data",
        metavar="{sample,PATH}",
        help="sample: the embedded sample; PATH: folder of IDX files, or .npz file "
        "(default: the search order of mnist.load_data)",
    )
    parser.add_argument("--epochs", type=int, default=10, metavar="N", help="training epochs (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the training (default: %(default)s)")
    parser.add_argument(
        "--drawing-seed", type=int, default=0, metavar="N", help="seed of the drawings (default: %(default)s)"
    )
    parser.add_argument(
        "--each", type=int, default=1, metavar="N", help="drawings of each shape in each scene (default: %(default)s)"
    )
    options = parser.parse_args()
    for name, minimum in {"epochs": 1, "seed": 0, "drawing_seed": 0, "each": 1}.items():
        if getattr(options, name) < minimum:
            received = getattr(options, name)
            parser.error(f"argument --{name.replace('_', '-')}: expected at least {minimum}, received {received}")
    try:
        train, test = mnist.load_sample() if options.data == "sample" else mnist.load_data(options.data)
    except (OSError, ValueError) as error:
        parser.error(f"argument --data: {error}")
    return options, train, test


if __name__ == "__main__":
    main()
