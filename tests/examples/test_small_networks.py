"""examples/lenet5.py and examples/fashion_or_cifar.py: training, figures, and the page about the trained network."""

import re
import subprocess
import sys
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from scripts import run_in_this_process

from scratchcnn import load_model
from scratchcnn.datasets import mnist
from scratchcnn.layers import AveragePooling2D, BatchNormalization

EXAMPLES = Path(__file__).parents[2] / "examples"
FIGURES = ["images", "model", "curves", "confusion", "mistakes", "filters", "feature_maps"]


def run(folder: Path, example: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(EXAMPLES / example), *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def look_inside(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Write the page in this process, which has imported Keras already in most runs of the tests."""
    return run_in_this_process(EXAMPLES / "look_inside.py", folder, *arguments)


def accuracy_of(done: subprocess.CompletedProcess[str], name: str, folder: Path) -> float:
    """Check the figures and the command for the page; return the printed accuracy."""
    assert (done.stderr, done.returncode) == ("", 0)
    for figure in FIGURES:
        assert iio.imread(folder / f"output/{name}_{figure}.png").std() > 1
    return float(re.search(r"Test accuracy: ([\d.]+)", done.stdout)[1])


def test_lenet5_learns_and_can_be_looked_into(tmp_path: Path):
    done = run(tmp_path, "lenet5.py", "--data", "sample", "--epochs", 2)
    assert accuracy_of(done, "lenet5", tmp_path) > 0.85
    model = load_model(tmp_path / "output/lenet5.npz")
    assert model.count_params() == 61_706
    assert sum(isinstance(layer, AveragePooling2D) for layer in model.layers) == 2
    command = done.stdout.splitlines()[-1]
    assert command == f"Look inside: python examples/look_inside.py --model {Path('output/lenet5.npz')}"
    page = look_inside(tmp_path, "--data", "sample", "--model", "output/lenet5.npz")
    assert page.returncode == 0, page.stderr
    assert (tmp_path / "output/look_inside.html").stat().st_size > 500_000


@pytest.mark.parametrize(("dataset", "shape"), [("fashion_mnist", (28, 28)), ("cifar10", (32, 32, 3))])
def test_network_with_batch_normalization_learns_and_can_be_looked_into(tmp_path: Path, dataset, shape):
    """Digits take the place of clothes and, in two colors that tell even from odd ones, of animals and vehicles."""
    (x, y), (x_test, y_test) = mnist.load_sample()

    def images(digits, labels):
        if len(shape) == 2:
            return digits, labels
        padded = np.pad(digits, [(0, 0), (2, 2), (2, 2)])[..., None]
        return padded * np.array([[1, 0, 1], [0, 1, 1]], np.uint8)[labels % 2][:, None, None], labels[:, None]

    train, test = images(x[:1000], y[:1000]), images(x_test[:200], y_test[:200])
    np.savez(tmp_path / "data.npz", x_train=train[0], y_train=train[1], x_test=test[0], y_test=test[1])
    options = "--dataset", dataset, "--data", "data.npz"
    done = run(tmp_path, "fashion_or_cifar.py", *options, "--epochs", 3)
    assert accuracy_of(done, dataset, tmp_path) > 0.5
    model = load_model(tmp_path / f"output/{dataset}.npz")
    assert sum(isinstance(layer, BatchNormalization) for layer in model.layers) == 6
    if dataset == "cifar10":
        page = look_inside(tmp_path, *options, "--model", f"output/{dataset}.npz")
        assert page.returncode == 0, page.stderr
        assert (tmp_path / "output/look_inside.html").stat().st_size > 500_000


@pytest.mark.parametrize(("example", "arguments", "message"), [
    ("lenet5.py", ("--epochs", 0), "--epochs: expected at least 1, received 0"),
    ("lenet5.py", ("--data", "nowhere"), "--data: .*'nowhere'"),
    ("fashion_or_cifar.py", ("--data", "nowhere"), "--data: .*'nowhere'"),
    ("fashion_or_cifar.py", ("--dataset", "mnist"), "--dataset: invalid choice: 'mnist'"),
    ("look_inside.py", ("--dataset", "cifar10"), "--dataset: expected --model, and neither --digit nor --data sample"),
])  # fmt: skip
def test_wrong_argument_ends_with_a_message(tmp_path: Path, example, arguments, message):
    done = run_in_this_process(EXAMPLES / example, tmp_path, *arguments)
    assert done.returncode == 2
    assert re.search(f"error: argument {message}", done.stderr), done.stderr
