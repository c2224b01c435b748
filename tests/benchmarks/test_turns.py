"""Processes of the compared systems: results must agree, threads are limited, and failures are reported."""

import math
import os

import numpy as np
import pytest


@pytest.fixture
def folder():
    from turns import folder_of

    with folder_of(np.zeros((4, 28, 28, 1), np.float32), np.arange(4), weights=None) as folder:
        yield folder


def test_differences_within_rounding_are_accepted():
    from turns import expect_agreement

    expect_agreement("loss", {"scratchcnn": 1.0, "torch": 1.0 + 9e-6}, 1e-5)


@pytest.mark.parametrize("value", [1.0 + 2e-5, math.nan])
def test_differing_losses_are_an_error(value):
    from turns import expect_agreement

    with pytest.raises(SystemExit, match=r"Expected the same loss .* between torch and .*; nothing was timed\."):
        expect_agreement("loss", {"scratchcnn": 1.0, "torch": value}, 1e-5)


def test_single_differing_probability_is_an_error():
    from turns import expect_agreement

    probabilities = np.full((3, 10), 0.1)
    other = probabilities.copy()
    other[2, 3] += 1e-4
    with pytest.raises(SystemExit, match=r"received a difference of 0\.0001 between torch and scratchcnn"):
        expect_agreement("probabilities", {"scratchcnn": probabilities.tolist(), "torch": other.tolist()}, 1e-5)


def test_benchmark_of_differing_systems_exits_with_1(run_benchmark, monkeypatch):
    import turns

    class Wrong(turns.Process):
        def ask(self, question, **arguments):
            return math.nan if question == "loss" else super().ask(question, **arguments)

    monkeypatch.setattr(turns, "Process", Wrong)
    done = run_benchmark("networks.py", "--networks", "article", "--batch-size", 8, "--rounds", 1, "--steps", 1)
    assert done.code == 1
    assert "nothing was timed" in done.err
    assert done.out == ""


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="requires sched_setaffinity")
def test_process_is_restricted_to_its_number_of_processors(folder):
    from turns import Process

    with Process("scratchcnn", 1, folder) as process:
        assert process.ask("import_seconds") > 0
        assert len(os.sched_getaffinity(process._process.pid)) == 1
    assert process._process.returncode == 0


def test_failed_process_is_reported(folder, capfd):
    from turns import Process

    (folder / "x.npy").unlink()
    with pytest.raises(SystemExit, match=r"The process of scratchcnn ended unexpectedly, with exit code 1"):  # noqa: SIM117
        with Process("scratchcnn", 1, folder) as process:
            process.ask("steps", count=1, batch_size=4)
    assert "FileNotFoundError" in capfd.readouterr().err


def test_exception_ends_all_processes(folder):
    from turns import processes

    with pytest.raises(KeyboardInterrupt), processes(["scratchcnn"], 1, folder) as running:
        raise KeyboardInterrupt
    assert running["scratchcnn"]._process.poll() is not None


def test_summary_contains_overall_median_and_range_of_round_medians():
    from report import summarize

    assert summarize([[3.0, 1.0, 8.0], [2.0, 2.0, 9.0], [7.0, 5.0, 6.0]]) == (5.0, 2.0, 6.0)
