"""Measure which pictures of digits are read right, read wrong, and refused.

    python benchmarks/read_digits.py --data FOLDER
    python benchmarks/read_digits.py --data sample

Each row of the first table is a condition of tests/support/digit_conditions.py, with its degree: sharp, soft, faint,
noisy, compressed and framed pictures of MNIST's test digits and of drawn digits, and pictures without exactly one
digit, which must be refused. Each row of the second table is a kind of lines and sheets of
tests/support/digit_lines.py, which `read_digits` segments; right means that all digits of a picture have the right
boxes, in the right order. Those in which fewer digits are found are a part of the wrong ones.

The constants of the preprocessing were chosen on images of MNIST's training set, and corrected where some of the first
images of its test set were not read. So the pictures here are made of the second half of the test set.

The baseline is a preprocessing of a few lines: it keeps the grey levels, crops the digit where they exceed 25 %, scales
it to 20 x 20 pixels and centres it by its mass.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from article_network import Array, floats, read_network_options, trained_network
from PIL import Image

from scratchcnn import Sequential
from scratchcnn.preprocessing import read_digit, read_digits

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from digit_conditions import CONDITIONS, Condition, Source
from digit_lines import LINES, LineCondition, in_lines, segmented_right


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the accuracy on pictures of digits.")
    parser.add_argument("--only", default="", metavar="TEXT",
                        help="measure only the rows whose kind and degree contain this text")  # fmt: skip
    options, train, (x_test, y_test) = read_network_options(parser)
    model = trained_network(options, train)
    accuracy = model.evaluate(floats(x_test), y_test, verbose=0)[1]
    x_test, y_test = x_test[len(x_test) // 2 :], y_test[len(y_test) // 2 :]
    print(f"Test accuracy {accuracy:.4f}; up to {options.count} pictures per row.\n")
    print("                                              read_digit            baseline")
    print("| kind        | degree                        | right | wrong | refused | right | ms |")
    print("|---|---|---|---|---|---|---|")
    for condition in CONDITIONS:
        if options.only in condition.kind + " " + condition.degree:
            print(row_of(condition, model, x_test[: options.count], y_test[: options.count]), flush=True)
    print("\n| several digits in a picture    | right | wrong | fewer | refused | digits read right | ms |")
    print("|---|---|---|---|---|---|---|")
    for lines in LINES:
        if options.only in "several " + lines.name:
            print(row_of_lines(lines, model, x_test, y_test, options.count), flush=True)


def row_of(condition: Condition, model: Sequential, images: Array, labels: Array) -> str:
    """Measure one condition; refusing is right if the picture does not show exactly one digit."""
    rng = np.random.default_rng(zlib.crc32((condition.kind + condition.degree).encode()))
    sources, digits = zip(*condition.pictures(images, labels, rng), strict=True)
    wanted = np.array([-1 if digit is None else digit for digit in digits])
    start = time.perf_counter()
    read = predictions(model, sources, lambda source: read_digit(source).image)
    milliseconds = 1000 * (time.perf_counter() - start) / len(sources)
    right, refused = np.mean(read == wanted), np.mean(read < 0) if (wanted >= 0).any() else 0
    simple = np.mean(predictions(model, sources, baseline) == wanted)
    return (
        f"| {condition.kind:11} | {condition.degree:29} | {right:5.1%} | {1 - right - refused:5.1%} | {refused:7.1%} "
        f"| {simple:5.1%} | {milliseconds:2.0f} |"
    )


def row_of_lines(condition: LineCondition, model: Sequential, images: Array, labels: Array, count: int) -> str:
    """Measure how many pictures of several digits are segmented right, and how many digits in these are read right."""
    rng = np.random.default_rng(zlib.crc32(condition.name.encode()))
    right, fewer, refused, read, total, seconds = 0, 0, 0, 0, 0, 0.0
    for sheet in condition.sheets(images, labels, rng, count):
        start = time.perf_counter()
        try:
            digits = read_digits(sheet.picture)
        except ValueError:
            refused += 1
            continue
        finally:
            seconds += time.perf_counter() - start
        fewer += len(digits) < sum(map(len, sheet.digits))
        if segmented_right(sheet, in_lines(digits)):
            right += 1
            predicted = model.predict(np.concatenate([digit.image for digit in digits])).argmax(axis=1)
            read += int(np.sum(predicted == np.concatenate(sheet.digits)))
            total += len(digits)
    return (
        f"| {condition.name:30} | {right / count:5.1%} | {(count - right - refused) / count:5.1%} | "
        f"{fewer / count:5.1%} | {refused / count:7.1%} | {read / max(total, 1):17.1%} | "
        f"{1000 * seconds / count:2.0f} |"
    )


def predictions(model: Sequential, sources: tuple[Source, ...], prepare: Callable[[Source], Array]) -> Array:
    """Return the predicted digit of each picture, -1 if it was refused."""
    images, read = [], np.full(len(sources), -1)
    for number, source in enumerate(sources):
        try:
            images.append(prepare(source))
            read[number] = 0
        except ValueError:
            continue
    if images:
        read[read == 0] = model.predict(np.concatenate(images)).argmax(axis=1)
    return read


def baseline(source: Source) -> Array:
    """Crop, scale and centre the difference from the median of the border, without any other processing."""
    picture = Image.open(io.BytesIO(source)) if isinstance(source, bytes) else Image.fromarray(source)
    grey = np.asarray(picture.convert("L"), np.float32)
    paper = np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]))
    ink = np.abs(grey - paper)
    ink /= max(float(ink.max()), 1)
    rows, columns = np.flatnonzero((ink > 0.25).any(axis=1)), np.flatnonzero((ink > 0.25).any(axis=0))
    if len(rows) == 0:
        raise ValueError("empty")
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    size = [max(1, round(20 * side / max(cut.shape))) for side in reversed(cut.shape)]
    small = np.clip(np.asarray(Image.fromarray(cut).resize((size[0], size[1]), Image.Resampling.BICUBIC)), 0, 1)
    field = np.zeros((1, 28, 28, 1), np.float32)
    corner = [
        int(np.clip(round(14 - small.sum(axis=1 - axis) @ (np.arange(length) + 0.5) / small.sum()), 0, 28 - length))
        for axis, length in enumerate(small.shape)
    ]  # fmt: skip
    field[0, corner[0] :, corner[1] :, 0][: small.shape[0], : small.shape[1]] = small
    return field


if __name__ == "__main__":
    main()
