"""Train the small network by which `read_digit` and `read_digits` tell one digit from several and from fragments.

    python benchmarks/train_shape_network.py --data FOLDER

Writes scratchcnn/preprocessing/data/shape_network.npz. Its training images are made of MNIST's training set, the last
5,000 images excepted, of which validation images are made: single digits; two or three digits beside each other that
overlap, touch or nearly touch; and parts of both that candidate cuts separate. Each is blurred, noisy or thickened at
random, and converted as by `read_digit`. The classes are the ten digits, 'several' and 'fragment'.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from multiprocessing import Pool
from typing import Any, NamedTuple

import numpy as np
from article_network import Array, read_data
from PIL import Image
from scipy import ndimage

from scratchcnn import Sequential
from scratchcnn.layers import Conv2D, Dense, Dropout, Flatten
from scratchcnn.preprocessing.fitting import lay_out
from scratchcnn.preprocessing.segmentation import (
    FRAGMENT,
    LINE_LEVEL,
    SEVERAL,
    WEIGHTS,
    candidate_cuts,
    class_probabilities,
)
from scratchcnn.preprocessing.shapes import Shape, trimmed

HELD_OUT = 5000
CHUNK = 2000  # training images per task, each with its own seed
CUTS = 0.1, (0.25,)  # spacing and reach of the cuts between which parts are drawn; fewer than for reading
NEIGHBOURS = np.ones((3, 3))


class Drawing(NamedTuple):
    """Ink (H, W) of one digit or several, with the number of the digit at each pixel, -1 for paper."""

    ink: Array
    owner: Array
    labels: list[int]


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the network that tells one digit from several.")
    parser.add_argument("--data", metavar="PATH", help="folder of MNIST's IDX files, or .npz file")
    parser.add_argument("--count", type=int, default=92_000, metavar="N", help="training images")
    parser.add_argument("--epochs", type=int, default=24, metavar="N")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes that draw (default: %(default)s)")
    options = parser.parse_args()
    for name in ("count", "epochs", "jobs"):
        if getattr(options, name) < 1:
            parser.error(f"argument --{name}: expected at least 1, received {getattr(options, name)}")
    (images, labels), _ = read_data(parser, options.data)
    parts = {"training": (slice(-HELD_OUT), options.count), "validation": (slice(-HELD_OUT, None), 6000)}
    drawn: dict[str, tuple[Array, Array]] = {}
    for number, (name, (part, count)) in enumerate(parts.items()):
        start = time.perf_counter()
        tasks = [(images[part], labels[part], (number, seed)) for seed in range(-(-count // CHUNK))]
        with Pool(options.jobs) as pool:
            chunks = pool.starmap(chunk, tasks)
        drawn[name] = np.concatenate([x for x, _ in chunks]), np.concatenate([y for _, y in chunks])
        classes = np.bincount(drawn[name][1], minlength=12)
        print(f"{name} images: {classes.tolist()}, {time.perf_counter() - start:.0f} s", flush=True)
    model = train(*drawn["training"], options.epochs)
    layers = [layer for layer in model.layers if layer.params]
    arrays: dict[str, Any] = {
        f"{name}_{number}": value.astype(np.float16)
        for number, layer in enumerate(layers)
        for name, value in layer.params.items()
    }
    WEIGHTS.parent.mkdir(exist_ok=True)
    np.savez_compressed(WEIGHTS, **arrays)
    print_errors(*drawn["validation"])


def train(images: Array, labels: Array, epochs: int) -> Sequential:
    """Train the network with Adam, with a learning rate ten times smaller for the last quarter of the epochs."""
    model = Sequential(
        [
            Conv2D(24, (5, 5), strides=(2, 2), activation="relu", input_shape=(28, 28, 1)),
            Conv2D(48, (3, 3), strides=(2, 2), activation="relu"),
            Flatten(),
            Dropout(0.2),
            Dense(64, activation="relu"),
            Dropout(0.3),
            Dense(12, activation="softmax"),
        ],
        seed=0,
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    x = images[..., None] / np.float32(255)
    model.fit(x, labels, batch_size=128, epochs=epochs - epochs // 4, verbose=2)
    model.optimizer.learning_rate = 1e-4
    model.fit(x, labels, batch_size=128, epochs=epochs // 4, verbose=2)
    return model


def print_errors(images: Array, labels: Array) -> None:
    """Print how many validation images of each kind are taken for another kind, with the stored weights."""
    probabilities = class_probabilities((images / 255).astype(np.float32))  # (N, 12)
    kinds = np.minimum(labels, SEVERAL) + (labels == FRAGMENT)
    names = np.select([kinds < SEVERAL, kinds == SEVERAL], ["digit", "several"], "fragment")
    answers = [probabilities[:, :SEVERAL].sum(axis=1), probabilities[:, SEVERAL], probabilities[:, FRAGMENT]]
    found = np.array(["digit", "several", "fragment"])[np.argmax(answers, axis=0)]
    for name in ("digit", "several", "fragment"):
        counts = {other: int(np.sum((names == name) & (found == other))) for other in ("digit", "several", "fragment")}
        print(name, counts)


def chunk(images: Array, labels: Array, seed: tuple[int, int]) -> tuple[Array, Array]:
    """Draw CHUNK training images, uint8 (N, 28, 28), and their classes."""
    rng = np.random.default_rng(seed)
    drawn: list[tuple[Array, int]] = []
    while len(drawn) < CHUNK:
        count = int(rng.choice([1, 2, 3], p=[0.5, 0.4, 0.1]))
        drawing = draw(images, labels, count, rng)
        if drawing is not None:
            drawn += examples(drawing, rng)
    x, y = zip(*drawn[:CHUNK], strict=True)
    return np.array([np.round(255 * image) for image in x], np.uint8), np.array(y)


def draw(images: Array, labels: Array, count: int, rng: np.random.Generator) -> Drawing | None:
    """Draw digits beside each other, with gaps from -0.15 to 0.15 of their height; None if one leaves the canvas."""
    height = rng.uniform(25, 80)
    pen = int(rng.choice([-1, 0, 0, 0, 1, 2])) * max(1, round(height / 40))
    canvas = np.zeros((round(3 * height), round((count + 2) * 1.3 * height)), np.float32)
    owner = np.full(canvas.shape, -1)
    digits = []
    left = height / 4
    for number in range(count):
        place = int(rng.integers(len(images)))
        digit = digit_of(images[place], height * float(np.clip(rng.normal(1, 0.1), 0.75, 1.3)), pen, rng)
        top = round(1.5 * height - len(digit) / 2 + height * rng.normal(0, 0.05))
        if number:
            gap = rng.uniform(-0.06, 0.01) if rng.random() < 0.7 else rng.uniform(-0.15, 0.15)
            left = touching_column(canvas[top : top + len(digit)], digit) + gap * height
        region = slice(top, top + len(digit)), slice(round(left), round(left) + digit.shape[1])
        if left < 0 or canvas[region].shape != digit.shape:
            return None
        owner[region] = np.where((digit > canvas[region]) & (digit > 0.05), number, owner[region])
        canvas[region] = np.maximum(canvas[region], digit)
        digits.append(int(labels[place]))
    return Drawing(degraded(canvas, height, rng), owner, digits)


def touching_column(line: Array, digit: Array) -> float:
    """Return the column of a digit, the right neighbour of the ink in `line`, at which it touches this ink."""
    inked, strong = line > 0.5, digit > 0.5
    last = np.where(inked.any(axis=1), line.shape[1] - 1 - inked[:, ::-1].argmax(axis=1), -line.shape[1])
    first = np.where(strong.any(axis=1), strong.argmax(axis=1), 2 * line.shape[1])
    return float((last - first).max()) + 1


def digit_of(image: Array, height: float, pen: int, rng: np.random.Generator) -> Array:
    """Return the ink of a digit of MNIST, cropped, enlarged, with thicker or thinner strokes, sometimes broken."""
    ink = image / np.float32(255)
    parts, _ = ndimage.label(ink > 0.25, NEIGHBOURS)
    areas = np.bincount(parts.ravel())[1:]
    ink = cropped(np.where(np.isin(parts, np.flatnonzero(areas < 0.1 * areas.max()) + 1), 0, ink))
    scale = height / 20 * np.array([rng.uniform(0.85, 1.15), 1])  # of the width, and of the height
    size = np.maximum(1, np.round(scale * ink.shape[::-1])).astype(int)
    ink = np.clip(np.asarray(Image.fromarray(ink).resize(tuple(size), Image.Resampling.BICUBIC)), 0, 1)
    if pen:
        reach = np.arange(-abs(pen), abs(pen) + 1)
        disc = np.hypot(reach[:, None], reach) <= abs(pen) + 0.5
        changed = (ndimage.grey_dilation if pen > 0 else ndimage.grey_erosion)(np.pad(ink, abs(pen)), footprint=disc)
        if ndimage.label(changed > 0.4, NEIGHBOURS)[1] == ndimage.label(ink > 0.4, NEIGHBOURS)[1]:
            ink = cropped(changed)
    if rng.random() < 0.1:
        rows, columns = np.indices(ink.shape) - np.array(ink.shape)[:, None, None] * rng.uniform(0.2, 0.8, (2, 1, 1))
        angle = rng.uniform(0, np.pi)
        broken = np.where(np.abs(rows * np.cos(angle) + columns * np.sin(angle)) < 0.04 * height, 0, ink)
        if (broken > 0.5).sum() > 0.7 * (ink > 0.5).sum():
            ink = cropped(broken)
    return ink


def cropped(ink: Array) -> Array:
    """Crop to the bounding box of the ink."""
    rows, columns = np.flatnonzero((ink > 0.25).any(axis=1)), np.flatnonzero((ink > 0.25).any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def degraded(ink: Array, height: float, rng: np.random.Generator) -> Array:
    """Blur a third of the drawings, and add noise to the strokes of half of them."""
    if rng.random() < 0.35:
        ink = ndimage.gaussian_filter(ink, height * rng.choice([0.01, 0.02, 0.04, 0.07]))
        ink = ink / max(0.8 * float(np.median(ink[ink > 0.3 * ink.max()])), 1e-3)
    if rng.random() < 0.5:
        ink = ink + rng.normal(0, rng.uniform(0, 0.05), ink.shape) * (ink > 0.02)
    return np.asarray(np.clip(ink, 0, 1.5), np.float32)


def examples(drawing: Drawing, rng: np.random.Generator) -> Iterator[tuple[Array, int]]:
    """Yield the image of a drawing, and images of parts of it between two cuts, with their classes."""
    whole = trimmed(Shape(0, 0, drawing.ink > LINE_LEVEL))
    several = len(drawing.labels) > 1
    yield lay_out(drawing.ink, whole)[2], SEVERAL if several else drawing.labels[0]
    if not several and rng.random() > 0.3:
        return
    height, width = whole.mask.shape
    bounds = [np.zeros(height, int), *candidate_cuts(whole.mask, *CUTS), np.full(height, width)]
    owner = drawing.owner[whole.top : whole.top + height, whole.left : whole.left + width]
    pairs = [(i, j) for i in range(len(bounds)) for j in range(i + 1, len(bounds)) if j - i < len(bounds) - 1]
    fragments = 0
    for i, j in rng.permutation(pairs)[:8]:
        columns = np.arange(width)
        part = whole.mask & (columns >= bounds[i][:, None]) & (columns < bounds[j][:, None])
        label = class_of(part, whole.mask, owner, drawing.labels)
        if part.sum() < 12 or label is None or (label == FRAGMENT and fragments):
            continue
        fragments += label == FRAGMENT
        yield lay_out(drawing.ink, trimmed(Shape(whole.top, whole.left, part)))[2], label


def class_of(part: Array, whole: Array, owner: Array, labels: list[int]) -> int | None:
    """Return the class of a part of a drawing; None if it is neither a digit nor clearly something else."""
    numbers = range(len(labels))
    inside = np.array([np.sum(part & (owner == number)) for number in numbers])
    covered = inside / [max(1, np.sum(whole & (owner == number))) for number in numbers]  # of each digit
    main = int(covered.argmax())
    foreign = 1 - inside[main] / max(1, inside.sum())
    if covered[main] > 0.93 and foreign < 0.07:
        return labels[main] if len(labels) > 1 else None
    if np.sum(covered > 0.75) >= 2:
        return SEVERAL
    return FRAGMENT if covered[main] < 0.72 or foreign > 0.25 else None


if __name__ == "__main__":
    main()
