"""Measure how the cost of a training step grows with the batch size, the image size and the number of threads.

    python benchmarks/scale.py --data FOLDER --png scale.png

- Batch size: the article's network on batches of 16 to 1024 images of MNIST. The time per image should be constant.
- Image size: two convolutions, max pooling and global average pooling on random images of 28 to 224 pixels a side, as
  many pixels in each batch. The time per output pixel of the second convolution, which takes most of the time, should
  be constant. (Without padding, 28 x 28 pixels become 24 x 24, 73 %, and 224 x 224 become 220 x 220, 96 %.)
- Threads: each network of `architectures.py`, with one thread and with all.
- Memory: what a step of the article's network adds to the resident memory, in a new process for each batch size (Linux
  only), beside the size of all outputs of its layers. A step keeps fewer than these: some are computed again.

All points are timed in turns, so that a temporary slowdown of the machine affects all of them.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from architectures import NETWORKS, SUITE, Architecture
from article_network import floats, read_data
from contestants.in_scratchcnn import build_model
from report import print_table, write_json
from resident import peak_growth
from suite import Entry, synthetic_images
from turns import add_measuring_options, check_measuring_options, run

from scratchcnn import Sequential, set_threads
from scratchcnn.plots.picture import check_path, new_figure, save

Array = np.ndarray[Any, Any]

BATCH_SIZES = 16, 32, 64, 128, 256, 512, 1024
IMAGE_SIZES = 28, 56, 112, 224
PIXELS = 128 * 28 * 28  # of a batch of images of any size
MIB = 1 << 20


class Point(NamedTuple):
    """A training step to be timed: what varies, the units of work in it, and the step."""

    name: str
    units: int  # images or output pixels
    step: Callable[[], object]
    threads: int


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how the cost of a training step grows with the work.")
    add_measuring_options(parser, 7, "points")
    parser.add_argument("--data", default="sample", metavar="{sample,PATH}",
                        help="images of the article's network: the embedded sample, a folder of IDX files, or an .npz "
                             "file (default: %(default)s)")  # fmt: skip
    parser.add_argument("--steps", type=int, default=10, metavar="N", help="steps per round (default: %(default)s)")
    parser.add_argument("--png", metavar="FILE", help="also draw the measurements")
    options = parser.parse_args()
    check_measuring_options(parser, options, ("steps",))
    if options.png is not None:
        try:
            check_path(options.png)
        except (OSError, ValueError) as error:
            parser.error(f"argument --png: {error}")
    (images, labels), _ = read_data(parser, options.data)
    x, y = floats(images), labels

    by_batch = in_turns([batch_point(x, y, size, options.threads) for size in BATCH_SIZES], options)
    by_size = in_turns([size_point(size, options.threads) for size in IMAGE_SIZES], options)
    one = in_turns([network_point(name, size, x, y, 1) for name, size in SUITE], options)
    every = in_turns([network_point(name, size, x, y, options.threads) for name, size in SUITE], options)
    speedups = {name: one[name] / every[name] for name in one}
    memory = {size: peak_of_step(size) for size in BATCH_SIZES}

    print(f"Training steps, float32, {options.threads} threads, medians of {options.rounds} rounds in turns\n")
    outputs = sum(math.prod(layer.output_shape or ()) for layer in build_model(NETWORKS["article"]).layers) * 4
    print_table(
        ["article's network, batch size", "us/image", "peak memory, MiB", "outputs of layers, MiB"],
        [
            [name, f"{1e6 * seconds:.1f}", "-" if memory[int(name)] is None else f"{memory[int(name)] / MIB:.0f}",
             f"{int(name) * outputs / MIB:.0f}"]
            for name, seconds in by_batch.items()
        ],
    )  # fmt: skip
    print()
    print_table(
        ["image size", "ns/output pixel"], [[name, f"{1e9 * seconds:.1f}"] for name, seconds in by_size.items()]
    )
    print()
    print_table(
        ["network, batch size", "ms, 1 thread", f"ms, {options.threads} threads", "ratio"],
        [
            [name, f"{1e3 * one[name]:.2f}", f"{1e3 * every[name]:.2f}", f"{speedups[name]:.2f}"] for name in one
        ],
    )  # fmt: skip
    write_json(options, seconds_per_image=by_batch, seconds_per_output_pixel=by_size, one_thread=one, all_threads=every,
               peak_bytes=memory)  # fmt: skip
    if options.png is not None:
        save(draw(by_batch, by_size, speedups, options.threads), options.png)


def batch_point(x: Array, y: Array, size: int, threads: int) -> Point:
    """The article's network on a batch of `size` images."""
    model, place = build_model(NETWORKS["article"]), np.arange(size) % len(x)
    return Point(str(size), size, step_of(model, x[place], y[place]), threads)


def size_point(size: int, threads: int) -> Point:
    """Two convolutions and a pooling, on random images of `size` x `size` pixels."""
    article = NETWORKS["article"].layers
    layers = [*article[:3], ("GlobalAveragePooling2D", {}), article[-1]]
    count = PIXELS // size**2
    x, y = synthetic_images((size, size, 1), count)
    model = build_model(Architecture((size, size, 1), layers))
    height, width, _ = model.layers[1].output_shape or ()
    return Point(str(size), count * height * width, step_of(model, x, y), threads)


def network_point(name: str, size: int, x: Array, y: Array, threads: int) -> Point:
    """A network of the suite, on its first batch."""
    architecture = NETWORKS[name]
    if architecture.input_shape != x.shape[1:]:
        x, y = synthetic_images(architecture.input_shape, size)
    model = build_model(architecture)
    return Point(Entry(name, size, model, x, y).name, 1, step_of(model, x[:size], y[:size]), threads)


def step_of(model: Sequential, x: Array, y: Array) -> Callable[[], object]:
    """A training step on one batch."""
    return lambda: model.train_on_batch(x, y)


def in_turns(points: Sequence[Point], options: argparse.Namespace) -> dict[str, float]:
    """Return the median seconds per unit of work, after a round that is not counted."""
    measured: dict[str, list[float]] = {point.name: [] for point in points}
    for number in range(options.rounds + 1):
        for point in points:
            set_threads(point.threads)
            for _ in range(options.steps):
                start = time.perf_counter()
                point.step()
                if number:
                    measured[point.name].append((time.perf_counter() - start) / point.units)
    return {name: statistics.median(values) for name, values in measured.items()}


def peak_of_step(size: int) -> int | None:
    """Return what a step of the article's network on `size` random images adds to the memory of a new process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(_peak_of_step, size).result()


def _peak_of_step(size: int) -> int | None:
    model, rng = build_model(NETWORKS["article"]), np.random.default_rng(0)
    step_of(model, *_random_batch(rng, 2))()  # loads the kernels and allocates the optimizer's state
    step = step_of(model, *_random_batch(rng, size))

    def measured() -> Sequence[Array]:
        step()
        return []

    return peak_growth(measured)


def _random_batch(rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    return rng.random((size, 28, 28, 1), np.float32), rng.integers(0, 10, size)


def draw(by_batch: dict[str, float], by_size: dict[str, float], speedups: dict[str, float], threads: int) -> Any:
    """Draw time per image by batch size, time per output pixel by image size, and the speed-up of each network."""
    figure = new_figure(11, 3.6)
    figure.set_layout_engine("constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1, 1.2])
    for axes, values, factor, unit, what in (
        (left, by_batch, 1e6, "µs per image", "images per batch"),
        (middle, by_size, 1e9, "ns per output pixel", "pixels per side of an image"),
    ):
        axes.plot(list(values), [factor * value for value in values.values()], "o-", color="0.25")
        axes.set_ylim(0, 1.25 * factor * max(values.values()))
        axes.set(xlabel=what, title=f"Training step, {unit}")
    names = list(speedups)
    bars = right.barh(names, list(speedups.values()), color="0.7", edgecolor="black")
    right.bar_label(bars, [f"{value:.2f}" for value in speedups.values()], label_type="center")
    right.invert_yaxis()
    right.set_xlim(0, 1.1 * max(threads, *speedups.values()))
    right.axvline(threads, color="0.25", linestyle=":")
    right.set_title(f"Speed with {threads} threads / with 1")
    for axes in (left, middle, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.title.set_fontsize(10)
    return figure


if __name__ == "__main__":
    run(main)
