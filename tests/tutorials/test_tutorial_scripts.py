"""Scripts in the style of Keras's tutorials run with Keras and, once their imports are changed, with this package.

Each script in `scripts/` imports Keras, uses what such tutorials use, and leaves the accuracy on its test images in the
variable `accuracy`. The data sets are replaced by the embedded sample of MNIST and by drawn images of the same form.
"""

import re
from pathlib import Path

import keras
import matplotlib
import numpy as np
import pytest

import scratchcnn.datasets
from scratchcnn.datasets import mnist

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.py"))


def with_imports_changed(script):
    """`import keras` becomes `import scratchcnn as keras`, and `from keras.layers import …` names scratchcnn."""
    script = re.sub(r"^import keras$", "import scratchcnn as keras", script, flags=re.MULTILINE)
    return re.sub(r"^from keras\b", "from scratchcnn", script, flags=re.MULTILINE)


def colored_shapes(count, rng):
    """CIFAR-10's form: noisy images (N, 32, 32, 3) with a bright square or bar whose color and shape are the class."""
    labels = rng.integers(0, 10, (count, 1))
    images = rng.integers(0, 80, (count, 32, 32, 3), np.uint8)
    for image, (label,) in zip(images, labels, strict=True):
        row, column = rng.integers(2, 12, 2)
        height, width = [(16, 16), (16, 4)][label % 2]
        color = np.array([int(bit) for bit in f"{label // 2 + 1:03b}"], np.uint8) * 170
        image[row : row + height, column : column + width] += color
    return images, labels.astype(np.uint8)


def replace_data_sets(monkeypatch, datasets):
    (train, test), rng = mnist.load_sample(), np.random.default_rng(0)
    of = {"mnist": (train, test), "fashion_mnist": (train, test),
          "cifar10": (colored_shapes(1000, rng), colored_shapes(200, rng))}  # fmt: skip
    for name, data in of.items():
        monkeypatch.setattr(getattr(datasets, name), "load_data", lambda data=data: data)


def accuracy_of(script, name):
    """Run a script; return what it leaves in `accuracy`."""
    variables = {"__name__": "__main__"}
    with matplotlib.rc_context({"backend": "Agg"}):
        exec(compile(script, name, "exec"), variables)
    return variables["accuracy"]


@pytest.fixture
def fixed_seeds(monkeypatch):
    """Models without a seed get the same one in every run, so that the accuracies do not vary."""
    sequence = np.random.SeedSequence
    monkeypatch.setattr(np.random, "SeedSequence", lambda seed: sequence(0 if seed is None else seed))


@pytest.mark.usefixtures("fixed_seeds")
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning",
    "ignore:Do not pass an `input_shape`:UserWarning",
    "ignore:Skipping variable loading for optimizer:UserWarning",
)
def test_script_runs_with_keras(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    replace_data_sets(monkeypatch, keras.datasets)
    keras.utils.set_random_seed(0)
    assert accuracy_of(path.read_text(), path.name) > 0.8


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script_runs_with_its_imports_changed(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    replace_data_sets(monkeypatch, scratchcnn.datasets)
    script = with_imports_changed(path.read_text())
    assert "import keras" not in script
    assert accuracy_of(script, path.name) > 0.8
