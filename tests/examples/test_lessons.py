"""The numbered lessons and the custom layer: they run, their figures are legible, and their statements are true."""

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

from scratchcnn import load_model, reference
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
def texts(done: dict[str, dict]) -> dict[str, str]:
    """The output of each lesson, as one line."""
    return {name: " ".join(each["out"].split()) for name, each in done.items()}


def numbers(text: str, pattern: str) -> list[float]:
    """The numbers in the place of # in a pattern, in all of its matches."""
    found = re.findall(re.escape(pattern).replace(r"\#", NUMBER).replace("#", NUMBER), text)
    assert found, f"{pattern!r} is not in: {text}"
    flat = [part for each in found for part in (each if isinstance(each, tuple) else (each,))]
    return [float(part.replace(",", "")) for part in flat]


def test_lessons_are_numbered_from_one_without_gaps():
    assert [int(name[:2]) for name in LESSONS] == list(range(1, len(LESSONS) + 1))
    assert 8 <= len(LESSONS) <= 10


@pytest.mark.parametrize("name", SCRIPTS)
def test_lesson_is_short_and_names_existing_files_to_read(name: str):
    text = (EXAMPLES / f"{name}.py").read_text()
    assert 40 <= len(text.splitlines()) <= (180 if name == "write_your_own_layer" else 130)  # with a description
    assert max(map(len, text.splitlines())) <= 120
    docstring = text.split('"""')[1]
    assert f"python examples/{name}.py" in docstring
    reading = docstring.split("Read alongside:")[1].split("\n\n")[0]
    files = re.findall(r"scratchcnn/[\w/]+(?:\.py|/)", reading)
    assert files
    for file in files:
        assert (EXAMPLES.parent / file).exists(), file
    folders = {Path(file).parent for file in files}
    for file in re.findall(r"(?<![\w/])\w+\.py", reading):
        assert any((EXAMPLES.parent / each / file).exists() for each in folders), file


@pytest.mark.parametrize("name", SCRIPTS)
def test_lesson_runs_suggests_exercises_and_saves_figures(name: str, done: dict[str, dict]):
    code, out, err = done[name].values()
    assert (code, err) == (0, ""), err
    assert "\nTry\n---\n" in out
    figures = re.findall(r"^Figure: (.+)$", out, re.MULTILINE)
    assert figures
    for figure in figures:
        pixels = iio.imread(figure)
        assert min(pixels.shape[:2]) >= 250
        assert pixels[..., :3].std() > 10, f"{figure} is blank"


@pytest.mark.parametrize("name", SCRIPTS)
def test_output_fits_on_a_terminal(name: str, done: dict[str, dict]):
    assert max(map(len, done[name]["out"].splitlines())) <= 120


def test_each_lesson_names_the_next_one(texts: dict[str, str]):
    for name, following in zip(LESSONS, SCRIPTS[1:], strict=True):
        assert f"{following}.py" in texts[name].split(" Try --- ")[1]


DEFINITIONS = {  # term: the lesson that defines it, and its words
    "accuracy": (1, "The accuracy, the fraction of correct answers"),
    "bias": (1, "The bias is a constant that the neuron adds"),
    "kernel": (2, "the columns of one matrix, the kernel"),
    "logit": (2, "are called logits"),
    "confidence": (2, "The largest probability is the confidence"),
    "activation": (2, "its results are called activations"),
    "ReLU": (2, "ReLU, max(z, 0)"),
    "loss": (3, "a measure of its errors: the loss"),
    "gradient": (3, "The gradient contains the derivative of the loss"),
    "learning rate": (3, "The factor in front of the gradient is the learning rate"),
    "backward pass": (4, "The backward pass, or backpropagation"),
    "batch": (4, "Each step uses only 32 of the training images, a batch"),
    "epoch": (4, "An epoch is one pass over all training images"),
    "feature map": (5, "form an image, the feature map"),
    "receptive field": (5, "The pixels that an output depends on are its receptive field"),
    "argmax index": (6, "its argmax index is 2: the position of the maximum"),
    "overfitting": (6, "This is called overfitting"),
    "FLOP": (7, "one FLOP is an addition or a multiplication"),
    "optimizer": (8, "An optimizer is a rule"),
}


@pytest.mark.parametrize("term", DEFINITIONS)
def test_term_is_defined_in_the_first_lesson_that_uses_it(term: str, done: dict[str, dict], texts: dict[str, str]):
    lesson, definition = DEFINITIONS[term]
    assert definition in texts[LESSONS[lesson - 1]]
    for name in LESSONS[: lesson - 1]:
        shown = re.sub(r"\w+\.(py|png)", "", done[name]["out"])  # without the names of files
        assert not re.search(rf"\b{term}", shown), f"{name} uses {term!r}"


def test_lesson_creates_the_output_folder(folder: Path):
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
        (
            "no folder for figures of the network",
            r"10_look_inside\.py: error: argument --output: expected a folder, .*",
        ),
        (
            "no network of lesson 9",
            r"10_look_inside\.py: error: the network of lesson 9: expected a saved model, found no file '.*'; "
            r"run python examples/09_train_the_network\.py --output '.*/an empty folder'",
        ),
        (
            "damaged network of lesson 9",
            r"10_look_inside\.py: error: the network of lesson 9: .*received a damaged file .*; "
            r"run python examples/09_train_the_network\.py --output .*/damaged",
        ),
        ("no such image", r"10_look_inside\.py: error: argument --image: expected 0 to 999, received 1000"),
        (
            "no such model",
            r"10_look_inside\.py: error: argument --model: expected a saved model, found no file '.*nowhere\.npz'",
        ),
        ("no model file", r"10_look_inside\.py: error: argument --model: .*lessons_child\.py.*"),
        (
            "other images",
            r"10_look_inside\.py: error: argument --model: expected a network with input shape \(None, 28, 28, 1\) "
            r".*, received \(None, 8, 8, 1\) and \(None, 10\)",
        ),
        (
            "no convolution",
            r"10_look_inside\.py: error: argument --model: expected a network with a convolution, received one without",
        ),
        (
            "no probabilities",
            r"10_look_inside\.py: error: argument --model: expected a network whose outputs are probabilities, "
            r"received outputs with the sum 0",
        ),
    ],
)
def test_wrong_argument_is_named_in_one_line(case: str, message: str, done: dict[str, dict]):
    code, out, err = done[case].values()
    assert (code, out) == (2, "")
    assert re.search(rf"\n{message}\n\Z", err, re.DOTALL), err
    assert "Traceback" not in err


def test_one_neuron_needs_its_bias(texts: dict[str, str]):
    text = texts["01_one_neuron"]
    by_hand, by_dense = numbers(
        text,
        "weighted sum is #, computed pixel by pixel. The function reference.dense, which computes the sums of all "
        "images at once, returns #.",
    )
    assert by_hand == by_dense > 0
    without = numbers(text, "the fraction of correct answers, is #%")[0]
    with_bias, better = numbers(text, "accuracy is now #%")
    assert without == 50 < 70 < with_bias < 95 < better
    harder = numbers(texts["other digits"], "accuracy is now #%")[1]
    assert 80 < harder < better


def test_ten_neurons_are_far_better_than_random_guesses(texts: dict[str, str]):
    text = texts["02_a_layer_of_neurons"]
    (right,) = numbers(text, "The accuracy is #%; random guesses")
    (without,) = numbers(text, "without them, the accuracy is #%")
    assert 40 < without < right - 5 < 90
    same, different = numbers(text, "differ by at most #.")[0], numbers(text, "the outputs differ by up to #.")[0]
    assert same < 1e-10 < 0.1 < different


def test_loss_starts_at_log_10_and_decreases_as_the_gradient_predicts(texts: dict[str, str]):
    text = texts["03_loss_and_gradient_descent"]
    loss, log_10 = numbers(text, "The loss is then #, and log(10) = #")
    assert loss == log_10 == round(math.log(10), 6)
    predicted, measured = numbers(text, "|gradient|^2 = #. The measured decrease is #")
    assert measured == pytest.approx(predicted, rel=0.02)
    rows = np.reshape(numbers(text, ": loss # -> #, increased in # steps, test accuracy #%"), (3, 4))
    assert rows[:, 0] == pytest.approx(2.303)
    assert rows[0, 1] > rows[1, 1] < 0.4
    assert rows[0, 2] == rows[1, 2] == 0 < 5 < rows[2, 2]
    assert rows[1, 3] > 85


def test_backward_pass_agrees_with_differences_and_hidden_layer_helps(texts: dict[str, str]):
    text = texts["04_backpropagation"]
    pairs = np.reshape(numbers(text, "backward # difference # relative error #"), (4, 3))
    assert pairs[:, 0] == pytest.approx(pairs[:, 1], rel=1e-6)
    assert numbers(text, "The largest relative error is #")[0] < 1e-6
    flat = numbers(texts["03_loss_and_gradient_descent"], "test accuracy #%")
    assert numbers(text, "The test accuracy is #%")[0] > max(flat) + 1


def test_filter_detects_edges_and_is_learned(texts: dict[str, str]):
    text = texts["05_convolution"]
    by_hand, output = numbers(text, "add up to #, and the output of the convolution at row 11, column 14 is #")
    assert by_hand == output > 3
    assert "(1, 28, 28, 1) -> (1, 13, 13, 4)" in text
    assert numbers(text, "Apart from that, they differ by #. This") == [0]
    right, moved = numbers(text, "falls from #% to #%")
    assert moved < right - 10
    first, *_, last = numbers(text, "mean squared error #")
    assert last < 1e-6 * first
    assert numbers(text, "differ from the edge filter by at most #. A")[0] < 1e-3


def test_pooling_reduces_the_effect_of_shifts_and_dropout_preserves_the_mean(texts: dict[str, str]):
    text = texts["06_pooling_and_dropout"]
    for shift in ("1 pixel", "2 pixels"):
        _, edges, by_two, by_four = numbers(text, f"{shift} #% #% #% #%")
        assert edges > by_two > by_four > 0
    zeros, into, out_of = numbers(
        text,
        "#% of the 676 elements of the input gradient are zero, because only the maximum of a window affects the "
        "output. Each of the 169 elements of the output gradient goes to one maximum: the sum is # before and # after",
    )
    assert zeros == 75
    assert into == out_of
    one, mean = numbers(text, "changes the input by #%, but the mean of 2000 passes differs from it by only #%")
    assert mean < 5 < 50 < one
    losses = numbers(text, "test loss #")
    assert losses == sorted(losses, reverse=True)
    assert min(numbers(text, "test loss #, accuracy #%")[1::2]) > 80


def test_all_algorithms_compute_the_same_convolution(texts: dict[str, str], done: dict[str, dict]):
    text = texts["07_im2col_and_speed"]
    assert "The largest difference is 0." in text
    rows = re.findall(r"^  (\w+) +([\d.]+) +([\d.]+)   (\S+)$", done["07_im2col_and_speed"]["out"], re.MULTILINE)
    assert [row[0] for row in rows] == [
        "reference",
        "loops",
        "im2col",
        "tile",
        "interleaved",
        "winograd_2x2",
        "winograd_4x4",
    ]
    for _, milliseconds, speed, error in rows:
        assert float(milliseconds) > 0
        assert float(speed) > 0
        assert float(error) < 1e-3


def test_all_optimizers_reduce_the_loss(texts: dict[str, str]):
    text = texts["08_adam_and_friends"]
    losses = numbers(text, " loss #; the sign of b changed # times")
    assert len(losses[::2]) == 4
    assert max(losses[::2]) < 0.1  # the initial loss is 15.2
    assert losses[1] == 60  # SGD zigzags at every step
    assert numbers(text, "that of Adam by # and #: for each weight about the learning rate") == [-1e-3, 1e-3]
    assert numbers(text, "the first step would be # times as long")[0] == pytest.approx(0.1 / 0.001**0.5, abs=0.01)
    rows = np.reshape(numbers(text, " loss # -> #, test accuracy #%"), (4, 3))
    assert (rows[:, 1] < rows[:, 0] / 2).all()
    assert rows[:, 2].min() > 88


def test_convolutions_outperform_dense_layers_and_the_model_is_saved(texts: dict[str, str], folder: Path):
    text = texts["09_train_the_network"]
    (before,), (after,) = numbers(text, "images is # before training")[:1], numbers(text, "it is # for the same images")
    assert after < before == pytest.approx(math.log(10), abs=0.1)
    dense, convolution = numbers(text, "s, test accuracy #%")
    assert convolution > max(dense + 1, 94)
    x, y = mnist.load_sample()[1]
    right = load_model(folder / "network.npz").evaluate((x[..., None] / 255).astype("float32"), y, verbose=0)[1]
    assert 100 * right == pytest.approx(convolution, abs=0.05)


def test_occlusion_reduces_the_probability_and_errors_have_low_confidence(texts: dict[str, str]):
    text = texts["10_look_inside"]
    before, after = numbers(text, "falls from #% to #%. The")
    assert after < before / 2
    trained = numbers(texts["09_train_the_network"], "s, test accuracy #%")[1]
    assert numbers(text, "The test accuracy is #%") == [trained]
    right, wrong = numbers(text, "averages #% for correct answers and #% for wrong ones")
    assert wrong < right
    assert re.search(r" conv2d_1 24 x 24 x 64 18,496 ", text)
    assert "sum of 9 products" in text


def test_own_layer_is_correct_trained_saved_and_explained(texts: dict[str, str]):
    text = texts["write_your_own_layer"]
    assert numbers(text, "random values of shape (3, 7, 6, 2): #. 2")[0] < 1e-14
    assert "No gradient is wrong." in text
    assert numbers(text, "Test accuracy after 4 epochs: #%")[0] > 85
    assert numbers(text, "the largest difference of a prediction is #. 4.") == [0]
    assert "y = sum of x * w" in text
    assert "sum of 4 products" in text
    assert "MORE THAN ROUNDING" not in text


def test_the_suggested_error_in_the_own_layer_is_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    spec = importlib.util.spec_from_file_location("write_your_own_layer", EXAMPLES / "write_your_own_layer.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(
        module, "blur_pool_gradient",
        lambda dy, shape, w: reference.average_pool2d_gradient(dy, shape, w.shape, w.shape),
    )  # fmt: skip
    x = np.random.default_rng(0).normal(size=(2, 5, 4, 1))
    for engine in ("reference", "kernels"):
        assert not check_gradients(module.BlurPooling2D(3), x, engine=engine).ok
