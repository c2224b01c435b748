"""examples/augment_digits.py: accuracies without and with augmentation, a figure, and errors in one line."""

import re
import subprocess
import sys
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from scripts import run_in_this_process

from scratchcnn.datasets import mnist

EXAMPLE = Path(__file__).parents[2] / "examples" / "augment_digits.py"
FLOAT = r"\d+\.\d{4}"


def run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(EXAMPLE), *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("augment")


@pytest.fixture(scope="module")
def printed(folder: Path) -> str:
    done = run(folder, "--data", "sample", "--images", 50, "--epochs", 2, "--seed", 3)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def accuracies(printed: str) -> list[float]:
    return [float(found) for found in re.findall(rf"^Test accuracy with.*: ({FLOAT})$", printed, re.MULTILINE)]


@pytest.mark.parametrize(
    "line",
    [
        r"Training images: 50 \(5 of each digit\)",
        r"Test images: 1,000 \(of the sample, from the training set of MNIST\)",
        rf"Test accuracy without augmentation: {FLOAT}",
        r"Epoch 2/2",
        rf"8/8 - \d+s - \d+m?s/step - loss: {FLOAT} - accuracy: {FLOAT}",
        rf"Test accuracy with augmentation: {FLOAT}",
        r"Figure: output/variants\.png",
    ],
)
def test_printed_lines(printed: str, line: str):
    assert re.search(f"^{line}$", printed, re.MULTILINE), printed


def test_accuracies_are_better_than_guessing(printed: str):
    assert min(accuracies(printed)) > 0.3  # from five images of each digit; guessing gives 0.1


def test_figure_of_variants(printed: str, folder: Path):
    figure = iio.imread(folder / "output" / "variants.png")[..., :3]
    assert min(figure.shape[:2]) > 500
    assert figure.min() < 50
    assert figure.max() == 255
    assert [path.name for path in (folder / "output").iterdir()] == ["variants.png"]


def test_own_data_set(tmp_path: Path):
    (images, labels), _ = mnist.load_sample()
    few = np.concatenate([np.flatnonzero(labels == digit)[:1] for digit in range(10)])
    np.savez(tmp_path / "few.npz", x_train=images[few], y_train=labels[few], x_test=images[:7], y_test=labels[:7])
    done = run(tmp_path, "--data", "few.npz", "--images", 10, "--epochs", 1, "--verbose", 0, "--output", "a/b")
    assert done.returncode == 0, done.stderr
    assert "Test images: 7 (of few.npz)" in done.stdout
    assert "Epoch" not in done.stdout
    assert (tmp_path / "a" / "b" / "variants.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "nowhere"), r"argument --data: expected a folder .* received 'nowhere', which does not exist"),
        (("--images", 0), r"argument --images: expected at least 10, received 0"),
        (("--images", 15), r"argument --images: expected a multiple of 10, received 15"),
        (("--data", "sample", "--images", 4010), r"argument --images: expected at most 4000, .*, received 4010"),
        (("--epochs", 0), r"argument --epochs: expected at least 1, received 0"),
        (("--seed", -1), r"argument --seed: expected at least 0, received -1"),
        (("--threads", 0), r"argument --threads: Expected threads from 1 to"),
        (("--output", "broken.npz"), r"argument --output: expected a folder, received 'broken\.npz'"),
    ],
)
def test_invalid_arguments_are_rejected(tmp_path: Path, arguments: tuple, message: str):
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 truncated")
    done = run_in_this_process(EXAMPLE, tmp_path, *arguments)
    assert done.returncode == 2
    assert re.search(rf"\naugment_digits\.py: error: {message}.*\n\Z", done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
