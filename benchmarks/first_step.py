"""Times how long a user waits for the first training step: the import, and the whole way from starting Python.

    python benchmarks/first_step.py --peer torch

Every measurement is a fresh process, and the systems take turns. scratchcnn is there twice: with its kernels in the
cache, as in every run but the first, and "cold", where it must compile them. "first step" is the time from the start of
the process to the end of its first step: import, model, initial weights, one batch. A round that does not count goes
first, so that all files are in memory and the kernels in the cache. The table has medians, lowest and highest.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from report import Figure, figure, print_best_peer, print_table, threads, times, write_json
from turns import Process, add_options, folder_of, read_options, run

COLD = "scratchcnn, cold"


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the import and the first training step of fresh processes.")
    add_options(parser, rounds=5)
    parser.add_argument("--skip-cold", action="store_true", help="leave out scratchcnn without compiled kernels")
    options = read_options(parser)
    imports, steps = measure(options)
    print_report(options, imports, steps)
    write_json(options, systems={name: {"import_seconds": imports[name]._asdict(), "seconds": steps[name]._asdict()}
                                 for name in steps})  # fmt: skip


def measure(options: argparse.Namespace) -> tuple[dict[str, Figure], dict[str, Figure]]:
    """Seconds of the import, and of all until the end of the first step, by system."""
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
    return tuple({name: figure(rounds) for name, rounds in of_all.items()} for of_all in (imports, steps))


def measure_one(name: str, options: argparse.Namespace, folder: Path) -> tuple[float, float]:
    """The two times of one fresh process."""
    system, environment = name, {}
    with TemporaryDirectory() as empty:
        if name == COLD:
            system, environment = "scratchcnn", {"NUMBA_CACHE_DIR": empty}
        began = time.perf_counter()
        with Process(system, options.threads, folder, environment) as process:
            process.ask("steps", count=1, batch_size=options.batch_size)
            seconds = time.perf_counter() - began
            return process.ask("import_seconds"), seconds


def print_report(options: argparse.Namespace, imports: dict[str, Figure], steps: dict[str, Figure]) -> None:
    medians = {name: seconds.median for name, seconds in steps.items()}
    print("Seconds until the first training step is done, from the start of a fresh process;")
    print(f"batch {options.batch_size}, float32, {threads(options)}, {options.rounds} rounds in turn")
    print_table(
        ["system", "import", "lowest", "highest", "first step", "lowest", "highest", "times"],
        [[name, *(f"{value:.2f}" for value in (*imports[name], *steps[name])), times(name, medians)] for name in steps],
    )
    print_best_peer("Fastest", medians, options.systems[1:], "time")


if __name__ == "__main__":
    run(main)
