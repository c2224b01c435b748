"""benchmarks/late_step.py prints both medians and their ratio, and rejects invalid arguments."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from scripts import run_in_this_process

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "late_step.py"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_table_contains_both_medians_and_their_ratio(tmp_path):
    path = tmp_path / "late.json"
    done = run("--batch-size", 8, "--rounds", 2, "--steps", 2, "--dead", 0.5, "--json", path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "50% of the units in the dense layer are dead" in done.stdout
    written = json.loads(path.read_text())
    for name, what in {"step": "training step", "adam": "Adam update, all denormal"}.items():
        early, late, ratio = re.search(rf"{what} +(\S+) +(\S+) +(\S+)", done.stdout).groups()
        assert [early, late] == [f"{1e3 * written[name][each]:.3f}" for each in ("beginning", "late")]
        assert ratio == f"{written[name]['late'] / written[name]['beginning']:.2f}"


@pytest.mark.parametrize(("name", "value"), [("--dead", 1.5), ("--rounds", 0), ("--steps", -1)])
def test_invalid_argument_is_an_error(tmp_path, name, value):
    done = run_in_this_process(SCRIPT, tmp_path, name, value)
    assert done.returncode == 2
    assert f"argument {name}: expected" in done.stderr
    assert "Traceback" not in done.stderr
