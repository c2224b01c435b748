"""benchmarks/time_to_accuracy.py trains on the embedded sample, prints its table, and rejects invalid arguments."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from scripts import run_in_this_process

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "time_to_accuracy.py"
LINE = re.compile(r"(article|best) +(\d+|median) \| +(\S+) +(\S+) +(\S+) \| +(\S+) +(\S+) +(\S+)")


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    path = tmp_path_factory.mktemp("times") / "times.json"
    arguments = "--data", "sample", "--epochs", 2, "--seeds", 0, 1, "--target", 0.75, "--json", path
    return run(*arguments), path


def test_table_contains_every_run_and_the_medians_of_each_recipe(done):
    finished, path = done
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    lines = [match.groups() for match in map(LINE.fullmatch, finished.stdout.splitlines()) if match]
    assert [line[:2] for line in lines] == [(r, s) for r in ("article", "best") for s in ("0", "1", "median")]
    written = json.loads(path.read_text())
    assert written["target"] == 0.75
    for run_, line in zip(written["runs"], lines[:2] + lines[3:5], strict=True):
        assert (run_["recipe"], str(run_["seed"])) == line[:2]
        assert len(run_["accuracies"]) == len(run_["seconds"]) == 2
        assert 0 < run_["seconds"][0] < run_["seconds"][1]
        first = next(i for i in range(2) if run_["accuracies"][i] >= 0.75)
        at_target, end = [[i + 1, run_["seconds"][i], run_["accuracies"][i]] for i in (first, 1)]
        texts = [f"{f:.{digits}f}" for f, digits in zip([*at_target, *end], (0, 1, 4) * 2, strict=True)]
        assert list(line[2:]) == texts
    best = [run_["accuracies"][-1] for run_ in written["runs"] if run_["recipe"] == "best"]
    assert abs(float(lines[5][7]) - sum(best) / 2) <= 0.5e-4 + 1e-9  # the median of two is their mean


def test_missed_target_is_printed_as_a_dash():
    finished = run("--data", "sample", "--epochs", 1, "--seeds", 0, "--target", 1, "--recipe", "best")
    assert finished.returncode == 0, finished.stderr
    lines = [match.groups() for match in map(LINE.fullmatch, finished.stdout.splitlines()) if match]
    assert [line[2:5] for line in lines] == [("-", "-", "-")] * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", 99.14], "argument --target: expected a fraction above 0 and up to 1, received 99.14"),
        (["--epochs", 0], "argument --epochs: expected at least 1, received 0"),
        (["--seeds", -1], "argument --seeds: expected numbers of at least 0, received -1"),
        (["--recipe", "worst"], "argument --recipe: invalid choice: 'worst'"),
        (["--data", "nowhere"], "(each may end in .gz), received 'nowhere', which does not exist"),
    ],
)
def test_invalid_argument_is_an_error(tmp_path, arguments, message):
    finished = run_in_this_process(SCRIPT, tmp_path, *arguments)
    assert finished.returncode == 2
    assert message in finished.stderr
    assert "Traceback" not in finished.stderr
