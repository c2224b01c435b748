"""Run one system in its own process and serve the requests of a benchmark.

    worker.py SYSTEM THREADS FOLDER

turns.py starts this program. A request is one line of JSON on stdin with the name of a method of `Worker` and its
arguments, for example ["steps", {"count": 15, "batch_size": 128}]; the response is one line of JSON on stdout. FOLDER
contains what is the same for all systems: the network in architecture.json, images x.npy, labels y.npy, and the initial
weights in weights.npz, unless each system initializes its own.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import statistics
import sys
import time
from collections.abc import Sequence
from functools import partial
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

from architectures import Architecture
from contestants import SYSTEMS

if TYPE_CHECKING:
    from contestants import Network


def main() -> None:
    name, threads, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the benchmark handles Ctrl-C and ends this process
    responses = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # output of the system must not mix with the responses
    restrict_processors(threads)
    sys.meta_path.insert(0, Hidden(SYSTEMS[name].hidden))
    start = time.perf_counter()  # no import of a system has happened so far, not even of NumPy
    system = importlib.import_module(f"contestants.{SYSTEMS[name].module}")
    worker = Worker(system.Network, threads, folder, import_seconds=time.perf_counter() - start)
    for line in sys.stdin:
        method, arguments = json.loads(line)
        print(json.dumps(getattr(worker, method)(**arguments)), file=responses, flush=True)


def restrict_processors(count: int) -> None:
    """Restrict the process to `count` processors where supported: JAX has no other setting for its threads."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


class Hidden(MetaPathFinder):
    """Import hook that makes packages appear not to be installed."""

    def __init__(self, packages: Sequence[str]) -> None:
        self.packages = packages

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        """Raise an error for a hidden package; leave all others to the next finder."""
        if fullname in self.packages:
            raise ModuleNotFoundError(f"{fullname} is hidden", name=fullname)


class Worker:
    """The requests that a benchmark can make, one method each."""

    def __init__(self, system: type[Network], threads: int, folder: Path, import_seconds: float) -> None:
        import numpy as np

        self.seconds = import_seconds
        self.x, self.y = np.load(folder / "x.npy"), np.load(folder / "y.npy")
        architecture = Architecture(*json.loads((folder / "architecture.json").read_text()))
        weights = folder / "weights.npz"
        initial = list(np.load(weights).values()) if weights.exists() else None
        self.settings = system.settings(architecture)
        self.build = partial(system, architecture, threads, initial, self.x.dtype == np.uint8)
        self.network = self.build(self.settings[0])
        self.batch = 0

    def import_seconds(self) -> float:
        """Return the seconds that importing the system took."""
        return self.seconds

    def loss(self, batch_size: int) -> float:
        """Return the loss of the first batch, without dropout."""
        return self.network.loss(self.x[:batch_size], self.y[:batch_size])

    def choose_setting(self, count: int, batch_size: int) -> str:
        """Return the system's setting with the fastest steps, and start again with it.

        Each setting takes `count` untimed steps, and then twice as many in turns with the others.
        """
        if len(self.settings) == 1:
            return self.settings[0]
        networks = {setting: self.build(setting) for setting in self.settings}
        seconds: dict[str, list[float]] = {}
        for _ in range(3):
            timed = {setting: self._time_steps(network, count, batch_size) for setting, network in networks.items()}
            seconds = {setting: seconds.get(setting, []) + times for setting, times in timed.items()}
        fastest = min(self.settings, key=lambda setting: statistics.median(seconds[setting][count:]))
        self.start_again(fastest)
        return fastest

    def start_again(self, setting: str) -> None:
        """Use one of the system's settings from now on, with the initial weights."""
        self.network, self.batch = self.build(setting), 0

    def steps(self, count: int, batch_size: int) -> list[float]:
        """Train `count` steps on consecutive batches; return the seconds of each."""
        return self._time_steps(self.network, count, batch_size)

    def _time_steps(self, network: Network, count: int, batch_size: int) -> list[float]:
        seconds = []
        for _ in range(count):
            self.batch = (self.batch + 1) % (len(self.x) // batch_size)
            rows = slice(self.batch * batch_size, (self.batch + 1) * batch_size)
            batch = network.batch(self.x[rows], self.y[rows])
            start = time.perf_counter()
            network.step(batch)
            seconds.append(time.perf_counter() - start)
        return seconds

    def fit(self, batch_size: int, count: int | None = None) -> float:
        """Train one epoch on all images, or on the first `count`; return its seconds."""
        start = time.perf_counter()
        self.network.fit(self.x[:count], self.y[:count], batch_size)
        return time.perf_counter() - start

    def predict(self, count: int, batch_size: int) -> list[float]:
        """Predict all images `count` times; return the seconds of each."""
        seconds = []
        for _ in range(count):
            start = time.perf_counter()
            self.network.predict(self.x, batch_size)
            seconds.append(time.perf_counter() - start)
        return seconds

    def predict_first_batch(self, count: int, batch_size: int) -> None:
        """Predict the same batch `count` times."""
        for _ in range(count):
            self.network.predict(self.x[:batch_size], batch_size)

    def predictions(self, batch_size: int) -> list[list[float]]:
        """Return the probabilities of all images."""
        return self.network.predict(self.x, batch_size).tolist()

    def memory(self) -> dict[str, Any]:
        """Return the current and the peak resident memory in bytes.

        Read from /proc, since Python's `ru_maxrss` is inherited from the parent process.
        """
        lines = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
        return {word: int(lines[key].split()[0]) * 1024 for word, key in (("now", "VmRSS"), ("peak", "VmHWM"))}


if __name__ == "__main__":
    main()
