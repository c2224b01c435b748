"""examples/train_mnist.py runs from the data to predictions, and reports wrong arguments in one line."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from scripts import run_in_this_process

from scratchcnn import load_model
from scratchcnn.datasets import mnist

EXAMPLE = Path(__file__).parents[2] / "examples" / "train_mnist.py"
FLOAT = r"\d+\.\d{4}"


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-W", "error", str(EXAMPLE), *map(str, arguments)]


def run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), cwd=folder, capture_output=True, text=True, timeout=300)


def run_small(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    done = run(folder, "--data", "sample", "--limit", 512, "--epochs", 1, *arguments)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("example")


@pytest.fixture(scope="module")
def printed(folder: Path) -> str:
    done = run_small(folder)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(
    "line",
    [
        r"X_train: \(512, 28, 28\)  y_train: \(512,\)",
        r"X_test:  \(1000, 28, 28\)  y_test:  \(1000,\)",
        r"First label: \d",
        r'Model: "sequential"',
        r"conv2d_1 \(Conv2D\) +\(None, 24, 24, 64\) +18496 +",
        r"Total params: 1,199,882",
        r"Epoch 1/1",
        rf"4/4 - \d+s - \d+m?s/step - loss: {FLOAT} - accuracy: {FLOAT} - val_loss: {FLOAT} - val_accuracy: {FLOAT}",
        rf"Test loss: {FLOAT}",
        rf"Test accuracy: {FLOAT}",
        r"First test image: label \d, prediction \d",
        r"Figures: output/digit\.png output/digits\.png output/model\.png output/curves\.png "
        r"output/confusion\.png output/mistakes\.png output/filters\.png",
    ],
)
def test_output_contains_line(printed: str, line: str):
    assert re.search(f"^{line}$", printed, re.MULTILINE), printed


def test_last_epoch_and_evaluation_report_the_same_values(printed: str):
    for word in ("loss", "accuracy"):
        of_epoch = re.search(rf"val_{word}: ({FLOAT})", printed)
        of_test = re.search(rf"Test {word}: ({FLOAT})", printed)
        assert of_epoch is not None
        assert of_test is not None
        assert of_epoch[1] == of_test[1]


def test_network_learns(printed: str):
    found = re.search(rf"Test accuracy: ({FLOAT})", printed)
    assert found is not None
    assert float(found[1]) > 0.3  # four steps; guessing gives 0.1


def test_figures_are_saved(printed: str, folder: Path):
    paths = re.findall(r"\S+\.png", printed)
    assert len(paths) == 7
    for path in paths:
        figure = iio.imread(folder / path)[..., :3]
        assert min(figure.shape[:2]) > 200
        assert figure.min() < 50
        assert figure.max() == 255
    assert len(list((folder / "output").iterdir())) == 7


def test_results_depend_on_the_seed_only(printed: str, folder: Path):
    def results(text: str) -> list[str]:
        return re.findall(rf"Test .*: {FLOAT}", text)

    assert results(run_small(folder, "--seed", 0).stdout) == results(printed)
    other = run_small(folder, "--seed", 1, "--verbose", 0, "--batch-size", 256, "--output", "a/b").stdout
    assert results(other) != results(printed)
    assert "Epoch" not in other
    assert (folder / "a" / "b" / "curves.png").is_file()


def test_own_data_and_reference_engine(tmp_path: Path):
    (images, labels), _ = mnist.load_sample()
    np.savez(tmp_path / "few.npz", x_train=images[:3], y_train=labels[:3], x_test=images[3:5], y_test=labels[3:5])
    done = run(tmp_path, "--data", "few.npz", "--epochs", 1, "--engine", "reference", "--verbose", 1)
    assert done.returncode == 0, done.stderr
    assert "X_train: (3, 28, 28)" in done.stdout
    assert f"First test image: label {labels[3]}, prediction " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "nowhere"), r"argument --data: expected a folder .* received 'nowhere', which does not exist"),
        (("--data", "."), r"argument --data: expected in the folder '\.' either mnist\.npz or"),
        (("--data", "broken.npz"), r"argument --data: broken\.npz: expected a complete \.npz archive, received"),
        (("--limit", 0), r"argument --limit: expected at least 1, received 0"),
        (("--data", "sample", "--limit", 4001), r"argument --limit: expected at most 4000, .*, received 4001"),
        (("--epochs", 0), r"argument --epochs: expected at least 1, received 0"),
        (("--epochs", "many"), r"argument --epochs: invalid int value: 'many'"),
        (("--batch-size", -1), r"argument --batch-size: expected at least 1, received -1"),
        (("--seed", -1), r"argument --seed: expected at least 0, received -1"),
        (("--verbose", 3), r"argument --verbose: invalid choice: '?3'?"),
        (("--engine", "gpu"), r"argument --engine: invalid choice: 'gpu'"),
        (("--checkpoint", "model.txt"), r"argument --checkpoint: Expected a file name that ends in \.npz or"),
        (("--checkpoint", "no/model.npz"), r"argument --checkpoint: expected a file in a folder that exists, received"),
        (("--resume", "nowhere.npz"), r"argument --resume: .*No such file or directory: 'nowhere\.npz'"),
        (("--resume", "broken.npz"), r"argument --resume: broken\.npz: Expected"),
        (("--output", "broken.npz"), r"argument --output: expected a folder, received 'broken\.npz'"),
        (("--output", "broken.npz/a"), r"argument --output: expected a folder, received 'broken\.npz/a'"),
    ],
)
def test_wrong_argument_is_named_in_one_line(tmp_path: Path, arguments: tuple, message: str):
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 and no more")
    done = run_in_this_process(EXAMPLE, tmp_path, *arguments)
    assert done.returncode == 2
    assert re.search(rf"\ntrain_mnist\.py: error: {message}.*\n\Z", done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_resumed_training_ends_like_uninterrupted_training(tmp_path: Path):
    def results(epochs: int, *arguments: object) -> list[str]:
        common = ("--data", "sample", "--limit", 256, "--epochs", epochs, "--verbose", 2)
        done = run(tmp_path, *common, *arguments)
        assert done.returncode == 0, done.stderr
        return re.findall(rf"loss: {FLOAT}.*|Test .*: {FLOAT}", done.stdout)

    expected = results(2, "--checkpoint", "whole.npz")
    first = results(1, "--checkpoint", "parts.npz")
    second = results(2, "--resume", "parts.npz")
    assert len(expected) == 5
    assert first[:1] + second == expected
    assert (tmp_path / "parts.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()


def interrupted_after_epochs(folder: Path, epochs: int, *arguments: object) -> str:
    """Start a long training, press Ctrl-C once so many epochs are reported, and return what is printed to stderr."""
    with subprocess.Popen(
        command("--data", "sample", "--epochs", 1000, "--verbose", 2, *arguments),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        try:
            reported = (line for line in running.stdout if re.match(r"\d+/\d+ - ", line))
            for _ in range(epochs):
                next(reported)
            running.send_signal(signal.SIGINT)
            assert running.wait(timeout=60) == 130
            return running.stderr.read()
        finally:
            running.kill()


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to a whole console")
@pytest.mark.parametrize("epochs", [1, 2])
def test_ctrl_c_ends_the_program_with_one_line(tmp_path: Path, epochs: int):
    assert interrupted_after_epochs(tmp_path, epochs) == "\nStopped.\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to a whole console")
def test_ctrl_c_saves_to_the_checkpoint(tmp_path: Path):
    printed = interrupted_after_epochs(tmp_path, 1, "--checkpoint", "model.npz")
    assert printed == "\nSaved to model.npz; to resume, repeat the command with --resume model.npz\n\nStopped.\n"
    model = load_model(tmp_path / "model.npz")
    assert model.history is not None
    assert 1 <= len(model.history.epoch) < 1000
