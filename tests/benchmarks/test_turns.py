"""Processes that take turns: they must agree, get the same threads, and may not end unnoticed."""

import math
import os

import numpy as np
import pytest


@pytest.fixture
def folder():
    from turns import folder_of

    with folder_of(np.zeros((4, 28, 28, 1), np.float32), np.arange(4), weights=None) as folder:
        yield folder


def test_systems_that_agree_within_rounding_pass():
    from turns import expect_agreement

    expect_agreement("loss", {"scratchcnn": 1.0, "torch": 1.0 + 9e-6}, 1e-5)


@pytest.mark.parametrize("value", [1.0 + 2e-5, math.nan])
def test_systems_that_differ_are_not_timed(value):
    from turns import expect_agreement

    with pytest.raises(SystemExit, match=r"Expected the same loss .* of torch that differs .*; nothing was timed\."):
        expect_agreement("loss", {"scratchcnn": 1.0, "torch": value}, 1e-5)


def test_probabilities_that_differ_in_one_place_are_not_timed():
    from turns import expect_agreement

    probabilities = np.full((3, 10), 0.1)
    other = probabilities.copy()
    other[2, 3] += 1e-4
    with pytest.raises(SystemExit, match=r"differs from scratchcnn's by 0\.0001"):
        expect_agreement("probabilities", {"scratchcnn": probabilities.tolist(), "torch": other.tolist()}, 1e-5)


def test_a_benchmark_of_systems_that_differ_ends_with_1(run_benchmark, monkeypatch):
    import turns

    class Wrong(turns.Process):
        def ask(self, question, **arguments):
            return math.nan if question == "loss" else super().ask(question, **arguments)

    monkeypatch.setattr(turns, "Process", Wrong)
    done = run_benchmark("train_step.py", "--batch-size", 8, "--rounds", 1, "--steps", 1)
    assert done.code == 1
    assert "nothing was timed" in done.err
    assert done.out == ""


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="processors cannot be chosen here")
def test_a_process_keeps_to_its_threads(folder):
    from turns import Process

    with Process("scratchcnn", 1, folder) as process:
        assert process.ask("import_seconds") > 0
        assert len(os.sched_getaffinity(process._process.pid)) == 1
    assert process._process.returncode == 0


def test_a_process_that_ends_is_not_waited_for(folder, capfd):
    from turns import Process

    (folder / "x.npy").unlink()
    with pytest.raises(SystemExit, match=r"The process of scratchcnn ended early, with code 1"):  # noqa: SIM117
        with Process("scratchcnn", 1, folder) as process:
            process.ask("steps", count=1, batch_size=4)
    assert "FileNotFoundError" in capfd.readouterr().err


def test_an_error_ends_the_processes(folder):
    from turns import processes

    with pytest.raises(KeyboardInterrupt), processes(["scratchcnn"], 1, folder) as running:
        raise KeyboardInterrupt
    assert running["scratchcnn"]._process.poll() is not None


def test_the_figure_of_rounds():
    from report import figure

    assert figure([[3.0, 1.0, 8.0], [2.0, 2.0, 9.0], [7.0, 5.0, 6.0]]) == (5.0, 2.0, 6.0)
