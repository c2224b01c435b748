"""One system in a process of its own: it answers questions of a benchmark, one after the other.

    worker.py SYSTEM THREADS FOLDER

turns.py starts it. A question is a line of JSON on stdin, ["steps", {"count": 15, "batch_size": 128}]: a method of
`Worker` and its arguments; the answer is a line of JSON on stdout. FOLDER holds what turns.py put there, the same for
all systems: images x.npy and labels y.npy, and weights.npz unless each system begins with its own.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contestants import SYSTEMS

if TYPE_CHECKING:
    from contestants import Network


def main() -> None:
    name, threads, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the benchmark, which then ends this process
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # so that nothing a system prints is taken for an answer
    keep_to_processors(threads)
    sys.meta_path.insert(0, Hidden(SYSTEMS[name].hidden))
    began = time.perf_counter()  # nothing that a system may import was imported so far, not even NumPy
    system = importlib.import_module(f"contestants.{SYSTEMS[name].module}")
    worker = Worker(system.Network, threads, folder, import_seconds=time.perf_counter() - began)
    for line in sys.stdin:
        question, arguments = json.loads(line)
        print(json.dumps(getattr(worker, question)(**arguments)), file=answers, flush=True)


def keep_to_processors(count: int) -> None:
    """Keep the process to `count` processors, where the system can: JAX has no other way to say how many threads."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


class Hidden(MetaPathFinder):
    """Lets packages seem not to be installed."""

    def __init__(self, packages: Sequence[str]) -> None:
        self.packages = packages

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        """Refuse the import, or leave it to the finders that follow."""
        if fullname in self.packages:
            raise ModuleNotFoundError(f"{fullname} is hidden", name=fullname)


class Worker:
    """The questions, each a method."""

    def __init__(self, network: type[Network], threads: int, folder: Path, import_seconds: float) -> None:
        import numpy as np

        self.seconds = import_seconds
        self.x, self.y = np.load(folder / "x.npy"), np.load(folder / "y.npy")
        weights = folder / "weights.npz"
        initial = list(np.load(weights).values()) if weights.exists() else None
        self.network = network(threads, initial, from_bytes=self.x.dtype == np.uint8)
        self.batch = 0

    def import_seconds(self) -> float:
        """How long importing the system took."""
        return self.seconds

    def loss(self, batch_size: int) -> float:
        """Loss of the first batch, dropout off."""
        return self.network.loss(self.x[:batch_size], self.y[:batch_size])

    def steps(self, count: int, batch_size: int) -> list[float]:
        """Train `count` steps, on one batch after the other; seconds of each."""
        seconds = []
        for _ in range(count):
            self.batch = (self.batch + 1) % (len(self.x) // batch_size)
            rows = slice(self.batch * batch_size, (self.batch + 1) * batch_size)
            began = time.perf_counter()
            self.network.step(self.x[rows], self.y[rows])
            seconds.append(time.perf_counter() - began)
        return seconds

    def predict(self, count: int, batch_size: int) -> list[float]:
        """Predict all images `count` times; seconds of each."""
        seconds = []
        for _ in range(count):
            began = time.perf_counter()
            self.network.predict(self.x, batch_size)
            seconds.append(time.perf_counter() - began)
        return seconds

    def predict_first_batch(self, count: int, batch_size: int) -> None:
        """Predict the same batch `count` times."""
        for _ in range(count):
            self.network.predict(self.x[:batch_size], batch_size)

    def predictions(self, batch_size: int) -> list[list[float]]:
        """Probabilities of all images."""
        return self.network.predict(self.x, batch_size).tolist()

    def memory(self) -> dict[str, Any]:
        """Bytes of resident memory: now, and the most there ever was.

        From /proc, since the `ru_maxrss` that Python offers begins with that of the process which started this one.
        """
        lines = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
        return {word: int(lines[key].split()[0]) * 1024 for word, key in (("now", "VmRSS"), ("peak", "VmHWM"))}


if __name__ == "__main__":
    main()
