"""Two models side by side in a browser: both have the answers, losses and feature maps of Python, while one draws."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import CONTRAST, complaints, contrasts
from drawing_page import stroke_of
from laboratory_page import all_of, choose, click, draw, number_of, open_panel, text, wait_until
from networks import sample_digits

from scratchcnn import Sequential
from scratchcnn.inspection import trace
from scratchcnn.inspection.laboratory import write_laboratory
from scratchcnn.inspection.laboratory.stored_weights import with_stored_weights
from scratchcnn.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from scratchcnn.preprocessing import read_digit

SAME = 1e-4  # of drawings: the page prepares them in another order (test_laboratory_in_browser.py)
EXACT = 1e-5  # of stored digits: float32 against float64
NAMES = ("one epoch, dropout", "untrained <b>")
TWO = [stroke_of([[95, 110], [130, 70], [200, 70], [225, 120], [170, 190], [95, 265], [160, 262], [245, 262]])]
PAPER = "return document.querySelector('.paper canvas').toDataURL('image/png').split(',')[1]"
ANSWERS = """
    const cells = [...document.querySelectorAll('.versus-answers .value')];
    return cells.map((each) => Number(each.dataset.probability));
"""
RELEASE = "document.querySelector('.paper canvas').dispatchEvent(new PointerEvent('pointerup', { pointerId: 7 }))"
CLICK_MAP = """
    const [number, x, y] = arguments, canvas = document.querySelectorAll('#panel-comparison figure canvas')[number];
    const box = canvas.getBoundingClientRect();
    canvas.dispatchEvent(new MouseEvent('click', { clientX: box.left + x, clientY: box.top + y, bubbles: true }));
"""


class Pair:
    """A page with two models, and the same in Python with the stored weights."""

    def __init__(self, file: Path) -> None:
        (x, y), (self.x, self.y) = sample_digits()
        first = Sequential(
            [Conv2D(8, 3, activation="relu", input_shape=(28, 28, 1)), MaxPooling2D(2), Dropout(0.2),
             Conv2D(6, 3, activation="relu"), Flatten(), Dense(10, activation="softmax")], seed=0,
        )  # fmt: skip
        second = Sequential(
            [Conv2D(8, 3, activation="relu", input_shape=(28, 28, 1)), MaxPooling2D(2), Conv2D(7, 3, activation="relu"),
             Flatten(), Dense(10, activation="softmax")], seed=5,
        )  # fmt: skip
        first.compile(loss="sparse_categorical_crossentropy", optimizer="adam")
        first.fit(x, y, batch_size=64, epochs=1, verbose=0)
        self.file = file
        self.made = write_laboratory(first, file, self.x[:300], self.y[:300], compare=second, names=NAMES)
        self.models = [with_stored_weights(each) for each in (first, second)]


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Pair:
    return Pair(tmp_path_factory.mktemp("comparison") / "page.html")


@pytest.fixture
def page(driver, pair) -> Any:
    open_panel(driver, pair.file, "comparison")
    return driver


def probabilities(driver: Any) -> np.ndarray:
    """The probabilities of both models that are shown (2, 10)."""
    found = driver.execute_script(ANSWERS)
    return np.array(found, float).reshape(2, 10) if found else np.full((2, 10), np.nan)


def wait_for(driver: Any, pair: Pair, image: np.ndarray, tolerance: float) -> None:
    expected = np.concatenate([model.predict(image) for model in pair.models])
    wait_until(lambda: np.allclose(probabilities(driver), expected, rtol=0, atol=tolerance))


def test_stored_digit_has_the_answers_and_losses_of_python(page, pair):
    wait_for(page, pair, pair.x[:1], EXACT)
    assert [each.text for each in all_of(page, ".versus > section h3")] == [*NAMES]
    for element, model in zip(all_of(page, ".versus-loss"), pair.models, strict=True):
        probability = model.predict(pair.x[:1])[0, pair.y[0]].astype(np.float64)
        words, shown = element.text.split("= ")
        assert words.startswith(f"Loss for the label {pair.y[0]}")
        # The derivative of -ln p is -1 / p; four digits are shown.
        assert number_of(shown) == pytest.approx(-np.log(probability), rel=5e-4, abs=EXACT / probability)
    answers = [model.predict(pair.x[:1])[0].argmax() for model in pair.models]
    assert [each.text for each in all_of(page, ".versus-verdict .digit")] == [str(answer) for answer in answers]
    assert complaints(page) == []


def test_answer_is_the_largest_output_also_of_outputs_below_zero(driver, pair, tmp_path):
    models = []
    for answer in (3, 5):
        model = Sequential([Flatten(input_shape=(28, 28, 1)), Dense(10)], seed=0)
        model.compile(loss="mean_squared_error")
        outputs = np.full(10, -9, np.float32)  # larger than the others in magnitude only
        outputs[answer] = 0.5
        model.set_weights([np.zeros((784, 10), np.float32), outputs])
        models.append(model)
    file = tmp_path / "page.html"
    write_laboratory(models[0], file, pair.x[:20], pair.y[:20], compare=models[1], names=NAMES)
    open_panel(driver, file, "comparison")
    wait_until(lambda: all_of(driver, ".versus-verdict .digit"))
    assert [each.text for each in all_of(driver, ".versus-verdict .digit")] == ["3", "5"]
    assert text(driver, ".verdict .digit") == "3"
    assert complaints(driver) == []


def test_both_read_the_drawing_while_it_is_drawn(page, pair):
    draw(page, TWO, release=False)
    wait_for(page, pair, drawn_image(page), SAME)
    assert "only for stored digits" in text(page, ".versus-loss")
    page.execute_script(RELEASE)
    draw(page, [*TWO, stroke_of([[230, 262], [250, 240]])])
    wait_for(page, pair, drawn_image(page), SAME)
    click(page, "[data-do=clear]")
    wait_until(lambda: all_of(page, "#panel-comparison .waiting"))
    assert complaints(page) == []


def drawn_image(driver: Any) -> np.ndarray:
    return read_digit(base64.b64decode(driver.execute_script(PAPER))).image


def test_feature_maps_are_those_of_corresponding_layers(page, pair):
    wait_for(page, pair, pair.x[:1], EXACT)
    options = [each.text for each in all_of(page, "#panel-comparison [name=layer] option")]
    # The second convolutions have 6 and 7 filters, so that they do not correspond, nor the vectors of their maps.
    assert options == ["conv2d, 26\u00d726\u00d78", "max_pooling2d, 13\u00d713\u00d78", "dense, 10"]
    layers = [trace(model, pair.x[:1]) for model in pair.models]
    for number, name in enumerate(("conv2d", "max_pooling2d", "dense")):
        choose(page, "#panel-comparison [name=layer]", number)
        outputs = [each[name].output[0] for each in layers]
        largest = np.unravel_index(outputs[0].argmax(), outputs[0].shape)
        assert_readout(page, outputs, [*map(int, largest)])
    choose(page, "#panel-comparison [name=layer]", 0)
    for canvas in (0, 1):
        page.execute_script(CLICK_MAP, canvas, 30 + 5 * canvas, 40)
        words = text(page, "#panel-comparison .readout").split(": ")[0]
        place = [int(part.split()[-1]) for part in words.split(", ")]
        assert_readout(page, [each["conv2d"].output[0] for each in layers], place)


def assert_readout(driver: Any, outputs: list[np.ndarray], place: list[int]) -> None:
    words, values = text(driver, "#panel-comparison .readout").split(": ")
    assert [int(part.split()[-1]) for part in words.split(", ")] == place
    shown = [number_of(values.split(f" ({name})")[0].split(", ")[-1]) for name in NAMES]
    expected = [output[tuple(place)] for output in outputs]
    assert shown == pytest.approx(expected, abs=5.1e-4, rel=0.05)  # three decimals, or two digits of tiny values


def test_digits_on_which_they_disagree_can_be_loaded(page, pair):
    assert pair.made.comparison is not None
    both = np.stack([model.predict(pair.x[:300]) for model in pair.models])
    answers, differing = both.argmax(axis=2), pair.made.comparison.disagreements
    buttons = all_of(page, ".differing")
    assert len(buttons) == 24
    words = text(page, "#panel-comparison h3 ~ .say")
    assert f"They disagree on {len(differing)}. These are the 24" in words
    for button, image in zip(buttons[:3], differing, strict=False):
        label = f"label {pair.y[image]}; {NAMES[0]}: {answers[0, image]}, {NAMES[1]}: {answers[1, image]}"
        assert button.get_attribute("aria-label") == label
        page.execute_script("arguments[0].click()", button)
        wait_for(page, pair, pair.x[image : image + 1], EXACT)
        assert text(page, "#panel-comparison .say").startswith("They disagree: ")


@pytest.mark.parametrize(("width", "dark"), [(390, False), (390, True), (1280, False), (1280, True)])
def test_panels_fit_any_window_and_their_text_has_enough_contrast(driver, pair, width, dark):
    open_panel(driver, pair.file, "comparison", width, dark)
    wait_for(driver, pair, pair.x[:1], EXACT)
    click(driver, "#panel-step summary")
    wait_until(lambda: text(driver, ".station h3"))
    for _ in range(5):
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width
        found = contrasts(driver)
        assert any("worked" in html for _, html in found) or text(driver, ".station h3").startswith("4")
        assert [each for each in found if each[0] < CONTRAST] == []
        for guess in all_of(driver, "[data-guess=grows]"):
            guess.click()
            assert [each for each in contrasts(driver) if each[0] < CONTRAST] == []
        click(driver, "[data-do=step-next]")
    nameless = "return document.querySelectorAll('canvas:not([aria-label], [aria-hidden])').length"
    assert driver.execute_script(nameless) == 0
    assert complaints(driver) == []
