"""Training that is killed again and again, and goes on from its checkpoint, ends as if it had not been, to the bit."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scratchcnn import load_model

pytestmark = pytest.mark.skipif(os.name != "posix", reason="forks and kills processes")


class Server:
    """Starts processes that train, and tells how each ended."""

    def __init__(self, process):
        self.process = process

    def train(self, path, seconds=None, **options):
        """Let one train, and kill it after so many seconds."""
        self.process.stdin.write(json.dumps({"path": str(path), "event": 0, **options}) + "\n")
        self.process.stdin.flush()
        number = int(self.process.stdout.readline())
        if seconds is not None:
            time.sleep(seconds)
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        return self.process.stdout.readline().strip()


@pytest.fixture(scope="module")
def server():
    support = [str(Path(__file__).parents[1] / "support"), *sys.path]
    child = Path(__file__).with_name("training_child.py")
    code = f"import sys; sys.path[:0] = {support!r}; import runpy; runpy.run_path({str(child)!r}, run_name='__main__')"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Server(process)
        process.stdin.close()


def expect_the_end_of_an_undisturbed_run(server, folder, **options):
    assert server.train(folder / "undisturbed.npz", **options) == "done"
    assert server.train(folder / "killed.npz", **options) == "done"
    undisturbed, killed = (folder / f"{name}.npz.end.npz" for name in ("undisturbed", "killed"))
    history = load_model(killed).history
    assert history.epoch == list(range(options["epochs"]))
    assert len(set(history.history["learning_rate"])) > 1
    assert killed.read_bytes() == undisturbed.read_bytes()  # weights, optimizer, generators, history


@pytest.mark.parametrize(
    ("engine", "save_freq", "kills"),
    [("reference", "epoch", 25), ("reference", 3, 25), ("kernels", "epoch", 3), ("kernels", 3, 3)],
)
def test_killed_at_any_event_of_training_or_saving(server, tmp_path, engine, save_freq, kills):
    path, chance, cut_short = tmp_path / "killed.npz", random.Random(kills), 0
    options = {"engine": engine, "save_freq": save_freq, "epochs": 60 if engine == "reference" else 12}
    for _ in range(kills):
        assert server.train(path, event=chance.randint(1, 40), **options) == "dead"
        cut_short += any(name.endswith(".tmp") for name in os.listdir(tmp_path))
    assert cut_short or kills < 25  # in the middle of a save
    expect_the_end_of_an_undisturbed_run(server, tmp_path, **options)


@pytest.mark.parametrize("save_freq", ["epoch", 2])
def test_killed_at_any_time(server, tmp_path, save_freq):
    path, chance = tmp_path / "killed.npz", random.Random(7)
    options = {"engine": "reference", "save_freq": save_freq, "epochs": 100}
    ends = [server.train(path, seconds=chance.uniform(0.005, 0.08), **options) for _ in range(12)]
    assert ends.count("dead") >= 3  # on a fast machine the last ones may find nothing left to do
    assert set(ends) <= {"dead", "done"}
    expect_the_end_of_an_undisturbed_run(server, tmp_path, **options)
