"""Measure the peak memory of training in several systems, and whether repeated predictions increase it.

    python benchmarks/memory.py --peer torch

Each system trains in a new process, one system after the other, on 60,000 images stored as uint8; each batch is
converted to floats separately. "before" is the resident memory of the process with system, data and model loaded,
before any computation. "peak" is its largest resident memory, including data and interpreter. Then the process predicts
one batch 10 times as a warm-up and 1,000 times more: "growth" is the increase of resident memory over the latter. All
values are in MB (10^6 bytes). Linux only.

The kernels of scratchcnn are compiled beforehand; compiling them in the very first run requires additional memory.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from article_network import Array
from report import print_best_peer, print_table, relative, threads, write_json
from turns import Process, add_options, folder_of, read_options, run

from scratchcnn.datasets import mnist

COUNT = 60_000
WARM_UP = 10


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Measure the peak memory of training, and its growth over repeated predictions."
    )
    add_options(parser)
    add = parser.add_argument
    add("--steps", type=int, default=100, metavar="N", help="training steps (default: %(default)s)")
    add("--predicts", type=int, default=1000, metavar="N",
        help="predictions of one batch over which growth is measured (default: %(default)s)")  # fmt: skip
    add("--data", metavar="PATH", help="folder of IDX files, or .npz file, with the training images "
                                       "(default: 60,000 images of random bytes)")  # fmt: skip
    options = read_options(parser, ["steps", "predicts"])
    if not Path("/proc/self/status").exists():
        parser.error("expected Linux, where /proc/self/status contains the memory use of a process")
    try:
        x, y = read_data(options.data)
    except (OSError, ValueError) as error:
        parser.error(f"argument --data: {error}")
    if options.batch_size > len(x):
        parser.error(f"argument --batch-size: expected at most {len(x)}, the number of images, "
                     f"received {options.batch_size}")  # fmt: skip
    with folder_of(x, y, weights=None) as folder:
        with Process("scratchcnn", options.threads, folder) as process:  # compiles the missing kernels
            measure_memory(process, options.batch_size, steps=1, predicts=1)
        measurements = {}
        for name in options.systems:
            with Process(name, options.threads, folder) as process:
                measurements[name] = measure_memory(process, options.batch_size, options.steps, options.predicts)
    print_report(options, len(x), measurements)
    write_json(options, systems={name: {"bytes": measured} for name, measured in measurements.items()})


def read_data(path: str | None) -> tuple[Array, Array]:
    """Return uint8 images (N, 28, 28, 1) and labels: MNIST's training set from `path`, or random data."""
    if path is not None:
        (x, y), _ = mnist.load_data(path)
        return x[..., None], y
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (COUNT, 28, 28, 1), np.uint8), rng.integers(0, 10, COUNT)


def measure_memory(process: Process, batch_size: int, steps: int, predicts: int) -> dict[str, int]:
    """Return the resident bytes before training, the peak during training, and the growth while predicting."""
    before = process.ask("memory")
    process.ask("steps", count=steps, batch_size=batch_size)
    trained = process.ask("memory")
    process.ask("predict_first_batch", count=WARM_UP, batch_size=batch_size)
    warm = process.ask("memory")
    process.ask("predict_first_batch", count=predicts, batch_size=batch_size)
    growth = process.ask("memory")["now"] - warm["now"]
    return {"before": before["now"], "peak": trained["peak"], "growth": growth}


def print_report(options: argparse.Namespace, count: int, measurements: dict[str, dict[str, int]]) -> None:
    peaks = {name: measured["peak"] for name, measured in measurements.items()}
    print(f"Resident memory in MB: {options.steps} training steps on {count} uint8 images,")
    print(
        f"batch size {options.batch_size}, {threads(options)}; growth over {options.predicts} predictions of one batch"
    )
    print_table(
        ["system", "before", "peak", "growth", "relative"],
        [
            [name, f"{measured['before'] / 1e6:.0f}", f"{measured['peak'] / 1e6:.0f}",
             f"{measured['growth'] / 1e6:.1f}", relative(name, peaks)]
            for name, measured in measurements.items()
        ],
    )  # fmt: skip
    print_best_peer("Smallest", peaks, options.systems[1:], "peak")


if __name__ == "__main__":
    run(main)
