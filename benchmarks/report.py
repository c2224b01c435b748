"""Output of a benchmark: medians and their range, aligned tables, the best peer, a JSON file."""

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


class Summary(NamedTuple):
    """Summary of the measurements of one system: overall median, lowest and highest median of a round."""

    median: float
    lowest: float
    highest: float


def summarize(rounds: Sequence[Sequence[float]]) -> Summary:
    """Summarize measurements, given as one sequence per round."""
    medians = [statistics.median(measurements) for measurements in rounds]
    return Summary(statistics.median(itertools.chain.from_iterable(rounds)), min(medians), max(medians))


def threads(options: argparse.Namespace) -> str:
    """Return '1 thread' or '2 threads'."""
    return f"{options.threads} thread{'s' if options.threads > 1 else ''}"


def relative(system: str, values: Mapping[str, float]) -> str:
    """Return the ratio of a system's value to scratchcnn's, formatted for a table."""
    return f"{values[system] / values['scratchcnn']:.2f}"


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]], text_columns: int = 1) -> None:
    """Print an aligned table: the first `text_columns` columns flush left, the others flush right."""
    lines = [header, *rows]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (f"{cell:{'<' if column < text_columns else '>'}{widths[column]}}" for column, cell in enumerate(line))
        print("  ".join(cells).rstrip())


def print_best_peer(word: str, values: Mapping[str, float], peers: Iterable[str], unit: str) -> None:
    """Print the best peer, for example "Fastest peer: torch, 3.40 times scratchcnn's time", if there are any."""
    best = min(peers, key=lambda peer: values[peer], default=None)
    if best:
        print(f"{word} peer: {best}, {relative(best, values)} times scratchcnn's {unit}")


def write_json(options: argparse.Namespace, **measurements: Any) -> None:
    """Write measurements, settings and a description of the machine to the file given by --json, if any."""
    if options.json:
        settings = {name: value for name, value in vars(options).items() if name not in ("json", "peer", "systems")}
        content = {"settings": settings, **measurements, "machine": machine()}
        options.json.write_text(json.dumps(content, indent=1, default=str) + "\n")


def machine() -> dict[str, Any]:
    """Describe the machine: processor, number of cores, operating system, versions of packages."""
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
    """Return the name of the processor; on Linux, `platform.processor` does not contain it."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
