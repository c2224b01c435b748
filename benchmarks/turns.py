"""Compare systems in interleaved rounds: the command-line options of a comparison, and one process per system.

All processes receive the same images and weights and use the same number of threads and processors. Only one of them
computes at a time, and the systems alternate, so that a temporary slowdown of the machine affects all of them.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

import numpy as np
from architectures import NETWORKS, Architecture
from contestants import PEERS, SYSTEMS, missing_packages

Array = np.ndarray[Any, Any]

WORKER = Path(__file__).with_name("worker.py")
COLD = "scratchcnn, cold"  # with an empty kernel cache
ENVIRONMENT = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}  # no system may use a GPU


def run(benchmark: Callable[[], None]) -> None:
    """Run a benchmark; Ctrl-C ends it with a short message instead of a traceback."""
    try:
        benchmark()
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(130)


# Options


def processors() -> int:
    """Return the number of processors available to this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def add_options(parser: argparse.ArgumentParser, batch_size: int | None = 128, rounds: int | None = None) -> None:
    """Add the options common to all comparisons of systems; --rounds only if a default is given.

    The default of --batch-size may be None, if it depends on the network.
    """
    parser.add_argument("--peer", action="append", choices=[*PEERS, "all"], default=[],
                        help="a system to compare with; may be repeated")  # fmt: skip
    parser.add_argument("--batch-size", type=int, default=batch_size, metavar="N",
                        help=f"images per batch (default: {batch_size or 'that of each network'})")  # fmt: skip
    add_measuring_options(parser, rounds, "systems")


def add_measuring_options(parser: argparse.ArgumentParser, rounds: int | None, compared: str) -> None:
    """Add --threads and --json, and --rounds if a default is given; `compared` names what the rounds compare."""
    parser.add_argument("--threads", type=int, default=processors(), metavar="N",
                        help="number of threads (default: %(default)s, all processors)")  # fmt: skip
    if rounds is not None:
        parser.add_argument("--rounds", type=int, default=rounds, metavar="N",
                            help=f"rounds in which all {compared} are timed (default: %(default)s)")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE",
                        help="also write the measurements and a description of the machine to this file")  # fmt: skip


def read_options(parser: argparse.ArgumentParser, arguments: Iterable[str] = ()) -> argparse.Namespace:
    """Parse the command line and add `systems`, the names of all systems.

    The program ends with a one-line message and exit code 2 if a count (including those in `arguments`) is below 1, if
    there are more threads than processors, if a peer is not installed, or if the JSON file cannot be written.
    """
    options = parser.parse_args()
    check_measuring_options(parser, options, ("batch_size", *arguments))
    peers = PEERS if "all" in options.peer else list(dict.fromkeys(options.peer))
    missing = {name: missing_packages(name) for name in peers}
    if any(missing.values()):
        message = "; ".join(f"{name} needs {' and '.join(packages)}" for name, packages in missing.items() if packages)
        parser.error(f"argument --peer: {message}, not installed here; python -m pip install -e '.[peers]'")
    options.systems = ["scratchcnn", *peers]
    return options


def check_measuring_options(
    parser: argparse.ArgumentParser, options: argparse.Namespace, arguments: Iterable[str] = ()
) -> None:
    """End the program with a one-line message and exit code 2 if an option is invalid.

    Checks the options of `add_measuring_options`, and that each count in `arguments` is at least 1.
    """
    for name in ("threads", "rounds", *arguments):
        value = getattr(options, name, None)
        if value is not None and value < 1:
            parser.error(f"argument --{name.replace('_', '-')}: expected at least 1, received {value}")
    if options.threads > processors():
        parser.error(f"argument --threads: expected at most {processors()}, the number of processors, "
                     f"received {options.threads}")  # fmt: skip
    if options.json and (options.json.is_dir() or not options.json.absolute().parent.is_dir()):
        parser.error(f"argument --json: expected a file in an existing folder, received '{options.json}'")


# Processes


class Process:
    """Client of a system that runs in its own process; `worker.py` is the server."""

    def __init__(self, system: str, threads: int, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        thread_counts = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), str(threads))
        variables = {**os.environ, **ENVIRONMENT, **thread_counts, **SYSTEMS[system].environment, **(environment or {})}
        command = [sys.executable, str(WORKER), system, str(threads), str(folder)]
        self.system = system
        # TensorFlow always writes build information to stderr; the output is shown only if the process fails.
        self._stderr = None if system == "scratchcnn" else TemporaryFile("w+", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr, text=True, env=variables
        )

    def ask(self, question: str, **arguments: Any) -> Any:
        """Call the method `question` of the `Worker` and return its result; fail if the process has ended."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            print(json.dumps([question, arguments]), file=stdin, flush=True)
            answer = stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            if self._stderr:
                self._stderr.seek(0)
                sys.stderr.write(self._stderr.read())
            sys.exit(f"The process of {self.system} ended unexpectedly, with exit code {self._process.wait()}.")
        return json.loads(answer)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is not None:
            self._process.kill()
        self._process.communicate()  # closes its stdin, which ends it, and waits
        if self._stderr:
            self._stderr.close()


@contextmanager
def folder_of(
    x: Array, y: Array, weights: Sequence[Array] | None, architecture: Architecture = NETWORKS["article"]
) -> Iterator[Path]:
    """Create a temporary folder with network, images, labels and initial weights for all processes."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "architecture.json").write_text(json.dumps(architecture))
        np.save(folder / "x.npy", x)
        np.save(folder / "y.npy", y.astype(np.int64))  # PyTorch requires int64 labels
        if weights is not None:
            np.savez(folder / "weights.npz", *weights)
        yield folder


@contextmanager
def processes(systems: Iterable[str], threads: int, folder: Path) -> Iterator[dict[str, Process]]:
    """Start one process per system; end all of them when the context ends."""
    with ExitStack() as stack:
        yield {system: stack.enter_context(Process(system, threads, folder)) for system in systems}


@contextmanager
def new_process(name: str, threads: int, folder: Path) -> Iterator[Process]:
    """Start the process of a system; the system `COLD` is scratchcnn with an empty kernel cache."""
    with TemporaryDirectory() as empty:
        system, environment = ("scratchcnn", {"NUMBA_CACHE_DIR": empty}) if name == COLD else (name, {})
        with Process(system, threads, folder, environment) as process:
            yield process


def expect_agreement(what: str, values: Mapping[str, Any], tolerance: float) -> None:
    """End the program if a system's values differ from scratchcnn's by more than `tolerance`.

    Such a difference is not a rounding error, and a comparison of times would be meaningless.
    """
    for system, value in values.items():
        difference = float(np.abs(np.asarray(value) - np.asarray(values["scratchcnn"])).max())
        if not difference <= tolerance:  # also true for NaN
            sys.exit(f"Expected the same {what} from all systems, received a difference of {difference:.3g} between "
                     f"{system} and scratchcnn; nothing was timed.")  # fmt: skip


def expect_same_loss(running: Mapping[str, Process], weights: Sequence[Array], batch_size: int) -> dict[str, float]:
    """Return the loss of the first batch by system; end the program if they differ by more than rounding errors."""
    losses = {name: process.ask("loss", batch_size=batch_size) for name, process in running.items()}
    expect_agreement("loss of the first batch", losses, loss_tolerance(weights))
    return losses


def loss_tolerance(weights: Sequence[Array]) -> float:
    """Return by how much the float32 losses of two correct systems may differ, given a network's initial weights.

    In a sum of n products, the rounding errors add up to about u sqrt(n) times the magnitude of the sum, with the unit
    roundoff u (Higham & Mary 2019, "A new approach to probabilistic rounding error analysis"). The errors of successive
    layers add up, and both systems have them; activations and logits have a magnitude of 1 with initial weights.
    """
    terms = [math.prod(weight.shape[:-1]) for weight in weights if weight.ndim > 1]
    return 2 * 2**-24 * sum(math.sqrt(n) for n in terms)
