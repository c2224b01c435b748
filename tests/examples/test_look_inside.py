"""examples/look_inside.py: the laboratory, the page about one digit, and messages for wrong arguments."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from drawn_digits import GLYPHS, Scene, drawings, photograph
from scripts import run_in_this_process

from scratchcnn import Sequential, load_model
from scratchcnn.datasets import mnist
from scratchcnn.layers import Dense, Flatten, Rescaling
from scratchcnn.preprocessing import read_digit

EXAMPLE = Path(__file__).parents[2] / "examples" / "look_inside.py"


def run(folder: Path, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(EXAMPLE), *map(str, arguments)]
    environment = os.environ | variables
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, env=environment)


def small(folder: Path, name: str, first: object) -> Sequential:
    model = Sequential(
        [first, *([] if isinstance(first, Dense) else [Flatten(), Dense(10, activation="softmax")])], seed=0
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam")
    model.save(folder / name)
    return model


SCENES = ("as MNIST's, but dark on light", "a drawing program", "a brush")  # drawn rather than photographed


def test_network_reads_drawn_digits_and_is_shown_in_a_laboratory_and_a_static_page(tmp_path: Path):
    done = run(tmp_path, "--data", "sample", "--output", "a/b")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    training, accuracy, saved, written, weights = done.stdout.splitlines()
    assert training == "No --model: training on variants of 4,000 images for 40 epochs"
    assert float(re.search(r"([\d.]+)%", accuracy)[1]) > 96
    network = Path("a/b/look_inside.npz")
    assert saved == f"Saved the network: use --model {network} to skip the training"
    assert written.startswith(f"{Path('a/b/look_inside.html')}: ")
    assert weights.endswith("of 1,000 images")
    page = tmp_path / "a/b/look_inside.html"
    assert 1_000_000 < page.stat().st_size < 8_000_000
    assert "Draw a digit" in page.read_text()

    model = load_model(tmp_path / network)
    drawn = [drawing for drawing in drawings() if drawing.scene in SCENES]
    images = np.concatenate([read_digit(drawing.content).image for drawing in drawn])
    right = model.predict(images).argmax(axis=1) == [drawing.digit for drawing in drawn]
    assert len(right) == 3 * len(GLYPHS)
    assert right.mean() >= 0.97

    static = run(tmp_path, "--data", "sample", "--static", "--model", network)
    assert static.returncode == 0, static.stderr
    digit, answer, written = static.stdout.splitlines()[:3]
    number = int(re.match(r"Test image (\d+): correctly classified, with the probability nearest to 70%", digit)[1])
    (_, (x, y)) = mnist.load_sample()
    probabilities = model.predict(x[number, :, :, None][None] / np.float32(255))[0]
    assert probabilities.argmax() == y[number]
    assert 0.6 <= probabilities.max() <= 0.8
    assert answer == f"Predicted class {y[number]}, label {y[number]}"
    assert written.startswith(f"{Path('output/look_inside.html')}: ")
    assert 1_000_000 < (tmp_path / "output/look_inside.html").stat().st_size < 10_000_000
    assert "without" not in static.stdout  # no section is missing
    # Half of the time would be for the comparison with Keras, which is on the first page.
    again = run(tmp_path, "--data", "sample", "--static", "--model", network, "--test-image", 3, KERAS_BACKEND="numpy")
    assert again.returncode == 0, again.stderr
    assert "without 'The same network in Keras': Expected Keras on a backend that computes gradients" in again.stdout
    assert again.stdout.splitlines()[0].endswith(f", label {y[3]}")


@pytest.mark.parametrize("names", [(), ("--names", "without training", "other seed")])
def test_second_model_is_named_after_its_file_or_as_the_user_wants(tmp_path: Path, names: tuple):
    for name, seed in (("a.npz", 0), ("b.npz", 1)):
        model = Sequential([Flatten(input_shape=(28, 28, 1)), Dense(10, activation="softmax")], seed=seed)
        model.save(tmp_path / name)
    done = run(tmp_path, "--data", "sample", "--model", "a.npz", "--compare", "b.npz", *names)
    assert done.returncode == 0, done.stderr
    first, second = names[1:] or ("a.npz", "b.npz")
    assert re.search(
        rf"^  {re.escape(first)} and {re.escape(second)} disagree on \d+ of 1,000 images$", done.stdout, re.M
    )
    assert f"\n  {second}: weights stored as float16" in done.stdout


def test_default_digit_is_correct_and_uncertain():
    probabilities = np.array([[0.9, 0.1], [0.28, 0.72], [0.31, 0.69], [0.35, 0.65], [0.2, 0.8]])
    choose = runpy.run_path(str(EXAMPLE))["uncertain_digit"]
    assert choose(probabilities, np.array([0, 0, 1, 1, 0])) == 2
    assert choose(probabilities, np.array([1, 0, 0, 0, 0])) == 3  # all wrong: the nearest of all


@pytest.mark.parametrize(
    "first", [Rescaling(1 / 255, input_shape=(28, 28, 1)), Dense(10, "softmax", input_shape=(784,))]
)
def test_own_photo_and_own_model(tmp_path: Path, first: object):
    small(tmp_path, "mine.npz", first)
    iio.imwrite(tmp_path / "two.png", photograph("2 wide", Scene("s"), np.random.default_rng(0)))
    own = ("--data", "sample", "--digit", "two.png", "--label", 2, "--model", "mine.npz")
    done = run_in_this_process(EXAMPLE, tmp_path, *own)
    assert done.returncode == 0, done.stderr
    assert "training on" not in done.stdout
    page = (tmp_path / "output/look_inside.html").read_text()
    assert "the label is 2" in page  # it is the first image
    assert '"heldOut": {' in page  # digits to train a network with
    static = run_in_this_process(EXAMPLE, tmp_path, *own, "--static")
    assert static.returncode == 0, static.stderr
    assert re.match(r"Predicted class \d, label 2\n", static.stdout)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--digit", "nowhere.png"),
            r"argument --digit: nowhere\.png: Expected a readable image file, received",
        ),
        (("--digit", "text.png"), r"argument --digit: text\.png: Expected an image \(PNG, "),
        (("--digit", "dot.png", "--label", "10"), "argument --label: expected a digit from 0 to 9"),
        (("--label", "3"), "argument --label: expected a digit from 0 to 9, together with --digit"),
        (("--model", "nowhere.npz"), r"argument --model: .*nowhere\.npz"),
        (("--model", "text.png"), r"argument --model: .*text\.png"),
        (
            ("--model", "small.npz"),
            r"argument --model: expected a model from images \(28, 28, 1\) to 10 classes, received",
        ),
        (("--compare", "nowhere.npz"), r"argument --compare: .*nowhere\.npz"),
        (("--compare", "small.npz"), r"argument --compare: expected a model from images \(28, 28, 1\) to 10 classes"),
        (
            ("--compare", "vector.npz"),
            r"argument --compare: expected a model of images \(28, 28, 1\) from 0 to 1, as the first one, received ",
        ),
        (("--compare", "vector.npz", "--static"), "argument --compare: expected another file than that of --model, "),
        (("--compare", "vector.npz", "--model", "vector.npz"), "argument --compare: expected another file than that "),
        (("--names", "a", "b"), "argument --names: expected two different names, together with --compare"),
        (("--compare", "vector.npz", "--names", "a", "a"), "argument --names: expected two different names, "),
        (("--output", "text.png"), r"argument --output: expected a folder, received 'text\.png'"),
        (("--output", "taken"), "argument --output: expected a folder, received 'taken' .*is a folder"),
        (("--data", "nowhere"), r"argument --data: .*nowhere"),
        (
            ("--test-image", "1000", "--data", "sample"),
            "argument --test-image: expected a number from 0 to 999, received 1000",
        ),
        (("--seed", "-1"), "argument --seed: expected at least 0, received -1"),
        (("--threads", "0"), "argument --threads: "),
    ],
)
def test_wrong_arguments(tmp_path: Path, arguments: tuple, message: str):
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "taken" / "look_inside.html").mkdir(parents=True)
    dot = np.full((40, 30), 255, np.uint8)
    dot[10:30, 12:16] = 0
    iio.imwrite(tmp_path / "dot.png", dot)
    Sequential([Dense(10, input_shape=(4,))]).save(tmp_path / "small.npz")
    Sequential([Dense(10, input_shape=(784,))]).save(tmp_path / "vector.npz")
    done = run_in_this_process(EXAMPLE, tmp_path, *arguments)
    assert done.returncode == 2
    assert re.search(rf"\nlook_inside\.py: error: {message}.*\n\Z", done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
