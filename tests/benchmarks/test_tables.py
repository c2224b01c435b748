"""Every benchmark prints a table of plausible values and writes them to a JSON file."""

import json
import math
import os

import numpy as np
import pytest

from scratchcnn.datasets import mnist

TINY = {
    "predict.py": ("--batch-size", 8, "--rounds", 1, "--repeats", 1, "--images", 20),
    "first_step.py": ("--batch-size", 8, "--rounds", 1, "--skip-cold"),
    "memory.py": ("--batch-size", 8, "--steps", 2, "--predicts", 2),
}
COLUMNS = {
    "predict.py": ["seconds", "lowest", "highest", "images/s", "relative"],
    "first_step.py": ["import", "lowest", "highest", "first step", "relative"],
    "memory.py": ["before", "peak", "growth", "relative"],
}


@pytest.fixture(params=[pytest.param(name, id=name.removesuffix(".py")) for name in TINY])
def script(request):
    if request.param == "memory.py" and not os.path.exists("/proc/self/status"):
        pytest.skip("requires /proc/self/status")
    return request.param


def test_table_and_file_without_peers(run_benchmark, script, tmp_path):
    done = run_benchmark(script, *TINY[script], "--json", tmp_path / "figures.json", "--threads", 1)
    assert done.code == 0, done.err
    assert list(done.table) == ["scratchcnn"]
    row = done.table["scratchcnn"]
    assert list(row) == COLUMNS[script]
    assert row["relative"] == [1.0]
    growth = row.pop("growth", [0.0])
    assert all(math.isfinite(value) for value in growth)
    assert all(math.isfinite(value) and value > 0 for values in row.values() for value in values), row
    assert "1 thread," in done.out or "1 thread;" in done.out
    assert "peer" not in done.out

    written = json.loads((tmp_path / "figures.json").read_text())
    assert written["settings"]["threads"] == 1
    assert written["settings"]["batch_size"] == 8
    assert list(written["systems"]) == ["scratchcnn"]
    assert written["machine"]["processor"]
    assert written["machine"]["cores"] == os.cpu_count()
    assert {"scratchcnn", "numpy", "numba"} <= written["machine"]["packages"].keys()


@pytest.mark.parametrize("script", ["predict.py", "memory.py"], indirect=True)
def test_data_option_replaces_the_images(run_benchmark, script, tmp_path):
    """predict.py uses the test images, repeated as necessary, and memory.py the training images."""
    (x, y), _ = mnist.load_sample()
    np.savez(tmp_path / "few.npz", x_train=x[:9], y_train=y[:9], x_test=x[:3], y_test=y[:3])
    done = run_benchmark(script, *TINY[script], "--data", tmp_path / "few.npz")
    assert done.code == 0, done.err
    assert ("20 images" if script == "predict.py" else "9 uint8 images") in done.out


def test_cold_start_uses_an_empty_cache(run_benchmark, monkeypatch):
    """The process itself does not receive the empty cache here, since compiling takes half a minute."""
    import turns

    folders = []

    class Recorded(turns.Process):
        def __init__(self, system, threads, folder, environment=None):
            cache = (environment or {}).get("NUMBA_CACHE_DIR")
            folders.append(cache)
            assert cache is None or os.listdir(cache) == []
            super().__init__(system, threads, folder)

    monkeypatch.setattr(turns, "Process", Recorded)
    done = run_benchmark("first_step.py", *TINY["first_step.py"][:-1])
    assert done.code == 0, done.err
    assert list(done.table) == ["scratchcnn", "scratchcnn, cold"]
    warm_up, *rounds = folders
    assert warm_up is None
    assert [bool(cache) for cache in rounds] == [False, True]
    assert not any(os.path.exists(cache) for cache in rounds if cache)
