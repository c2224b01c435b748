"""The numbered lessons, and the layer of one's own: they run, their pictures are legible, and what they say holds."""

import importlib.util
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

from scratchcnn import load_model
from scratchcnn.datasets import mnist
from scratchcnn.inspection import check_gradients

EXAMPLES = Path(__file__).parents[2] / "examples"
LESSONS = sorted(path.stem for path in EXAMPLES.glob("[0-9][0-9]_*.py"))
SCRIPTS = [*LESSONS, "write_your_own_layer"]
NUMBER = r"([-+]?[\d,]+(?:\.\d+)?(?:e[-+]?\d+)?)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lessons")


@pytest.fixture(scope="module")
def done(folder: Path) -> dict[str, dict]:
    command = [sys.executable, "-W", "error", str(Path(__file__).with_name("lessons_child.py")), str(folder)]
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


@pytest.fixture(scope="module")
def said(done: dict[str, dict]) -> dict[str, str]:
    """What each lesson printed, in one line."""
    return {name: " ".join(each["out"].split()) for name, each in done.items()}


def numbers(text: str, pattern: str) -> list[float]:
    """The numbers that stand for # in a pattern, wherever it matches."""
    found = re.findall(re.escape(pattern).replace(r"\#", NUMBER).replace("#", NUMBER), text)
    assert found, f"{pattern!r} is not in: {text}"
    flat = [part for each in found for part in (each if isinstance(each, tuple) else (each,))]
    return [float(part.replace(",", "")) for part in flat]


def test_there_is_a_lesson_for_every_number():
    assert [int(name[:2]) for name in LESSONS] == list(range(1, len(LESSONS) + 1))
    assert 8 <= len(LESSONS) <= 10


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_is_of_a_length_that_one_reads_and_names_what_to_read_beside_it(name: str):
    text = (EXAMPLES / f"{name}.py").read_text()
    assert 40 <= len(text.splitlines()) <= 120
    assert max(map(len, text.splitlines())) <= 120
    docstring = text.split('"""')[1]
    assert f"python examples/{name}.py" in docstring
    beside = docstring.split("Read alongside:")[1].split("\n\n")[0]
    files = re.findall(r"scratchcnn/[\w/]+(?:\.py|/)", beside)
    assert files
    for file in files:
        assert (EXAMPLES.parent / file).exists(), file
    folders = {Path(file).parent for file in files}
    for file in re.findall(r"(?<![\w/])\w+\.py", beside):
        assert any((EXAMPLES.parent / each / file).exists() for each in folders), file


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_runs_says_what_to_try_and_leaves_pictures(name: str, done: dict[str, dict]):
    code, out, err = done[name].values()
    assert (code, err) == (0, ""), err
    assert "\nTry\n---\n" in out
    pictures = re.findall(r"^Picture: (.+)$", out, re.MULTILINE)
    assert pictures
    for picture in pictures:
        pixels = iio.imread(picture)
        assert min(pixels.shape[:2]) >= 250
        assert pixels[..., :3].std() > 10, f"{picture} is blank"


@pytest.mark.parametrize("name", SCRIPTS)
def test_lines_fit_on_a_terminal(name: str, done: dict[str, dict]):
    assert max(map(len, done[name]["out"].splitlines())) <= 120


def test_each_lesson_leads_to_the_next(said: dict[str, str]):
    for name, following in zip(LESSONS, SCRIPTS[1:], strict=True):
        assert f"{following}.py" in said[name].split(" Try --- ")[1]


def test_from_the_command_line(folder: Path):
    command = [sys.executable, "-W", "error", str(EXAMPLES / "01_one_neuron.py"), "--output", "a/b"]
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert (folder / "a" / "b" / "01_one_neuron.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (
            "same digits",
            r"01_one_neuron\.py: error: argument --digits: expected two different digits, received 3 twice",
        ),
        ("no digit", r"01_one_neuron\.py: error: argument --digits: invalid choice: 10 .*"),
        ("no folder", r"02_a_layer_of_neurons\.py: error: argument --output: expected a folder, received '.*' \(.*\)"),
        ("no model", r"10_look_inside\.py: error: argument --model: .*; python examples/09_train_the_network\.py .*"),
        ("no such image", r"10_look_inside\.py: error: argument --image: expected 0 to 999, received 1000"),
        ("no model file", r"10_look_inside\.py: error: argument --model: .*lessons_child\.py.*"),
    ],
)
def test_wrong_arguments(case: str, message: str, done: dict[str, dict]):
    code, out, err = done[case].values()
    assert (code, out) == (2, "")
    assert re.search(rf"\n{message}\n\Z", err, re.DOTALL), err
    assert "Traceback" not in err


def test_one_neuron_needs_its_bias(said: dict[str, str]):
    text = said["01_one_neuron"]
    by_hand, by_dense = numbers(
        text, "pixel by pixel: #. The same from reference.dense, which does all images at once: #"
    )
    assert by_hand == by_dense > 0
    without, with_bias, better = numbers(text, "#% are right")
    assert without == 50 < 70 < with_bias < 95 < better
    harder = numbers(said["other digits"], "#% are right")[2]
    assert 80 < harder < better


def test_ten_neurons_are_far_better_than_chance(said: dict[str, str]):
    text = said["02_a_layer_of_neurons"]
    (right,) = numbers(text, "is right for #% of the test images")
    (without,) = numbers(text, "without them #% are right")
    assert 40 < without < right - 5 < 90
    same, different = numbers(text, "the largest difference is #. With a ReLU between, which makes negative numbers "
                                    "zero, the difference is #")  # fmt: skip
    assert same < 1e-10 < 0.1 < different


def test_loss_begins_at_log_10_and_falls_as_the_gradient_promises(said: dict[str, str]):
    text = said["03_loss_and_gradient_descent"]
    loss, log_10 = numbers(text, "the mean loss is #; log(10) = #")
    assert loss == log_10 == round(math.log(10), 6)
    promised, taken = numbers(text, "|gradient|^2 = #. Taken, the step lowers it by #")
    assert taken == pytest.approx(promised, rel=0.02)
    rows = np.reshape(numbers(text, ": loss # -> #, rose in # of 100 steps, test accuracy #%"), (3, 4))
    assert rows[:, 0] == pytest.approx(2.303)
    assert rows[0, 1] > rows[1, 1] < 0.4
    assert rows[0, 2] == rows[1, 2] == 0 < 5 < rows[2, 2]
    assert rows[1, 3] > 85


def test_backward_agrees_with_differences_and_a_hidden_layer_helps(said: dict[str, str]):
    text = said["04_backpropagation"]
    pairs = np.reshape(numbers(text, "backward # differences # relative error #"), (4, 3))
    assert pairs[:, 0] == pytest.approx(pairs[:, 1], rel=1e-6)
    assert numbers(text, "Largest relative error: #")[0] < 1e-6
    flat = numbers(said["03_loss_and_gradient_descent"], "test accuracy #%")
    assert numbers(text, "Test accuracy: #%")[0] > max(flat) + 1


def test_a_filter_finds_edges_and_is_learned(said: dict[str, str]):
    text = said["05_convolution"]
    by_hand, output = numbers(text, "sum to #; the output at row 11, column 14 is #")
    assert by_hand == output > 3
    assert "(1, 28, 28, 1) -> (1, 13, 13, 4)" in text
    assert numbers(text, "apart from that they differ by #. The") == [0]
    right, moved = numbers(text, "fall from #% to #%")
    assert moved < right - 10
    first, *_, last = numbers(text, "mean squared error #")
    assert last < 1e-6 * first
    assert numbers(text, "found it to within #. A")[0] < 1e-3


def test_pooling_forgets_small_shifts_and_dropout_keeps_the_mean(said: dict[str, str]):
    text = said["06_pooling_and_dropout"]
    for shift in ("1 pixel", "2 pixels"):
        _, edges, by_two, by_four = numbers(text, f"{shift} #% #% #% #%")
        assert edges > by_two > by_four > 0
    zeros, into, out_of = numbers(
        text,
        "#% are zero: only a winner can change the output. Nothing is lost: 169 numbers with the sum # went in, and "
        "the sum of what came out is #",
    )
    assert zeros == 75
    assert into == out_of
    one, mean = numbers(text, "differs from the input by #%, the mean of 2000 passes by #%")
    assert mean < 5 < 50 < one
    losses = numbers(text, "test images: loss #")
    assert losses == sorted(losses, reverse=True)
    assert min(numbers(text, "test images: loss #, #% right")[1::2]) > 80


def test_every_algorithm_gives_the_same(said: dict[str, str], done: dict[str, dict]):
    text = said["07_im2col_and_speed"]
    assert "largest difference 0." in text
    rows = re.findall(r"^  (\w+) +([\d.]+) +([\d.]+)   (\S+)$", done["07_im2col_and_speed"]["out"], re.MULTILINE)
    assert [row[0] for row in rows] == ["reference", "loops", "im2col", "tile", "winograd_2x2", "winograd_4x4"]
    for _, milliseconds, speed, error in rows:
        assert float(milliseconds) > 0
        assert float(speed) > 0
        assert float(error) < 1e-3


def test_all_optimizers_walk_down(said: dict[str, str]):
    text = said["08_adam_and_friends"]
    heights = numbers(text, " height #; crossed the floor of the valley # times")
    assert len(heights[::2]) == 4
    assert max(heights[::2]) < 0.1  # they began at 15.2
    assert heights[1] == 60  # SGD zigzags at every step
    assert numbers(text, "Adam by # and #: about the learning rate each") == [-1e-3, 1e-3]
    assert numbers(text, "the first step would be # times as long")[0] == pytest.approx(0.1 / 0.001**0.5, abs=0.01)
    rows = np.reshape(numbers(text, " loss # -> #, test accuracy #%"), (4, 3))
    assert (rows[:, 1] < rows[:, 0] / 2).all()
    assert rows[:, 2].min() > 88


def test_convolutions_beat_dense_layers_and_the_model_is_kept(said: dict[str, str], folder: Path):
    text = said["09_train_the_network"]
    (before,), (after,) = numbers(text, "images was #")[:1], numbers(text, "it is # for the same images")
    assert after < before == pytest.approx(math.log(10), abs=0.1)
    dense, convolution = numbers(text, "s, test accuracy #%")
    assert convolution > max(dense + 1, 94)
    x, y = mnist.load_sample()[1]
    right = load_model(folder / "network.npz").evaluate((x[..., None] / 255).astype("float32"), y, verbose=0)[1]
    assert 100 * right == pytest.approx(convolution, abs=0.05)


def test_covering_what_matters_makes_the_network_doubt(said: dict[str, str]):
    text = said["10_look_inside"]
    before, after = numbers(text, "falls from #% to #%. In")
    assert after < before / 2
    trained = numbers(said["09_train_the_network"], "s, test accuracy #%")[1]
    assert numbers(text, "#% of 1000 test images are right") == [trained]
    right, wrong = numbers(text, "The network is #% sure in the mean where it is right, and #% where it is wrong")
    assert wrong < right
    assert re.search(r" conv2d_1 24 x 24 x 64 18,496 ", text)
    assert "sum of 9 products" in text


def test_the_layer_of_ones_own_is_right_learns_and_is_kept(said: dict[str, str]):
    text = said["write_your_own_layer"]
    assert numbers(text, "random numbers: #. 2")[0] < 1e-14
    assert "No gradient is wrong." in text
    assert numbers(text, "Test accuracy after 4 epochs: #%")[0] > 85
    assert numbers(text, "its predictions differ by #. Picture") == [0]


def test_the_fault_that_it_tells_one_to_plant_is_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    spec = importlib.util.spec_from_file_location("write_your_own_layer", EXAMPLES / "write_your_own_layer.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    right = module.average_pool_gradient
    monkeypatch.setattr(module, "average_pool_gradient", lambda dy, shape, size: right(dy, shape, size) * size * size)
    x = np.random.default_rng(0).normal(size=(2, 5, 4, 1))
    for engine in ("reference", "kernels"):
        assert not check_gradients(module.AveragePooling2D(2), x, engine=engine).ok
