"""One training step, played in a browser: its numbers are those of watch_weight, to the digits that are shown."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import complaints
from laboratory_page import all_of, choose, click, number_of, open_panel, text, wait_until
from networks import sample_digits
from selenium.webdriver.common.keys import Keys

from scratchcnn import Sequential
from scratchcnn.inspection import trace
from scratchcnn.inspection.laboratory import write_laboratory
from scratchcnn.inspection.laboratory.stored_weights import with_stored_weights
from scratchcnn.inspection.optimizer import WeightHistory, watch_weight
from scratchcnn.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, Layer, MaxPooling2D, ReLU
from scratchcnn.optimizers import SGD

SHOWN = 5  # significant digits
QUESTION = 3  # the station that asks which way the weight moves
# In float64, both sides compute the same sums of at most some thousand products, in another order: see the tests of the
# engine, whose bound is relative to the largest element.
ROUNDING = 1e-9
STATION = ".station h3"
NEXT = "[data-do=step-next]"


def convolutional(rate: float) -> list[Layer]:
    return [
        Conv2D(4, 3, activation="relu", input_shape=(28, 28, 1)),
        MaxPooling2D(2),
        Dropout(rate),
        Conv2D(5, 3, strides=2, padding="same", activation="tanh"),
        Flatten(),
        Dense(10, activation="softmax"),
    ]


def normalized(rate: float) -> list[Layer]:
    return [
        Conv2D(3, 3, dilation_rate=2, use_bias=False, input_shape=(28, 28, 1)),
        BatchNormalization(),
        ReLU(),
        MaxPooling2D(4),
        Flatten(),
        Dropout(rate),
        Dense(10, activation="softmax"),
    ]


class Played:
    """A page of a network, and the same network in Python: with the stored weights, and without dropout."""

    def __init__(
        self,
        file: Path,
        layers: Callable[[float], list[Layer]] = convolutional,
        optimizer: Any = "adam",
        loss: str = "sparse_categorical_crossentropy",
        dtype: str = "float64",
    ) -> None:
        _, (x, y) = sample_digits()
        self.x, self.y, self.file = x[:12], y[:12], file
        self.targets = self.y if loss.startswith("sparse") else np.eye(10, dtype=np.float32)[self.y]
        model = Sequential(layers(0.4), seed=3, dtype=dtype)
        self.python = Sequential(layers(0.0), seed=3, dtype=dtype)
        for each in (model, self.python):
            each.compile(optimizer, loss=loss)
        stored = with_stored_weights(model)
        for ours, theirs in zip(self.python.leaf_layers, stored.leaf_layers, strict=True):
            ours.set_weights(theirs.get_weights())
        write_laboratory(model, file, self.x, self.y)

    def history(self, layer: str, parameter: str, position: tuple[int, ...]) -> WeightHistory:
        return watch_weight(self.python, self.x[:1], self.targets[:1], layer, parameter, position, batch_size=1)

    def losses(self) -> tuple[float, float]:
        """The loss before and after a step, each as in training."""
        trained = self.python.clone()
        before = trace(trained, self.x[:1], self.targets[:1], training=True).losses[0]
        trained.fit(self.x[:1], self.targets[:1], batch_size=1, verbose=0)
        return float(before), float(trace(trained, self.x[:1], self.targets[:1], training=True).losses[0])


@pytest.fixture(scope="module")
def played(tmp_path_factory) -> Played:
    return Played(tmp_path_factory.mktemp("step") / "page.html")


def opened(driver: Any, played: Played, **window: Any) -> None:
    open_panel(driver, played.file, "step", **window)
    wait_until(lambda: text(driver, STATION))


def to_station(driver: Any, station: int) -> None:
    click(driver, f".step-row li:nth-child({station + 1}) button")
    assert text(driver, STATION).startswith(f"{station + 1}. ")


def value_of(driver: Any, name: str) -> tuple[float, float]:
    """The number as it is shown, and as it was computed."""
    element = driver.find_element("css selector", f".station [data-name='{name}']")
    return number_of(element.text), float(element.get_attribute("data-value"))


def assert_shown(driver: Any, name: str, expected: float, rounding: float = ROUNDING, digits: int = SHOWN) -> None:
    """The page shows the number of Python, rounded to so many digits; `rounding` is relative."""
    shown, computed = value_of(driver, name)
    assert computed == pytest.approx(expected, rel=rounding, abs=0), name
    unit = 10.0 ** (math.floor(math.log10(abs(expected))) - digits + 1) if expected else 0.0
    assert abs(shown - expected) <= unit / 2 * (1 + 1e-6) + rounding * abs(expected), name


def guess_right(driver: Any, history: WeightHistory) -> None:
    click(driver, f"[data-guess={'grows' if history.changes[0] > 0 else 'shrinks'}]")
    assert "Right" in text(driver, ".verdict-of-guess")


def assert_step(driver: Any, history: WeightHistory, rounding: float = ROUNDING) -> None:
    """All stations show the numbers of a step with Adam or SGD."""
    to_station(driver, 0)
    assert f"{history.name} =" in text(driver, ".station .say")
    assert_shown(driver, "weight", float(history.before[0]), rounding)
    to_station(driver, 2)
    assert_shown(driver, "gradient", float(history.gradients[0]), rounding)
    to_station(driver, QUESTION)
    guess_right(driver, history)
    assert_shown(driver, "update", float(history.updates[0]), rounding)
    assert_shown(driver, "updated", float(history.after[0]), rounding)
    if history.optimizer == "Adam":
        # A square has twice the relative error of its number.
        for name, expected in (("m", history.slots["m"]), ("v", history.slots["v"]), ("m_hat", history.m_hat)):
            assert_shown(driver, name, float(expected[0]), 2 * rounding)
        assert_shown(driver, "root", float(np.sqrt(history.v_hat[0])), 2 * rounding)


def shown_weight(driver: Any) -> tuple[str, str, tuple[int, ...]]:
    """The layer, parameter and position that the page has chosen."""
    layer, parameter = driver.execute_script(
        "return document.querySelector('[name=parameter]').selectedOptions[0].textContent.split('/')"
    )
    fields = all_of(driver, ".step-position input")
    return layer, parameter, tuple(int(field.get_attribute("value")) for field in fields)


def test_first_weight_has_the_largest_gradient_of_the_first_convolution(driver, played):
    opened(driver, played)
    layer, parameter, position = shown_weight(driver)
    gradients = trace(played.python, played.x[:1], played.targets[:1]).layers[0].gradients["kernel"]
    assert (layer, parameter) == ("conv2d", "kernel")
    assert position == np.unravel_index(np.abs(gradients).argmax(), gradients.shape)
    assert_step(driver, played.history(layer, parameter, position))
    assert complaints(driver) == []


@pytest.mark.parametrize(
    ("layer", "parameter", "position"),
    [
        ("conv2d", "kernel", (2, 0, 0, 1)),
        ("conv2d", "bias", (2,)),
        ("conv2d_1", "kernel", (0, 2, 3, 4)),
        ("conv2d_1", "bias", (1,)),
        ("dense", "kernel", (77, 6)),
        ("dense", "bias", (0,)),
    ],
)
def test_any_weight_has_the_numbers_of_watch_weight(driver, played, layer, parameter, position):
    opened(driver, played)
    names = [each.get_attribute("textContent") for each in all_of(driver, "[name=parameter] option")]
    choose(driver, "[name=parameter]", names.index(f"{layer}/{parameter}"))
    for field, at in enumerate(position):
        choose(driver, f".step-position label:nth-child({field + 1}) input", at, "input")
    assert shown_weight(driver) == (layer, parameter, position)
    assert_step(driver, played.history(layer, parameter, position))


OTHERS: dict[str, dict[str, Any]] = {
    "SGD": {"optimizer": SGD(0.05, momentum=0.9)},
    "batch normalization": {"layers": normalized},
    "mean squared error": {"loss": "mean_squared_error"},
    "one-hot labels": {"loss": "categorical_crossentropy"},
    "another optimizer": {"optimizer": "rmsprop"},
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_optimizers_losses_and_layers(driver, tmp_path, name):
    played = Played(tmp_path / "page.html", **OTHERS[name])
    opened(driver, played)
    if name == "another optimizer":
        assert "RMSprop, is not available here: Adam" in text(driver, "#panel-step .say")
        played.python.compile("adam", loss="sparse_categorical_crossentropy")
    assert_step(driver, played.history(*shown_weight(driver)))
    to_station(driver, 1)
    before, after = played.losses()
    assert_shown(driver, "loss", before)
    to_station(driver, 4)
    assert_shown(driver, "loss-after", after)
    assert complaints(driver) == []


def test_float32_has_the_same_numbers_up_to_its_rounding(driver, tmp_path):
    played = Played(tmp_path / "page.html", dtype="float32")
    opened(driver, played)
    # Sums of at most 676 products per layer, through three layers, of the largest gradient of the parameter.
    assert_step(driver, played.history(*shown_weight(driver)), 3 * 676 * 2.0**-24)


def test_loss_falls_as_in_python_and_the_label_can_be_changed(driver, played):
    opened(driver, played)
    history = played.history(*shown_weight(driver))
    before, after = played.losses()
    to_station(driver, 1)
    assert_shown(driver, "loss", before)
    to_station(driver, QUESTION)
    guess_right(driver, history)
    to_station(driver, 4)
    assert_shown(driver, "loss-after", after)
    assert_shown(driver, "share", float(history.gradients[0] * history.changes[0]))
    assert "The loss fell from" in text(driver, ".station .say")
    other = (int(played.y[0]) + 1) % 10
    choose(driver, "#panel-step [name=label]", other)
    wait_until(lambda: text(driver, STATION) == "1. Forward")
    to_station(driver, 1)
    assert_shown(driver, "loss", float(trace(played.python, played.x[:1], [other]).losses[0]))


@pytest.mark.parametrize("guess", ["grows", "shrinks"])
def test_direction_is_guessed_before_it_is_shown(driver, played, guess):
    opened(driver, played)
    history = played.history(*shown_weight(driver))
    to_station(driver, QUESTION)
    assert not all_of(driver, "[data-name=update]")
    assert driver.find_element("css selector", NEXT).get_attribute("disabled")
    assert driver.find_element("css selector", ".step-row li:last-child button").get_attribute("disabled")
    click(driver, f"[data-guess={guess}]")
    verdict, is_right = text(driver, ".verdict-of-guess"), (guess == "grows") == (history.changes[0] > 0)
    assert ("Right" in verdict, "Wrong" in verdict) == (is_right, not is_right)
    sign = "negative" if history.gradients[0] < 0 else "positive"
    assert f"The gradient is {sign}" in verdict
    driver.switch_to.active_element.send_keys(Keys.ENTER)  # the focus is on Next
    assert text(driver, STATION) == "5. Forward again"


def test_arrow_keys_step_through_the_stations(driver, played):
    opened(driver, played)
    driver.execute_script("document.querySelector(arguments[0]).focus()", NEXT)
    titles = []
    for key in [Keys.ARROW_RIGHT] * 4 + [Keys.ARROW_LEFT]:
        driver.switch_to.active_element.send_keys(key)
        titles.append(text(driver, STATION))
    assert titles == ["2. Loss", "3. Backward", "4. Adam", "4. Adam", "3. Backward"]  # no farther without a guess


def linear(rate: float) -> list[Layer]:
    return [Flatten(input_shape=(28, 28, 1)), Dropout(rate), Dense(10, activation="softmax")]


def test_weight_of_a_blank_pixel_does_not_move(driver, tmp_path):
    played = Played(tmp_path / "page.html", linear)
    opened(driver, played)
    assert played.x[0, 0, 0] == 0
    for field in (1, 2):  # pixel 0, unit 0
        choose(driver, f".step-position label:nth-child({field}) input", 0, "input")
    to_station(driver, 2)
    assert_shown(driver, "gradient", 0.0)
    to_station(driver, QUESTION)
    assert "The gradient is 0, so Adam does not move this weight" in text(driver, ".station")
    to_station(driver, 4)  # without a guess
    click(driver, "[data-do=largest]")
    to_station(driver, 0)
    assert_step(driver, played.history(*shown_weight(driver)))


def test_network_without_loss_has_no_training_step(driver, tmp_path):
    _, (x, y) = sample_digits()
    model = Sequential([Flatten(input_shape=(28, 28, 1)), Dense(10, activation="softmax")], seed=0)
    write_laboratory(model, tmp_path / "page.html", x[:5], y[:5])
    open_panel(driver, tmp_path / "page.html", "sizes")
    assert not all_of(driver, "#panel-step")
    assert not all_of(driver, "#panel-comparison")
