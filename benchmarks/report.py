"""What a benchmark prints and writes: medians and their spread, an aligned table, the fastest peer, a JSON file."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

PACKAGES = (
    "scratchcnn", "numpy", "numba", "llvmlite", "torch", "keras", "tensorflow", "tensorflow-cpu", "jax", "jaxlib",
)  # fmt: skip


class Figure(NamedTuple):
    """What was measured of one system: the median of all, the lowest and the highest median of a round."""

    median: float
    lowest: float
    highest: float


def figure(rounds: Sequence[Sequence[float]]) -> Figure:
    """Sum up the measurements of each round."""
    medians = [statistics.median(of_round) for of_round in rounds]
    return Figure(statistics.median(itertools.chain.from_iterable(rounds)), min(medians), max(medians))


def threads(options: argparse.Namespace) -> str:
    """'1 thread', '2 threads'."""
    return f"{options.threads} thread{'s' if options.threads > 1 else ''}"


def times(system: str, values: Mapping[str, float]) -> str:
    """How many times scratchcnn's value a system's is, for the table."""
    return f"{values[system] / values['scratchcnn']:.2f}"


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]], names: int = 1) -> None:
    """Print rows below a header: the first columns, as many as are `names`, to the left, numbers to the right."""
    lines = [header, *rows]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (f"{cell:{'<' if column < names else '>'}{widths[column]}}" for column, cell in enumerate(line))
        print("  ".join(cells).rstrip())


def print_best_peer(word: str, values: Mapping[str, float], peers: Iterable[str], unit: str) -> None:
    """Print the last line, "Fastest peer: torch, 3.40 times scratchcnn's time", if there are peers."""
    best = min(peers, key=lambda peer: values[peer], default=None)
    if best:
        print(f"{word} peer: {best}, {times(best, values)} times scratchcnn's {unit}")


def write_json(options: argparse.Namespace, **figures: Any) -> None:
    """Write figures, settings and machine to the file that --json names, if it does."""
    if options.json:
        settings = {name: value for name, value in vars(options).items() if name not in ("json", "peer", "systems")}
        everything = {"settings": settings, **figures, "machine": machine()}
        options.json.write_text(json.dumps(everything, indent=1, default=str) + "\n")


def machine() -> dict[str, Any]:
    """Describe what figures were measured on: processor, cores, operating system, versions."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": versions,
    }


def _processor() -> str:
    """The name of the processor; `platform` does not know it on Linux."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
