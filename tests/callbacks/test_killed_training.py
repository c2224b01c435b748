"""Training that is killed repeatedly and resumed from checkpoints ends bit for bit like uninterrupted training."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from counted_events import kill_after_events

from scratchcnn import load_model

pytestmark = pytest.mark.skipif(os.name != "posix", reason="requires fork and kill")


class Server:
    """Starts processes that train, and reports how each ended."""

    def __init__(self, process):
        self.process = process

    def train(self, path, kill_after=None, **options):
        """Start a process that trains, kill it after a number of events, and return how it ended: 'done' or 'dead'."""
        self.process.stdin.write(json.dumps({"path": str(path), "reported": kill_after is not None, **options}) + "\n")
        self.process.stdin.flush()
        number = int(self.process.stdout.readline())
        if kill_after is not None:
            return kill_after_events(self.process, number, kill_after)
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


def expect_result_of_uninterrupted_training(server, folder, **options):
    assert server.train(folder / "uninterrupted.npz", **options) == "done"
    assert server.train(folder / "killed.npz", **options) == "done"
    uninterrupted, killed = (folder / f"{name}.npz.end.npz" for name in ("uninterrupted", "killed"))
    history = load_model(killed).history
    assert history.epoch == list(range(options["epochs"]))
    assert len(set(history.history["learning_rate"])) > 1
    assert killed.read_bytes() == uninterrupted.read_bytes()  # weights, optimizer, generators, history


@pytest.mark.parametrize(
    ("engine", "save_freq", "kills"),
    [("reference", "epoch", 25), ("reference", 3, 25), ("kernels", "epoch", 3), ("kernels", 3, 3)],
)
def test_training_killed_at_any_event_is_resumed_bit_for_bit(server, tmp_path, engine, save_freq, kills):
    path, rng, interrupted = tmp_path / "killed.npz", random.Random(kills), 0
    options = {"engine": engine, "save_freq": save_freq, "epochs": 60 if engine == "reference" else 12}
    for _ in range(kills):
        assert server.train(path, fatal=rng.randint(1, 40), **options) == "dead"
        interrupted += any(name.endswith(".tmp") for name in os.listdir(tmp_path))
    assert interrupted or kills < 25  # some kills occurred in the middle of a save
    expect_result_of_uninterrupted_training(server, tmp_path, **options)


@pytest.mark.parametrize("save_freq", ["epoch", 2])
def test_training_killed_at_any_time_is_resumed_bit_for_bit(server, tmp_path, save_freq):
    path, rng = tmp_path / "killed.npz", random.Random(7)
    options = {"engine": "reference", "save_freq": save_freq, "epochs": 100}
    for _ in range(12):  # of 1600 events, each process reaches a hundred at most before the kill
        assert server.train(path, kill_after=rng.randint(1, 80), **options) == "dead"
    expect_result_of_uninterrupted_training(server, tmp_path, **options)
