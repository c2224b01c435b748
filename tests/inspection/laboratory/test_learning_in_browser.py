"""Learning in the laboratory: steps on one digit are those of Python, and a network is trained from scratch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import complaints
from drawing_page import stroke_of
from laboratory_page import click, draw, opened, probabilities, shows, text, wait_until
from networks import sample_digits
from selenium.webdriver.common.keys import Keys

from scratchcnn import Sequential
from scratchcnn.inspection import trace
from scratchcnn.inspection.laboratory import write_laboratory
from scratchcnn.inspection.laboratory.digits import HELD_OUT, STORED, TRAINING
from scratchcnn.inspection.laboratory.stored_weights import with_stored_weights
from scratchcnn.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    MaxPooling2D,
    ReLU,
    Rescaling,
)
from scratchcnn.optimizers import SGD, Adam, Optimizer

# The page and Python compute in float64, in another order. Relative to the largest element, a value differs by about
# 1e-16 times the root of some thousand terms; Adam divides by gradients that may be 1e-7 of the largest one.
SAME = 1e-9
SECONDS = 60  # for a network from scratch; about 10 were measured
OPEN = "document.getElementById(arguments[0]).open = true"
SCROLLED = "return document.documentElement.scrollWidth"
BUTTON = (
    "[...document.querySelectorAll('#panel-teach .settings button')].find((each) => each.textContent === arguments[0])"
)
CHANGES = "return [...document.querySelectorAll(arguments[0])].map((each) => Number(each.dataset.change))"
DONE = "return document.querySelector('#panel-scratch .say[role=status]').dataset.accuracy ?? null"


class Made:
    """A laboratory with digits to train with, and its test images."""

    def __init__(self, file: Path) -> None:
        (self.x_train, self.y_train), (self.x, self.y) = sample_digits()
        self.model = Sequential(layers(0.2), seed=0)
        self.model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
        self.model.fit(self.x_train, self.y_train, batch_size=64, epochs=1, verbose=0)
        self.file = file
        write_laboratory(self.model, file, self.x, self.y, training=(self.x_train, self.y_train))

    def in_float64(self, optimizer: Optimizer) -> Sequential:
        """The network of the page in float64, without dropout."""
        exact = Sequential(layers(0), dtype="float64", engine="reference")
        exact.compile(optimizer, "sparse_categorical_crossentropy")
        stored = with_stored_weights(self.model)
        for layer, of_page in zip(exact.layers, stored.layers, strict=True):
            layer.set_weights([array.astype(np.float64) for array in of_page.get_weights()])
        return exact


def layers(rate: float) -> list[Any]:
    return [Conv2D(6, 3, activation="relu", input_shape=(28, 28, 1)), MaxPooling2D(3), Dropout(rate), Flatten(),
            Dense(10, activation="softmax")]  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    return Made(tmp_path_factory.mktemp("laboratory") / "page.html")


@pytest.fixture
def page(driver, made) -> Any:
    opened(driver, made.file)
    driver.execute_script(OPEN, "panel-teach")
    return driver


def press(driver: Any, words: str) -> None:
    wait_until(lambda: driver.execute_script(f"return !{BUTTON}.disabled", words))
    driver.execute_script(f"{BUTTON}.click()", words)


def choose(driver: Any, label: int) -> None:
    driver.execute_script("document.querySelectorAll('.labels input')[arguments[0]].click()", label)


def use(driver: Any, optimizer: str, rate: float) -> None:
    driver.execute_script(
        "const [optimizer, rate] = document.querySelectorAll('#panel-teach select');"
        "optimizer.value = arguments[0]; optimizer.dispatchEvent(new Event('change')); rate.value = arguments[1];",
        optimizer, str(rate),
    )  # fmt: skip


def result(driver: Any, steps: int) -> tuple[np.ndarray, list[float]]:
    """Wait for the losses after that many steps of a lesson, and for the accuracies."""
    found: dict[str, str] = {}

    def is_complete() -> bool:
        found.update(driver.execute_script("return { ...document.querySelector('.lesson').dataset }"))
        return bool(found.get("accuracy")) and len(json.loads(found["losses"])) == steps + 1

    wait_until(is_complete)
    return np.array(json.loads(found["losses"])), json.loads(found["accuracy"])


def changes(before: Sequential, after: Sequential) -> tuple[np.ndarray, np.ndarray]:
    """The largest change of each filter, with its sign, and the relative change of each layer with parameters."""
    kernels = [model.layers[0].params["kernel"] for model in (before, after)]
    filters = (kernels[1] - kernels[0]).reshape(-1, kernels[0].shape[-1])
    largest = filters[np.abs(filters).argmax(axis=0), np.arange(filters.shape[1])]
    relative = []
    for old, new in zip(before.layers, after.layers, strict=True):
        if old.params:
            flat = [np.concatenate([each.params[key].ravel() for key in old.params]) for each in (old, new)]
            relative.append(np.linalg.norm(flat[1] - flat[0]) / np.linalg.norm(flat[0]))
    return largest, np.array(relative)


@pytest.mark.parametrize(("name", "rate", "optimizer"), [("sgd", 0.1, SGD(0.1)), ("adam", 0.01, Adam(0.01))])
def test_step_has_the_loss_changes_and_accuracy_of_python(page, made, name, rate, optimizer):
    before, after = made.in_float64(optimizer), made.in_float64(optimizer)
    x, label = made.x[:1].astype(np.float64), (int(made.y[0]) + 5) % 10
    tested = made.x[:STORED].astype(np.float64)
    after.train_on_batch(x, np.array([label]))

    click(page, "[data-do=next]")
    wait_until(lambda: text(page, ".seen figcaption") == "What the network sees")  # no longer the example
    choose(page, label)
    use(page, name, rate)
    press(page, "Learn")
    losses, accuracies = result(page, 1)
    expected = [model.evaluate(x, np.array([label]), verbose=0) for model in (before, after)]
    np.testing.assert_allclose(losses, expected, rtol=SAME)
    answers = [model.predict(tested).argmax(axis=1) for model in (before, after)]
    assert accuracies == [(each == made.y[:STORED]).mean() for each in answers]
    largest, relative = changes(before, after)
    np.testing.assert_allclose(page.execute_script(CHANGES, ".filter-changes figure"), largest, rtol=1e-6)
    np.testing.assert_allclose(page.execute_script(CHANGES, ".layer-changes tr"), relative, rtol=SAME)

    changed = np.flatnonzero(answers[0] != answers[1])
    assert len(changed) > 0
    shown = [each.text.split("\n") for each in page.find_elements("css selector", ".changed-digits button")]
    assert [each[0] for each in shown] == [f"{answers[0][i]} → {answers[1][i]}" for i in changed[: len(shown)]]
    for words, i in zip(shown, changed, strict=False):
        verdicts = [f"{when} {what}" for when in ("now", "still") for what in ("right", "wrong")]
        right = [each[i] == made.y[i] for each in answers]
        assert words[1] == verdicts[0 if right[1] else 1 if right[0] else 3]
    cells = [each.text for each in page.find_elements("css selector", ".before-after td")]
    assert cells[6:] == [f"{100 * each:.1f} %" for each in accuracies]

    wait_until(lambda: shows(page, after.predict(x)[0], 1e-9))  # the page shows the changed network
    page.execute_script("document.querySelector('.changed-digits button').click()")
    wait_until(lambda: shows(page, after.predict(tested[changed[:1]])[0], 1e-9))
    assert text(page, ".digit-words") == f"Label {made.y[changed[0]]}"
    assert complaints(page) == []


def test_ten_steps_are_those_of_python_and_reset_restores_the_network(page, made):
    exact = made.in_float64(SGD(0.03))
    x, label = made.x[:1].astype(np.float64), (int(made.y[0]) + 2) % 10
    first = exact.predict(x)[0]
    expected = [exact.evaluate(x, np.array([label]), verbose=0)]
    for _ in range(10):
        exact.train_on_batch(x, np.array([label]))
        expected.append(exact.evaluate(x, np.array([label]), verbose=0))
    choose(page, label)
    use(page, "sgd", 0.03)
    press(page, "Ten steps")
    losses, accuracies = result(page, 10)
    np.testing.assert_allclose(losses, expected, rtol=SAME)
    wait_until(lambda: shows(page, exact.predict(x)[0], 1e-9))
    assert text(page, "#changed p") == "The network has changed: 10 steps."
    assert len(page.find_elements("css selector", ".taught .dot")) == 11

    click(page, ".card:nth-of-type(2)")  # the sums are those of the changed weights
    stored = page.execute_script("return document.querySelector('#layer-view td[data-name=stored]').dataset.value")
    assert float(stored) == pytest.approx(trace(exact, x)["conv2d"].output.max(), rel=SAME)
    words = page.execute_script("return document.querySelector('#layer-view .ledger').textContent")
    assert "larger than rounding" not in words

    press(page, "Learn")
    _, again = result(page, 1)
    assert again[0] == accuracies[1]
    assert text(page, "#changed p") == "The network has changed: 11 steps."
    click(page, "#changed button")
    wait_until(lambda: shows(page, first, 1e-12))
    assert not page.find_element("css selector", "#changed").is_displayed()
    assert page.find_elements("css selector", ".lesson *") == []
    press(page, "Learn")  # the same step as the first of the ten
    np.testing.assert_allclose(result(page, 1)[0], losses[:2], rtol=1e-12)


TWICE = f"""
    const [done] = arguments, press = () => {BUTTON.replace("arguments[0]", "'Learn'")}.click();
    press();
    const timer = setInterval(() => {{
        if ({BUTTON.replace("arguments[0]", "'Learn'")}.disabled) return;
        clearInterval(timer);
        press();
        done();
    }}, 1);
"""


def test_step_during_the_test_of_the_step_before(page, made):
    """The digits that were read before the second step are read again; the accuracy is that of one network."""
    exact, label = made.in_float64(SGD(0.01)), (int(made.y[0]) + 5) % 10
    x, tested = made.x[:1].astype(np.float64), made.x[:STORED].astype(np.float64)
    expected = []
    for step in range(3):
        expected.append((exact.predict(tested).argmax(axis=1) == made.y[:STORED]).mean())
        if step < 2:
            exact.train_on_batch(x, np.array([label]))
    assert len(set(expected)) == 3
    choose(page, label)
    use(page, "sgd", 0.01)
    page.execute_async_script(TWICE)
    wait_until(lambda: text(page, "#changed p") == "The network has changed: 2 steps.")
    accuracies = result(page, 1)[1]
    assert accuracies[1] == expected[2]
    before = text(page, ".before-after tr:last-child td")
    assert before in (f"{100 * expected[0]:.1f} % at first", f"{100 * expected[1]:.1f} %")
    assert accuracies[0] == expected[0 if "first" in before else 1]
    assert complaints(page) == []


def test_drawing_needs_a_label_and_everything_works_with_the_keyboard(page, made):
    learn, first = page.find_element("css selector", "#panel-teach .main-action"), int(made.y[0])
    checked = "return [...document.querySelectorAll('.labels input')].findIndex((each) => each.checked)"
    assert page.execute_script(checked) == first  # that of the example
    draw(page, [stroke_of([[150, 60], [150, 280]])])
    wait_until(lambda: text(page, "#panel-teach .hint") == "First choose the digit that you drew.")
    assert page.execute_script(checked) == -1
    assert not learn.is_enabled()
    click(page, "[data-do=clear]")
    wait_until(lambda: text(page, "#panel-teach .hint") == "First draw a digit.")
    click(page, "[data-do=next]")
    wait_until(learn.is_enabled)
    page.find_elements("css selector", ".labels input")[first].send_keys(Keys.ARROW_RIGHT)
    learn.send_keys(Keys.ENTER)
    result(page, 1)
    assert text(page, ".lesson-image figcaption") == f"taught as {(first + 1) % 10}"
    reset = page.find_element("css selector", "#changed button")
    reset.send_keys(Keys.SPACE)
    wait_until(lambda: not reset.is_displayed())
    assert complaints(page) == []


def test_network_from_scratch_reads_nine_of_ten_held_out_digits(driver, made):
    """On a phone: nothing is wider than the window, and drawings are answered during the training."""
    opened(driver, made.file, width=390, dark=True)
    for panel in ("panel-teach", "panel-scratch"):
        driver.execute_script(OPEN, panel)
    choose(driver, 3)
    press(driver, "Ten steps")
    result(driver, 10)
    press_in_scratch(driver, "Start")
    wait_until(lambda: len(driver.find_elements("css selector", ".live-filters figure")) == 8)
    click(driver, "[data-do=next]")
    click(driver, "[data-do=next]")
    wait_until(lambda: text(driver, ".digit-words").startswith(f"Label {made.y[1]}"))
    assert driver.execute_script(DONE) is None
    assert driver.execute_script(SCROLLED) <= 390
    accuracy = float(wait_until(lambda: driver.execute_script(DONE), SECONDS))
    assert accuracy >= 0.9
    words = text(driver, "#panel-scratch .say[role=status]")
    assert words.startswith(f"Done: it reads {100 * accuracy:.1f} % of the {HELD_OUT} held-out digits correctly")
    assert [len(driver.find_elements("css selector", f".live-charts .{each}")) for each in ("line", "dot")] == [2, 9]
    rows = [each.text.split("\n") for each in driver.find_elements("css selector", ".duel tbody tr")]
    assert len(rows) == 10
    big = [float(" ".join(row).split()[-2]) for row in rows]
    np.testing.assert_allclose(big, 100 * np.array(probabilities(driver), float), atol=0.051)  # one decimal
    assert driver.execute_script(SCROLLED) <= 390

    first = driver.execute_script("return document.querySelector('.live-filters canvas').toDataURL()")
    press_in_scratch(driver, "Reset")
    assert driver.find_elements("css selector", ".live-filters canvas, .live-charts svg, .duel td") == []
    press_in_scratch(driver, "Start")
    wait_until(lambda: driver.find_elements("css selector", ".live-charts svg"))
    press_in_scratch(driver, "Stop")
    wait_until(lambda: text(driver, "#panel-scratch .say[role=status]").startswith("Stopped: it reads "))
    assert driver.execute_script("return document.querySelector('.live-filters canvas').toDataURL()") != first
    assert complaints(driver) == []


def press_in_scratch(driver: Any, words: str) -> None:
    buttons = driver.find_elements("css selector", "#panel-scratch .settings button")
    button = next(each for each in buttons if each.text == words)
    wait_until(button.is_enabled)
    driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", button)  # not below the bar
    button.click()


@pytest.mark.parametrize("compiled", [False, True])
def test_page_without_loss_or_training_digits_says_so(driver, made, tmp_path, compiled):
    model = made.model.clone()
    if compiled:
        model.compile("sgd", "categorical_crossentropy")
    else:
        model = Sequential(layers(0), seed=0)
    write_laboratory(
        model, tmp_path / "page.html", made.x[: HELD_OUT + TRAINING - 1], made.y[: HELD_OUT + TRAINING - 1]
    )
    opened(driver, tmp_path / "page.html")
    for panel in ("panel-teach", "panel-scratch", "panel-influence"):
        driver.execute_script(OPEN, panel)
    if compiled:  # labels are class numbers, also for a loss with one-hot targets
        wait_until(lambda: len(driver.find_elements("css selector", "#panel-influence .legend canvas")) == 2)
        press(driver, "Learn")
        result(driver, 1)
    else:
        assert text(driver, "#panel-teach .panel-body").startswith("This network has no loss")
    assert text(driver, "#panel-scratch .panel-body").startswith("This page contains no images to train")
    assert complaints(driver) == []


OTHERS = {
    "vector": lambda: [Dense(16, activation="tanh", input_shape=(784,)), Dense(10, activation="softmax")],
    "bytes": lambda: [Rescaling(1 / 255, input_shape=(28, 28, 1)), Conv2D(80, 3, strides=4), Flatten(),
                      Dense(10, activation="softmax")],
    "colours": lambda: [Conv2D(4, 3, strides=2, input_shape=(10, 8, 3)), BatchNormalization(), ReLU(),
                        GlobalAveragePooling2D(), Dense(3, activation="softmax")],
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_other_networks_learn_from_stored_images(driver, tmp_path, name, rng):
    model = Sequential(OTHERS[name](), seed=0)
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam")
    shape, classes = model.input_shape[1:], model.output_shape[1]
    images = rng.integers(0, 256, (12, *shape), np.uint8) if name == "bytes" else rng.random((12, *shape), np.float32)
    write_laboratory(model, tmp_path / "page.html", images, rng.integers(classes, size=12))
    opened(driver, tmp_path / "page.html")
    driver.execute_script(OPEN, "panel-teach")
    before = probabilities(driver)
    assert len(driver.find_elements("css selector", ".labels input")) == classes
    choose(driver, 1)
    use(driver, "sgd", 0.001)
    press(driver, "Learn")
    losses, _ = result(driver, 1)
    assert losses[0] == pytest.approx(-np.log(before[1]), rel=SAME)
    assert losses[1] < losses[0]
    wait_until(lambda: probabilities(driver)[1] > before[1])
    rows = driver.find_elements("css selector", ".layer-changes tr")
    assert len(rows) == sum(bool(each.params) for each in model.layers)
    filters = {"vector": 0, "bytes": 64, "colours": 4}  # 64 of 80
    assert len(driver.find_elements("css selector", ".filter-changes figure")) == filters[name]
    assert complaints(driver) == []
