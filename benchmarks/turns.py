"""Systems in processes of their own that take turns: the options of a benchmark, and the processes.

Each process is started with the same images and weights, the same number of threads, and as many processors. While one
computes the others wait, and the turns go round: so whatever slows the machine for a while slows all alike.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

import numpy as np
from contestants import PEERS, SYSTEMS, missing_packages

Array = np.ndarray[Any, Any]

WORKER = Path(__file__).with_name("worker.py")
ENVIRONMENT = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}  # nothing computes on a GPU


def run(benchmark: Callable[[], None]) -> None:
    """Run a benchmark; Ctrl-C ends it with a word."""
    try:
        benchmark()
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(130)


# Options


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def add_options(parser: argparse.ArgumentParser, batch_size: int = 128, rounds: int | None = None) -> None:
    """Add the options that all comparisons of systems have; --rounds where there is a default for it."""
    parser.add_argument("--peer", action="append", choices=[*PEERS, "all"], default=[],
                        help="a system to compare with; may be given more than once")  # fmt: skip
    parser.add_argument("--batch-size", type=int, default=batch_size, metavar="N",
                        help="images at once (default: %(default)s)")  # fmt: skip
    add_measuring_options(parser, rounds, "systems")


def add_measuring_options(parser: argparse.ArgumentParser, rounds: int | None, contestants: str) -> None:
    """Add --threads, --json, and --rounds where there is a default for it."""
    parser.add_argument("--threads", type=int, default=processors(), metavar="N",
                        help="threads in use (default: %(default)s, all)")  # fmt: skip
    if rounds is not None:
        parser.add_argument("--rounds", type=int, default=rounds, metavar="N",
                            help=f"rounds, in which the {contestants} take turns (default: %(default)s)")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE",
                        help="also write the figures, and what they were measured on, to this file")  # fmt: skip


def read_options(parser: argparse.ArgumentParser, arguments: Iterable[str] = ()) -> argparse.Namespace:
    """Parse the command line. A number below 1 (also one of `arguments`), too many threads, a peer that is not
    installed or a file that cannot be written ends the program with one line and 2. Adds `systems`, the names of all.
    """
    options = parser.parse_args()
    check_measuring_options(parser, options, ("batch_size", *arguments))
    peers = PEERS if "all" in options.peer else list(dict.fromkeys(options.peer))
    lacking = {name: missing_packages(name) for name in peers}
    if any(lacking.values()):
        said = "; ".join(f"{name} needs {' and '.join(packages)}" for name, packages in lacking.items() if packages)
        parser.error(f"argument --peer: {said}, not installed here; python -m pip install -e '.[peers]'")
    options.systems = ["scratchcnn", *peers]
    return options


def check_measuring_options(
    parser: argparse.ArgumentParser, options: argparse.Namespace, arguments: Iterable[str] = ()
) -> None:
    """End the program with one line and 2 if an option of `add_measuring_options`, or a number of `arguments`, is
    none.
    """
    for name in ("threads", "rounds", *arguments):
        value = getattr(options, name, None)
        if value is not None and value < 1:
            parser.error(f"argument --{name.replace('_', '-')}: expected at least 1, received {value}")
    if options.threads > processors():
        parser.error(f"argument --threads: expected at most {processors()}, the processors there are, "
                     f"received {options.threads}")  # fmt: skip
    if options.json and (options.json.is_dir() or not options.json.absolute().parent.is_dir()):
        parser.error(f"argument --json: expected a file in a folder that exists, received '{options.json}'")


# Processes


class Process:
    """A system in a process of its own, seen from the benchmark; `worker.py` is the other side."""

    def __init__(self, system: str, threads: int, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        count = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), str(threads))
        chosen = {**os.environ, **ENVIRONMENT, **count, **SYSTEMS[system].environment, **(environment or {})}
        command = [sys.executable, str(WORKER), system, str(threads), str(folder)]
        self.system = system
        # TensorFlow talks on stderr of how it was built, whatever it is told: shown only if something goes wrong.
        self._noise = None if system == "scratchcnn" else TemporaryFile("w+", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._noise, text=True, env=chosen
        )

    def ask(self, question: str, **arguments: Any) -> Any:
        """What the method `question` of the `Worker` answers; the program ends if the process has ended."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            print(json.dumps([question, arguments]), file=stdin, flush=True)
            answer = stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            if self._noise:
                self._noise.seek(0)
                sys.stderr.write(self._noise.read())
            sys.exit(f"The process of {self.system} ended early, with code {self._process.wait()}.")
        return json.loads(answer)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is not None:
            self._process.kill()
        self._process.communicate()  # closes its stdin, on which it ends, and waits
        if self._noise:
            self._noise.close()


@contextmanager
def folder_of(x: Array, y: Array, weights: Sequence[Array] | None) -> Iterator[Path]:
    """A folder with images, labels and initial weights for every process, there as long as the context."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        np.save(folder / "x.npy", x)
        np.save(folder / "y.npy", y.astype(np.int64))  # PyTorch takes no smaller labels
        if weights is not None:
            np.savez(folder / "weights.npz", *weights)
        yield folder


@contextmanager
def processes(systems: Iterable[str], threads: int, folder: Path) -> Iterator[dict[str, Process]]:
    """A process for each system, all at once."""
    with ExitStack() as stack:
        yield {system: stack.enter_context(Process(system, threads, folder)) for system in systems}


def expect_agreement(what: str, values: Mapping[str, Any], tolerance: float) -> None:
    """End the program unless the systems' values are as near to scratchcnn's as `tolerance`: then they differ in more
    than rounding, and to compare their times would be meaningless.
    """
    for system, value in values.items():
        difference = float(np.abs(np.asarray(value) - np.asarray(values["scratchcnn"])).max())
        if not difference <= tolerance:  # so that NaN does not pass
            sys.exit(f"Expected the same {what} of all systems, received one of {system} that differs from "
                     f"scratchcnn's by {difference:.3g}; nothing was timed.")  # fmt: skip
