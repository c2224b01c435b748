"""Measures the memory that training takes beside other systems, and whether it grows with predictions.

    python benchmarks/memory.py --peer torch

Each system trains in a fresh process, after the others, on 60,000 images that stay uint8: a batch at a time becomes
floats. "peak" is the most resident memory that the process ever had, data and interpreter included; "before" is what it
had with system, data and model in memory and nothing computed. Then it predicts one batch 10 times to warm up, and
1,000 times: "growth" is by how much the resident memory is then larger. All in MB of 10^6 bytes, on Linux only.

scratchcnn's kernels are compiled beforehand; compiling them, in the first run ever, takes memory of its own.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from article_network import Array
from report import print_best_peer, print_table, threads, times, write_json
from turns import Process, add_options, folder_of, read_options, run

from scratchcnn.datasets import mnist

COUNT = 60_000
WARM_UP = 10


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the memory of training, and its growth with predictions.")
    add_options(parser)
    add = parser.add_argument
    add("--steps", type=int, default=100, metavar="N", help="training steps (default: %(default)s)")
    add("--predicts", type=int, default=1000, metavar="N",
        help="predictions of one batch, over which growth is looked for (default: %(default)s)")  # fmt: skip
    add("--data", metavar="PATH", help="folder of IDX files or .npz, of which the training images are taken "
                                       "(default: 60,000 images of random bytes)")  # fmt: skip
    options = read_options(parser, ["steps", "predicts"])
    if not Path("/proc/self/status").exists():
        parser.error("expected Linux, whose /proc/self/status tells the memory of a process")
    try:
        x, y = read_data(options.data)
    except (OSError, ValueError) as error:
        parser.error(f"argument --data: {error}")
    if options.batch_size > len(x):
        parser.error(f"argument --batch-size: expected at most {len(x)}, the images there are, "
                     f"received {options.batch_size}")  # fmt: skip
    with folder_of(x, y, weights=None) as folder:
        with Process("scratchcnn", options.threads, folder) as process:  # compiles what is not in the cache
            ask_memory(process, options.batch_size, steps=1, predicts=1)
        figures = {}
        for name in options.systems:
            with Process(name, options.threads, folder) as process:
                figures[name] = ask_memory(process, options.batch_size, options.steps, options.predicts)
    print_report(options, len(x), figures)
    write_json(options, systems={name: {"bytes": figure} for name, figure in figures.items()})


def read_data(path: str | None) -> tuple[Array, Array]:
    """Images uint8 (N, 28, 28, 1) and labels: MNIST's training set from `path`, or random ones."""
    if path is not None:
        (x, y), _ = mnist.load_data(path)
        return x[..., None], y
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (COUNT, 28, 28, 1), np.uint8), rng.integers(0, 10, COUNT)


def ask_memory(process: Process, batch_size: int, steps: int, predicts: int) -> dict[str, int]:
    """Bytes before and after training, at its peak, and by how much they grow while predicting."""
    before = process.ask("memory")
    process.ask("steps", count=steps, batch_size=batch_size)
    trained = process.ask("memory")
    process.ask("predict_first_batch", count=WARM_UP, batch_size=batch_size)
    warm = process.ask("memory")
    process.ask("predict_first_batch", count=predicts, batch_size=batch_size)
    growth = process.ask("memory")["now"] - warm["now"]
    return {"before": before["now"], "peak": trained["peak"], "growth": growth}


def print_report(options: argparse.Namespace, count: int, figures: dict[str, dict[str, int]]) -> None:
    peaks = {name: figure["peak"] for name, figure in figures.items()}
    print(f"Resident memory in MB: {options.steps} training steps on {count} uint8 images, batch {options.batch_size},")
    print(f"{threads(options)}; growth over {options.predicts} predictions of a batch")
    print_table(
        ["system", "before", "peak", "growth", "times"],
        [
            [name, f"{figure['before'] / 1e6:.0f}", f"{figure['peak'] / 1e6:.0f}", f"{figure['growth'] / 1e6:.1f}",
             times(name, peaks)]
            for name, figure in figures.items()
        ],
    )  # fmt: skip
    print_best_peer("Smallest", peaks, options.systems[1:], "peak")


if __name__ == "__main__":
    run(main)
