"""The laboratory without a browser: its files, the content without scripts, and error messages."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import small_data, small_model

from scratchcnn import Sequential, page
from scratchcnn.inspection.laboratory import write_laboratory, writing
from scratchcnn.inspection.laboratory.digits import HELD_OUT, TRAINING, training_digits
from scratchcnn.inspection.laboratory.engine import ENGINE
from scratchcnn.inspection.laboratory.from_scratch import LAYERS
from scratchcnn.inspection.laboratory.writing import PAGE, PREPARING
from scratchcnn.inspection.report.writing import PAGE as REPORT
from scratchcnn.layers import Conv2D, Dense, Flatten
from scratchcnn.page import ArrayStore, script_text, style_text

SVG = "http://www.w3.org/2000/svg"  # the name of a kind of elements; nothing is loaded from there


def test_every_file_of_the_page_is_used():
    folder = Path(writing.__file__).parent / "scripts"
    files = {str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.js")}
    worker = {f"engine/{name}" for name in ENGINE} | {f"drawing/{name}" for name in PREPARING}
    assert files == {name for name in PAGE.scripts if "/" in name} | worker
    shared = {path.stem for path in (Path(page.__file__).parent / "scripts").iterdir()}
    assert shared <= set(PAGE.scripts) | set(REPORT.scripts)
    for text in (script_text(PAGE), style_text(PAGE)):
        assert "</" not in re.sub(r"//.*", "", text)
        assert "http" not in text.replace(SVG, "")


def test_page_without_scripts_shows_a_digit_with_its_probabilities(tmp_path):
    model = Sequential([Conv2D(2, 3, input_shape=(28, 28, 1)), Flatten(), Dense(5, activation="softmax")], seed=0)
    x, y = np.zeros((3, 28, 28, 1), np.float32), [1, 2, 3]
    x[0, 10:20, 14] = 1
    made = write_laboratory(model, tmp_path / "page.html", x, y)
    text = (tmp_path / "page.html").read_text()
    static = re.search(r"<noscript>(.*?)</noscript>", text, re.DOTALL)[1]
    assert len(re.findall(r"<rect x=", static)) == 10
    assert static.count("<progress") == 5
    assert "the label is 1" in static
    assert str(made) == (
        f"{tmp_path / 'page.html'}: {made.size / 1e6:.1f} MB; open it in a browser, it works offline\n"
        f"  weights stored as float16: relative error at most {made.rounding:.1e}, which changes the predicted "
        f"class of {made.changed} of 3 images"
    )
    assert 0 < made.rounding <= 2.0**-11


@pytest.mark.parametrize("scale", [1.0, 255.0])
@pytest.mark.parametrize("separate", [True, False])
def test_digits_to_train_with_are_bytes(scale, separate, rng):
    """The first images are held out; values between two bytes, as of a photo, are rounded."""
    x = rng.integers(0, 256, (HELD_OUT + TRAINING, 28, 28, 1), np.uint8)
    y = rng.integers(0, 4, len(x))
    values = x * (scale / 255) + rng.uniform(-0.4, 0.4, x.shape) * (scale / 255) * ((x > 0) & (x < 255))
    tested = (values[:HELD_OUT], y[:HELD_OUT]) if separate else (values, y)
    store = ArrayStore()
    found = training_digits(store, tested, (values[HELD_OUT:], y[HELD_OUT:]) if separate else None, scale, 4)
    for name, at in (("heldOut", slice(0, HELD_OUT)), ("training", slice(HELD_OUT, None))):
        stored = np.frombuffer(base64.b64decode(store.specs[found[name]["images"]]["data"]), np.uint8)
        assert (stored == x[at].ravel()).all()
        assert found[name]["labels"] == y[at].tolist()
    assert found["layers"][-1]["config"]["units"] == 4
    assert LAYERS[-1]["config"]["units"] == 10


def test_too_few_digits_or_values_in_an_unknown_range_train_nothing():
    x, y = np.zeros((HELD_OUT, 28, 28, 1)), np.zeros(HELD_OUT, int)
    enough, few = (np.zeros((count, 28, 28, 1)) for count in (TRAINING, TRAINING - 1))
    labels = np.zeros(TRAINING, int)
    for tested, training in (
        ((x, y), None),
        ((x, y), (few, labels[1:])),
        ((x[1:], y[1:]), (enough, labels)),
        ((x, y), (enough - 0.4, labels)),
        ((x, y), (enough + 2, labels)),
    ):
        assert training_digits(ArrayStore(), tested, training, 1.0, 10) is None
    assert training_digits(ArrayStore(), (x, y), (enough, labels), 1.0, 10) is not None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "model"}, "Expected a Sequential for write_laboratory, received str"),
        ({"labels": [0]}, "Expected images with one label each, received 8 images and 1 labels"),
        ({"labels": [9] * 8}, "labels"),
        ({"images": np.zeros((8, 5, 5, 1))}, r"Expected images of shape \(samples, 9, 8, 1\), received"),
        ({"images": np.full((8, 9, 8, 1), np.nan)}, "Expected images with finite values, received"),
        ({"training": np.zeros((8, 9, 8, 1))}, r"Expected training as \(images, labels\), received ndarray; give both"),
        (
            {"training": (np.zeros((2, 9, 8, 1)), [0])},
            "Expected training images with one label each, received 2 training",
        ),
        ({"training": (np.zeros((2, 9, 7, 1)), [0, 1])}, r"Expected training images of shape \(samples, 9, 8, 1\)"),
    ],
)
def test_wrong_arguments(tmp_path, change, message):
    x, y = small_data(8)
    arguments: dict[str, Any] = {"model": small_model(seed=0), "to_file": tmp_path / "p.html", "images": x, "labels": y}
    with pytest.raises((TypeError, ValueError), match=message):
        write_laboratory(**{**arguments, **change})
    assert not (tmp_path / "p.html").exists()
