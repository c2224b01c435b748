"""The README is correct: Python blocks run, links and commands exist, and every dependency is listed."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from scratchcnn.datasets import mnist

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = re.findall(r"python ((?:examples|benchmarks)/\S+\.py)([^`|&]*)", README)  # script and arguments
SCRIPTS = sorted({script for script, _ in COMMANDS})


def test_python_blocks_run_in_order(monkeypatch, tmp_path, capsys):
    (x, y), (x_test, y_test) = mnist.load_sample()  # a subset, so that ten epochs take seconds
    monkeypatch.setattr(mnist, "load_data", lambda: ((x[:256], y[:256]), (x_test[:100], y_test[:100])))
    monkeypatch.chdir(tmp_path)
    names, printed = {}, []
    for number, block in enumerate(BLOCKS):
        exec(compile(block, f"README block {number}", "exec"), names)
        printed.append(capsys.readouterr().out)
    script, inspection = (printed[next(i for i, block in enumerate(BLOCKS) if text in block)]
                          for text in ("model.add(Conv2D", "inspection.trace"))  # fmt: skip
    assert "Total params: 1,199,882" in script
    assert "Epoch 10/10" in script
    assert int(script.splitlines()[-1]) == names["model"].predict(names["X_test_"][:1]).argmax()
    assert "Trace of 'sequential': 1 sample of 28 x 28 x 1" in inspection
    assert "conv2d_1.output[0, 10, 11, 5] = " in inspection
    assert "conv2d.gradients['kernel'][1, 1, 0, 5] = " in inspection
    loss, accuracy = names["score"]
    assert np.isfinite(loss)
    assert accuracy > 0.5
    assert (tmp_path / "model.png").stat().st_size > 1000
    np.testing.assert_array_equal(*(names[model].predict(names["X_test_"]) for model in ("model", "same")))
    assert {"model.npz", "model.weights.h5", "model.onnx"} <= {path.name for path in tmp_path.iterdir()}


def test_blocks_include_the_articles_script():
    assert any("model.add(Conv2D(32, kernel_size=(3, 3)" in block for block in BLOCKS)


def test_links_lead_to_files():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(links) > 10
    for link in links:
        assert (ROOT / link).exists(), link


def test_two_commands_of_a_new_user_are_those_of_the_integration_test():
    commands = re.findall(r"^(?:train|check)=\"(.*)\"$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert len(commands) == 2
    assert set(commands) <= set(README.splitlines())


def test_commands_of_both_folders_are_found():
    assert {path.split("/")[0] for path in SCRIPTS} == {"benchmarks", "examples"}
    assert len(SCRIPTS) > 10


@pytest.mark.parametrize("script", SCRIPTS)
def test_options_in_commands_exist(script):
    done = subprocess.run([sys.executable, ROOT / script, "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    used = {option for name, arguments in COMMANDS if name == script for option in re.findall(r"--[a-z-]+", arguments)}
    assert used <= set(re.findall(r"--[a-z-]+", done.stdout))


def test_every_dependency_is_listed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    section = README.split("## Dependencies")[1].lower()
    table, text = section.split("the extra `test`", 1)
    extras = project["optional-dependencies"]
    for requirement in [*project["dependencies"], *(each for name in extras if name not in ("test", "peers")
                                                    for each in extras[name])]:  # fmt: skip
        assert re.search(rf"^\| [^|]*\b{re.match(r'[a-z0-9]+', requirement)[0]}\b", table, re.MULTILINE), requirement
    for requirement in extras["test"]:
        assert re.search(rf"\b{re.match(r'[a-z0-9]+', requirement)[0]}\b", text), requirement
