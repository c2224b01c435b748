"""Measure the time from starting Python to the end of the first training step, and the import time within it.

    python benchmarks/first_step.py --peer torch

Every measurement uses a new process, and the systems take turns. scratchcnn is measured twice: with its compiled
kernels in the cache, as in every run after the first, and "cold", with an empty cache, so that it must compile them.
"first step" is the time from the start of the process to the end of its first training step: import, model, initial
weights, one batch. An untimed round comes first; it loads all files into memory and fills the kernel cache. The table
contains the median, the minimum and the maximum.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from report import Summary, print_best_peer, print_table, relative, summarize, threads, write_json
from turns import COLD, add_options, folder_of, new_process, read_options, run


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the import and the first training step in a new process.")
    add_options(parser, rounds=5)
    parser.add_argument("--skip-cold", action="store_true", help="omit scratchcnn with an empty kernel cache")
    options = read_options(parser)
    imports, steps = measure(options)
    print_report(options, imports, steps)
    write_json(options, systems={name: {"import_seconds": imports[name]._asdict(), "seconds": steps[name]._asdict()}
                                 for name in steps})  # fmt: skip


def measure(options: argparse.Namespace) -> tuple[dict[str, Summary], dict[str, Summary]]:
    """Return, by system, the seconds of the import and the seconds to the end of the first step."""
    first, *peers = options.systems
    names = [first, *([] if options.skip_cold else [COLD]), *peers]
    imports: dict[str, list[list[float]]] = {name: [] for name in names}
    steps: dict[str, list[list[float]]] = {name: [] for name in names}
    rng = np.random.default_rng(0)
    x, y = rng.random((options.batch_size, 28, 28, 1), np.float32), rng.integers(0, 10, options.batch_size)
    with folder_of(x, y, weights=None) as folder:
        for system in options.systems:
            measure_one(system, options, folder)
        for _ in range(options.rounds):
            for name in names:
                import_seconds, seconds = measure_one(name, options, folder)
                imports[name].append([import_seconds])
                steps[name].append([seconds])
    return tuple({name: summarize(rounds) for name, rounds in measured.items()} for measured in (imports, steps))


def measure_one(name: str, options: argparse.Namespace, folder: Path) -> tuple[float, float]:
    """Return the seconds of the import and to the end of the first step, measured in one new process."""
    start = time.perf_counter()
    with new_process(name, options.threads, folder) as process:
        process.ask("steps", count=1, batch_size=options.batch_size)
        seconds = time.perf_counter() - start
        return process.ask("import_seconds"), seconds


def print_report(options: argparse.Namespace, imports: dict[str, Summary], steps: dict[str, Summary]) -> None:
    medians = {name: seconds.median for name, seconds in steps.items()}
    print("Seconds from the start of a new process to the end of its first training step;")
    print(f"batch size {options.batch_size}, float32, {threads(options)}, {options.rounds} interleaved rounds")
    print_table(
        ["system", "import", "lowest", "highest", "first step", "lowest", "highest", "relative"],
        [
            [name, *(f"{value:.2f}" for value in (*imports[name], *steps[name])), relative(name, medians)]
            for name in steps
        ],
    )
    print_best_peer("Fastest", medians, options.systems[1:], "time")


if __name__ == "__main__":
    run(main)
