"""The README holds: its Python blocks run, its links lead somewhere, its commands exist."""

import re
from pathlib import Path

import numpy as np

from scratchcnn.datasets import mnist

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def test_python_blocks_run_one_after_the_other(monkeypatch, tmp_path, capsys):
    (x, y), (x_test, y_test) = mnist.load_sample()  # a few real digits, so that ten epochs take seconds
    monkeypatch.setattr(mnist, "load_data", lambda: ((x[:256], y[:256]), (x_test[:100], y_test[:100])))
    monkeypatch.chdir(tmp_path)
    names, printed = {}, []
    for number, block in enumerate(BLOCKS):
        exec(compile(block, f"README block {number}", "exec"), names)
        printed.append(capsys.readouterr().out)
    script, inside = (printed[next(i for i, block in enumerate(BLOCKS) if word in block)]
                      for word in ("model.add(Conv2D", "inspection.trace"))  # fmt: skip
    assert "Total params: 1,199,882" in script
    assert "Epoch 10/10" in script
    assert int(script.splitlines()[-1]) == names["model"].predict(names["X_test_"][:1]).argmax()
    assert "Trace of 'sequential': 1 sample of 28 x 28 x 1" in inside
    assert "conv2d_1.output[0, 10, 11, 5] = " in inside
    assert "conv2d.gradients['kernel'][1, 1, 0, 5] = " in inside
    loss, accuracy = names["score"]
    assert np.isfinite(loss)
    assert accuracy > 0.5
    assert (tmp_path / "model.png").stat().st_size > 1000
    np.testing.assert_array_equal(*(names[model].predict(names["X_test_"]) for model in ("model", "same")))
    assert {"model.npz", "model.weights.h5", "model.onnx"} <= {path.name for path in tmp_path.iterdir()}


def test_the_articles_script_is_among_the_blocks():
    assert any("model.add(Conv2D(32, kernel_size=(3, 3)" in block for block in BLOCKS)


def test_links_lead_to_files():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(links) > 10
    for link in links:
        assert (ROOT / link).exists(), link


def test_scripts_in_commands_exist():
    scripts = re.findall(r"python ((?:examples|benchmarks)/\S+\.py)", README)
    assert scripts
    for script in scripts:
        assert (ROOT / script).exists(), script
