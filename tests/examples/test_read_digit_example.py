"""examples/read_digit.py: probabilities and warnings for each photo, the figure of the steps, errors in one line."""

import re
import subprocess
import sys
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from drawn_digits import Scene, photograph
from non_digits import CLOTHES, clothing
from scripts import run_in_this_process

from scratchcnn import Sequential
from scratchcnn.layers import Dense, Flatten
from scratchcnn.preprocessing import read_digit, read_digits

EXAMPLE = Path(__file__).parents[2] / "examples" / "read_digit.py"


def run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(EXAMPLE), *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def test_photos_are_classified_and_plotted_with_a_warning_if_it_is_no_digit(tmp_path: Path):
    rng = np.random.default_rng(0)
    iio.imwrite(tmp_path / "shoe.png", clothing(CLOTHES["shoe"], rng, filled=True))
    for name, glyph in (("two.png", "2 without a loop"), ("zero.png", "0 round")):
        iio.imwrite(tmp_path / name, photograph(glyph, Scene("s", size=(120, 150)), rng))
    done = run(tmp_path, "two.png", "zero.png", "shoe.png", "--output", "a/b")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    first, two, _, zero, numbers, shoe, _, warning, last = done.stdout.splitlines()
    assert first == "No --model given: training on the 4,000 images of the sample for 20 epochs ..."
    assert re.fullmatch(r"two\.png: 2  \(\d+\.\d %, dark ink\)", two)
    assert re.fullmatch(r"zero\.png: 0  \(\d+\.\d %, dark ink\)", zero)
    assert re.fullmatch(r"shoe\.png: \d  \(\d+\.\d %, dark ink\)", shoe)
    assert re.fullmatch(
        r"  Warning: this may not be a digit, only 0\.\d % of MNIST digits are less typical; .*", warning
    )
    probabilities = [float(probability) for probability in re.findall(r"\d: (\d\.\d{3})", numbers)]
    assert len(probabilities) == 10
    assert abs(sum(probabilities) - 1) < 0.01
    assert last == f"Figure: {Path('a/b/read_digit.png')}"
    assert min(iio.imread(tmp_path / "a" / "b" / "read_digit.png").shape[:2]) > 300


def test_given_model_is_used(tmp_path: Path):
    model = Sequential([Flatten(input_shape=(28, 28, 1)), Dense(10, activation="softmax")], seed=0)
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam")
    model.save(tmp_path / "mine.npz")
    picture = photograph("2 wide", Scene("s"), np.random.default_rng(0))
    iio.imwrite(tmp_path / "two.png", picture)
    done = run_in_this_process(EXAMPLE, tmp_path, "two.png", "--model", "mine.npz")
    assert done.returncode == 0, done.stderr
    probabilities = [float(probability) for probability in re.findall(r"\d: (\d\.\d{3})", done.stdout.splitlines()[1])]
    np.testing.assert_allclose(probabilities, model.predict(read_digit(picture).image)[0], atol=1e-3)
    assert "No --model" not in done.stdout


def test_numbers_on_a_sheet_are_printed_line_by_line(tmp_path: Path):
    model = Sequential([Flatten(input_shape=(28, 28, 1)), Dense(10, activation="softmax")], seed=0)
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam")
    model.save(tmp_path / "mine.npz")
    rng = np.random.default_rng(0)
    digits = [photograph(glyph, Scene("s", size=(90, 130)), rng) for glyph in ("2 wide", "0 round", "7 curved")]
    sheet = np.vstack([np.hstack(digits), np.hstack(digits[::-1])])
    iio.imwrite(tmp_path / "sheet.png", sheet)
    done = run_in_this_process(EXAMPLE, tmp_path, "sheet.png", "--several", "--model", "mine.npz")
    assert done.returncode == 0, done.stderr
    first, second, figure = done.stdout.splitlines()
    read = read_digits(sheet)
    predicted = model.predict(np.concatenate([digit.image for digit in read])).argmax(axis=1)
    for line, printed in enumerate((first, second)):
        number = "".join(str(predicted[place]) for place in range(3 * line, 3 * line + 3))
        assert re.fullmatch(rf"sheet\.png: {number}  \(least confident digit \d+\.\d %\)", printed)
    assert figure == f"Figure: {Path('output/read_digits.png')}"
    assert min(iio.imread(tmp_path / "output" / "read_digits.png").shape[:2]) > 300


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "the following arguments are required: PICTURE"),
        (("nowhere.png",), r"argument PICTURE: nowhere\.png: Expected a readable image file, received"),
        (("text.png",), r"argument PICTURE: text\.png: Expected an image \(PNG, .*received 'text\.png'"),
        (("blank.png",), r"argument PICTURE: blank\.png: .*received an empty one"),
        (("blank.png", "--as-is"), r"argument PICTURE: blank\.png: Expected an image of 28 x 28 pixels"),
        (("blank.png", "--several"), r"argument PICTURE: blank\.png: .*received an empty one"),
        (("dot.png", "--several", "--as-is"), "argument --several: not allowed with argument --as-is"),
        (("blank.png", "--ink", "red"), r"argument --ink: invalid choice: '?red'?"),
        (("dot.png", "--model", "text.png"), "argument --model: .*text.png"),
        (("dot.png", "--model", "small.npz"), r"argument --model: expected one for images \(28, 28, 1\), received"),
        (("dot.png", "--output", "text.png"), r"argument --output: expected a folder, received 'text\.png'"),
    ],
)
def test_invalid_arguments_are_rejected(tmp_path: Path, arguments: tuple, message: str):
    (tmp_path / "text.png").write_text("not an image")
    iio.imwrite(tmp_path / "blank.png", np.full((40, 30), 255, np.uint8))
    dot = np.full((40, 30), 255, np.uint8)
    dot[10:30, 12:16] = 0
    iio.imwrite(tmp_path / "dot.png", dot)
    Sequential([Dense(10, input_shape=(4,))]).save(tmp_path / "small.npz")
    done = run_in_this_process(EXAMPLE, tmp_path, *arguments)
    assert done.returncode == 2
    assert re.search(rf"\nread_digit\.py: error: {message}.*\n\Z", done.stderr, re.DOTALL), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
