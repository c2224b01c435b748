"""examples/draw_digit.py: installation hints without a window, and errors in one line."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from scripts import run_in_this_process

from scratchcnn import Sequential
from scratchcnn.layers import Dense

EXAMPLE = Path(__file__).parents[2] / "examples" / "draw_digit.py"


def run(folder: Path, *arguments: object, backend: str = "agg") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLE), *map(str, arguments)]
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    environment["MPLBACKEND"] = backend
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, env=environment)


@pytest.mark.parametrize("backend", ["agg", "svg"])
def test_backend_without_a_window_gives_installation_hints(tmp_path: Path, backend: str):
    done = run(tmp_path, backend=backend)
    assert done.returncode == 1
    assert f"draw_digit.py: error: matplotlib's backend '{backend}' opens no window" in done.stderr
    assert "MPLBACKEND=webagg" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""  # no model was trained


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
def test_missing_display_or_toolkit_gives_installation_hints(tmp_path: Path):
    done = run(tmp_path, backend="tkagg")
    assert done.returncode == 1
    assert re.search(r"draw_digit\.py: error: .*(cannot open a window|opens no window)", done.stderr)
    assert "MPLBACKEND=webagg" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "nowhere.npz"), "argument --model: .*nowhere.npz"),
        (("--model", "text.npz"), "argument --model: .*text.npz"),
        (("--model", "small.npz"), r"argument --model: Expected a model for images \(28, 28, 1\), received one for"),
        (("--colour", "red"), "unrecognized arguments: --colour red"),
    ],
)
def test_invalid_arguments_are_rejected(tmp_path: Path, arguments: tuple, message: str):
    (tmp_path / "text.npz").write_text("not a model")
    Sequential([Dense(10, input_shape=(4,))]).save(tmp_path / "small.npz")
    done = run_in_this_process(EXAMPLE, tmp_path, *arguments)
    assert done.returncode == 2
    assert re.search(rf"\ndraw_digit\.py: error: {message}", done.stderr), done.stderr
    assert "Traceback" not in done.stderr
