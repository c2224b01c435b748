"""Time the first epoch of a new process, for which a user waits, in several systems; see `networks.py --epoch`.

Every measurement uses a new process, and the systems take turns. "process" is the time from the start of the process
to the end of the epoch: import, loading the images from a file, network, initial weights, epoch. "fit" is the epoch
alone, including the compilation in its first steps. Each system trains in its ordinary way, in random order:
scratchcnn and Keras with `fit`, which also computes the accuracy, and PyTorch with a plain loop, which does not.
scratchcnn is measured twice: with its compiled kernels in the cache, as in every run after the first, and "cold", with
an empty cache. Two untimed steps come first, after the losses were compared; they load all files into memory and fill
the kernel cache.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from report import Summary, print_table, relative, summarize, threads, write_json
from suite import Entry, print_images
from turns import COLD, expect_same_loss, folder_of, new_process, processes

Seconds = dict[str, dict[str, Summary]]  # 'process' and 'fit', by system


def compare(options: argparse.Namespace, entries: Sequence[Entry]) -> None:
    """Measure all networks, print the table and write the JSON file."""
    results = {}
    for entry in entries:
        results[entry.name] = measure(options, entry)
        times = (f"{name} {seconds['process'].median:.2f}" for name, seconds in results[entry.name].items())
        print(f"{entry.name}: {', '.join(times)}", file=sys.stderr, flush=True)
    print_report(options, entries, results)
    write_json(
        options,
        networks={
            name: {"systems": {system: {word: summary._asdict() for word, summary in seconds.items()}
                               for system, seconds in systems.items()}}
            for name, systems in results.items()
        },
    )  # fmt: skip


def measure(options: argparse.Namespace, entry: Entry) -> Seconds:
    """Return the seconds of the process and of `fit` within it, by system."""
    first, *peers = options.systems
    names = [first, *([] if options.skip_cold else [COLD]), *peers]
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    weights = entry.model.get_weights()
    with folder_of(entry.x, entry.y, weights, entry.architecture) as folder:
        with processes(options.systems, options.threads, folder) as running:
            expect_same_loss(running, weights, entry.batch_size)
            for process in running.values():
                process.ask("fit", batch_size=entry.batch_size, count=2 * entry.batch_size)
        for _ in range(options.rounds):
            for name in names:
                rounds[name].append(measure_one(name, options.threads, folder, entry.batch_size))
    return {
        name: {word: summarize([[seconds] for seconds in column])
               for word, column in zip(("process", "fit"), zip(*rounds[name], strict=True), strict=True)}
        for name in names
    }  # fmt: skip


def measure_one(name: str, threads: int, folder: Path, batch_size: int) -> tuple[float, float]:
    """Return the seconds from the start of a new process to the end of the epoch, and those of the epoch."""
    start = time.perf_counter()
    with new_process(name, threads, folder) as process:
        seconds = process.ask("fit", batch_size=batch_size)
        return time.perf_counter() - start, seconds


def print_report(options: argparse.Namespace, entries: Sequence[Entry], results: dict[str, Seconds]) -> None:
    print("Seconds of the first epoch of a new process: 'process' from its start, with import, images and network;")
    print("'fit' the epoch alone, with what it compiles. PyTorch: a plain loop; Keras: fit, as in scratchcnn;")
    print(f"float32, {threads(options)}, medians of {options.rounds} interleaved rounds")
    print_images(entries)
    rows = []
    for name, systems in results.items():
        medians = {system: seconds["process"].median for system, seconds in systems.items()}
        for system, seconds in systems.items():
            times = (f"{seconds[word].median:.2f}" for word in ("process", "fit"))
            rows.append([name, system, *times, relative(system, medians)])
    print_table(["network", "system", "process", "fit", "relative"], rows, text_columns=2)
