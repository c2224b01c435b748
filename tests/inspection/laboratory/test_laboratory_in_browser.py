"""The laboratory in a browser: drawings by script and by mouse have the answers of Python, and so has every view."""

from __future__ import annotations

import base64
import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import CONTRAST, complaints, contrasts, requested, show
from drawing_page import SIDE, Stroke, stroke_of, written
from drawn_digits import Scene, photograph
from laboratory_page import INTERRUPT, click, draw, opened, probabilities, shows, text, wait_until
from networks import sample_digits
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains

from scratchcnn import Sequential
from scratchcnn.inspection import trace
from scratchcnn.inspection.laboratory import Laboratory, write_laboratory
from scratchcnn.inspection.laboratory.stored_weights import with_stored_weights
from scratchcnn.layers import (
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    MaxPooling2D,
    ReLU,
    Rescaling,
    ZeroPadding2D,
)
from scratchcnn.preprocessing import read_digit

# The page and Python prepare the drawing in float32 and in another order (test_drawing_in_browser.py): the images
# differ by about 1e-6 per pixel, and the probabilities by that times the sum of 784 gradients of size below 0.1.
SAME = 1e-4
LONGEST = 15_000  # CSS pixels of the page in its default state
FIRST_SCREEN = 900
UNDO = "document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'z', ctrlKey: true, bubbles: true }))"
LEDGER = "return [...document.querySelectorAll('#layer-view .ledger th')].map((each) => each.textContent)"
PAPER = "return document.querySelector('.paper canvas').toDataURL('image/png').split(',')[1]"


class Made:
    """A laboratory of a trained network, its model with the stored weights, and its test images."""

    def __init__(self, file: Path) -> None:
        (x, y), (self.x, self.y) = sample_digits()
        model = Sequential(
            [Conv2D(8, 3, activation="relu", input_shape=(28, 28, 1)), MaxPooling2D(2), Dropout(0.2),
             Conv2D(12, 3, activation="relu"), Flatten(), Dense(10, activation="softmax")], seed=0,
        )  # fmt: skip
        model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
        model.fit(x, y, batch_size=64, epochs=2, verbose=0)
        self.file = file
        self.laboratory: Laboratory = write_laboratory(model, file, self.x[:300], self.y[:300])
        self.model = with_stored_weights(model)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    return Made(tmp_path_factory.mktemp("laboratory") / "page.html")


@pytest.fixture
def page(driver, made) -> Any:
    """The page with an empty paper, in a wide window."""
    opened(driver, made.file)
    return driver


def in_python(driver: Any, made: Made) -> np.ndarray:
    """Return the probabilities that Python computes for the picture on the paper."""
    png = base64.b64decode(driver.execute_script(PAPER))
    return made.model.predict(read_digit(png).image)[0]


def assert_same_answer(driver: Any, made: Made) -> None:
    expected = in_python(driver, made)
    wait_until(lambda: shows(driver, expected, SAME))
    assert text(driver, ".verdict .digit") == str(expected.argmax())


def draw_with_mouse(driver: Any, strokes: list[Stroke]) -> None:
    canvas = driver.find_element("css selector", ".paper canvas")
    width = canvas.size["width"]
    for stroke in strokes:
        places = [[round((at - SIDE / 2) * width / SIDE) for at in point] for point in stroke["points"][::4]]
        actions = ActionChains(driver, duration=5)
        actions.move_to_element_with_offset(canvas, *places[0]).click_and_hold()
        for before, after in itertools.pairwise(places):
            actions.move_by_offset(after[0] - before[0], after[1] - before[1])
        actions.release().perform()


TWO = [stroke_of([[95, 110], [130, 70], [200, 70], [225, 120], [170, 190], [95, 265], [160, 262], [245, 262]])]


def test_page_opens_without_errors_and_loads_nothing(page, made):
    assert complaints(page) == []
    workers = [address for address in requested(page) if not address.startswith("blob:")]
    assert workers == [made.file.as_uri()]
    assert made.laboratory.size == made.file.stat().st_size
    assert page.execute_script("return document.documentElement.scrollHeight") <= LONGEST
    assert page.execute_script("return document.querySelector('.invitation').checkVisibility()")


def test_first_screen_has_paper_layers_answer_and_the_sum_of_a_window(page):
    for selector in (".paper", "#strip .card:last-child", "#answers tbody tr:last-child", "#window-view .sum-line"):
        box = page.find_element("css selector", selector).rect
        assert box["height"] > 0
        assert box["y"] + box["height"] <= FIRST_SCREEN, selector
    names = [each.text.replace("\n", "") for each in page.find_elements("css selector", ".card-name")]
    assert names == ["input", "conv2d", "max_pooling2d", "dropout", "conv2d_1", "flatten", "dense"]


@pytest.mark.parametrize("by", [draw, draw_with_mouse])
def test_drawing_has_the_same_answer_as_in_python(page, made, by, rng):
    by(page, written("3 round", rng, tall=200, thickness=24))
    assert_same_answer(page, made)
    by(page, [stroke_of([[60, 60], [90, 300]])])  # a further stroke
    page.execute_script("document.querySelector('[data-do=undo]').click()")
    assert_same_answer(page, made)
    assert complaints(page) == []


def test_strokes_can_be_undone_erased_moved_and_cleared(page, made):
    draw(page, TWO)
    assert_same_answer(page, made)
    first, whole = probabilities(page), page.execute_script(PAPER)
    click(page, "[data-tool=erase]")
    draw(page, [stroke_of([[200, 262], [250, 262]])])
    assert_same_answer(page, made)
    assert probabilities(page) != first
    page.execute_script(UNDO)
    assert page.execute_script(PAPER) == whole
    assert_same_answer(page, made)
    click(page, "[data-do=redo]")
    assert page.execute_script(PAPER) != whole
    click(page, "[data-do=undo]")
    click(page, "[data-tool=move]")
    draw(page, [stroke_of([[100, 100], [100, 140]])])
    assert page.execute_script(PAPER) != whole
    assert_same_answer(page, made)  # the digit is centred by its mass
    np.testing.assert_allclose(probabilities(page), first, atol=0.02)
    click(page, "[data-do=clear]")
    wait_until(lambda: probabilities(page) == [None] * 10)
    assert text(page, ".verdict .digit") == "?"
    assert page.execute_script("return document.querySelector('.invitation').checkVisibility()")


@pytest.mark.parametrize("tool", ["draw", "erase", "move"])
@pytest.mark.parametrize("interrupting", ["[data-do=clear]", "[data-do=undo]", "[data-do=next]"])
def test_another_change_ends_a_stroke_that_goes_on(page, tool, interrupting):
    draw(page, TWO)
    changed, at_end = page.execute_script(INTERRUPT, tool, interrupting)
    assert at_end == changed
    draw(page, TWO)
    assert complaints(page) == []


@pytest.mark.parametrize(("tool", "other"), [("draw", "move"), ("move", "draw"), ("erase", "draw")])
def test_a_stroke_keeps_its_tool_until_it_ends(page, tool, other):
    draw(page, TWO)
    before = page.execute_script(PAPER)
    chosen, at_end = page.execute_script(INTERRUPT, tool, f"[data-tool={other}]")
    assert at_end != chosen
    click(page, "[data-do=undo]")  # it was a single change
    assert page.execute_script(PAPER) == before
    assert complaints(page) == []


def test_several_digits_are_refused_with_the_reason(page):
    draw(page, [stroke_of([[100, 100], [100, 240]]), stroke_of([[230, 100], [230, 240]])])
    wait_until(lambda: "2 separate shapes" in text(page, ".paper-words"))
    assert probabilities(page) == [None] * 10


def test_stored_digits_and_confident_errors_have_the_answers_of_python(page, made):
    expected = made.model.predict(made.x[:300])
    for number in (0, 1):
        click(page, "[data-do=next]")
        wait_until(lambda number=number: shows(page, expected[number]))
        assert text(page, ".digit-words").startswith(f"Label {made.y[number]}")
    page.execute_script(
        "const list = document.querySelector('.stored select'); list.value = 'errors';"
        "list.dispatchEvent(new Event('change'));"
    )
    predicted = expected.argmax(axis=1)
    wrong = np.flatnonzero(predicted != made.y[:300])
    worst = wrong[expected[wrong].max(axis=1).argmax()]
    wait_until(lambda: shows(page, expected[worst]))
    assert text(page, ".digit-words") == f"Label {made.y[worst]}, read as {predicted[worst]}"


def test_own_image_file_is_read_as_in_python(page, made, tmp_path, rng):
    scene = Scene("clean", paper=(255, 255, 255), pen=(0, 0, 0))
    Image.fromarray(photograph("4 closed", scene, rng)).save(tmp_path / "four.png")
    page.find_element("css selector", "[type=file]").send_keys(str(tmp_path / "four.png"))
    expected = made.model.predict(read_digit(str(tmp_path / "four.png")).image)[0]
    wait_until(lambda: shows(page, expected, SAME))
    (tmp_path / "text.png").write_text("no image")
    page.find_element("css selector", "[type=file]").send_keys(str(tmp_path / "text.png"))
    wait_until(lambda: "cannot read text.png" in text(page, ".paper-words"))


def test_every_layer_shows_the_values_and_sums_of_python(page, made):
    click(page, "[data-do=next]")
    expected = trace(made.model, made.x[:1])
    wait_until(lambda: shows(page, expected.probabilities[0]))
    for card, layer in zip(page.find_elements("css selector", ".card")[1:], expected, strict=True):
        card.click()
        assert text(page, "#layer-view h3").startswith(layer.name)
        shown = float(
            page.execute_script("return document.querySelector('#layer-view td[data-name=stored]').dataset.value")
        )
        # A convolution of float32 values: gamma(n) times the sum of magnitudes, of at most 108 products of size 1.
        assert shown == pytest.approx(np.abs(layer.output).max(), rel=1e-4)
        words = page.execute_script(LEDGER)
        assert not any("larger than rounding" in each for each in words), (layer.name, words)
    click(page, "[data-do=back]")
    wait_until(lambda: text(page, "#layer-view h3").startswith(expected.names[-2]))
    for _ in range(len(expected) - 1):
        page.back()
    wait_until(lambda: page.execute_script("return document.getElementById('layer-view').hidden"))
    assert page.find_element("css selector", "[data-do=back]").get_attribute("disabled")
    assert complaints(page) == []


def test_chosen_value_is_explained_and_its_inputs_lead_on(page):
    click(page, ".card:last-child")
    page.execute_script("document.querySelector('#answers tr:nth-child(4) th button').click()")
    assert text(page, "#layer-view .unit").startswith("unit 3")
    page.execute_script("document.querySelector('#layer-view .terms button.link').click()")
    assert not text(page, "#layer-view h3").startswith("dense")


def test_window_follows_the_pointer_and_its_sum_is_that_of_the_feature_map(page):
    canvas = page.find_element("css selector", "#window-view canvas")
    for offset in (-30, 20):
        ActionChains(page).move_to_element_with_offset(canvas, offset, offset).perform()
        line = text(page, "#window-view .sum-line")
        cells = [
            float(each.text.replace("\u2212", "-"))
            for each in page.find_elements("css selector", "#window-view .matrix:last-child td")
        ]
        total = float(re.search(r"add up to (\S+)\.", line)[1].replace("\u2212", "-"))
        assert len(cells) == 9
        assert total == pytest.approx(sum(cells), abs=10 * 5e-4)  # ten rounded numbers
    assert text(page, "#window-view .choices button") == "Slide"  # it stays where the user points


def test_panels_show_what_matters_and_how_the_image_would_change(page, made):
    draw(page, [*TWO, stroke_of([[230, 262], [250, 240]])])
    assert_same_answer(page, made)
    both, answer = probabilities(page), int(np.argmax(probabilities(page)))
    for panel in ("influence", "ascent"):
        page.execute_script("document.getElementById(arguments[0]).open = true", f"panel-{panel}")
    strokes = wait_until(lambda: [each.text for each in page.find_elements("css selector", ".strokes li")])
    wait_until(lambda: len(page.find_elements("css selector", "#panel-influence .legend canvas")) == 2)
    frames = wait_until(lambda: [each.text for each in page.find_elements("css selector", ".frames figcaption")])
    assert "step" in wait_until(lambda: text(page, "#panel-ascent .say"))
    frames = [int(each.text.split()[0]) for each in page.find_elements("css selector", ".frames figcaption")]
    assert frames[-1] > frames[0]
    click(page, "[data-do=undo]")
    assert_same_answer(page, made)
    change = 100 * (probabilities(page)[answer] - both[answer])
    assert float(strokes[1].split(": ")[1].split()[0].replace("\u2212", "-")) == pytest.approx(change, abs=0.06)
    assert complaints(page) == []


@pytest.mark.parametrize(
    ("size", "channels", "window", "stride", "dilation", "filters", "padding"),
    [
        (12, 1, 3, 1, 1, 8, "valid"),
        (13, 3, 5, 2, 1, 4, "same"),
        (20, 2, 3, 3, 2, 6, "valid"),
        (9, 1, 2, 4, 1, 1, "same"),
    ],
)
def test_sizes_are_those_of_the_layer(page, size, channels, window, stride, dilation, filters, padding):
    page.execute_script("document.getElementById('panel-sizes').open = true")
    wait_until(lambda: page.find_elements("css selector", ".sizes"))
    given = {
        "image": size,
        "channels": channels,
        "window": window,
        "stride": stride,
        "dilation": dilation,
        "filters": filters,
    }
    page.execute_script(
        "const find = (name) => document.querySelector(`.sizes [name=${name}]`);"
        "for (const [name, value] of Object.entries(arguments[0])) find(name).value = value;"
        "document.querySelector('.sizes select').dispatchEvent(new Event('change'));",
        {**given, "padding": padding},
    )
    layer = Conv2D(
        filters, window, strides=stride, dilation_rate=dilation, padding=padding, input_shape=(size, size, channels)
    )
    height, width, maps = layer.compute_output_shape((size, size, channels))
    count = Sequential([layer]).count_params()
    words = text(page, "#panel-sizes .say").replace("\u2009", "")
    assert f"so {height}\u00d7{width}\u00d7{maps}; {count:,} parameter" in words


@pytest.mark.parametrize(("width", "dark"), [(390, False), (390, True), (800, False), (1920, True)])
def test_page_fits_any_window_in_light_and_dark(driver, made, width, dark):
    opened(driver, made.file, width, dark)
    draw(driver, TWO)
    assert_same_answer(driver, made)
    box = driver.find_element("css selector", "#window-view .sum-line").rect
    assert width == 800 or 0 < box["y"] + box["height"] <= FIRST_SCREEN  # the first sum; 800 pixels are a tablet's
    for card in range(7):
        driver.execute_script("document.querySelectorAll('.card')[arguments[0]].click()", card)
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    assert driver.execute_script("return document.documentElement.scrollHeight") <= LONGEST
    assert complaints(driver) == []


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_enough_contrast_and_pictures_have_labels(driver, made, dark):
    opened(driver, made.file, dark=dark)
    draw(driver, TWO)
    assert_same_answer(driver, made)
    for card in range(7):
        driver.execute_script("document.querySelectorAll('.card')[arguments[0]].click()", card)
        found = contrasts(driver)
        assert len(found) > 80
        assert [each for each in found if each[0] < CONTRAST] == []
    nameless = "return document.querySelectorAll('canvas:not([aria-label], [aria-hidden])').length"
    assert driver.execute_script(nameless) == 0
    assert driver.execute_script("return document.querySelectorAll('h1').length") == 1


@pytest.mark.parametrize(("glyph", "shadow"), [("3 round", "corner"), ("1 bare", "edge")])
def test_photo_with_a_shadow_is_shown_or_refused_with_a_warning(page, tmp_path, rng, glyph, shadow):
    scene = Scene("shadow", paper=(230, 228, 220), pen=(20, 20, 20), shadow=shadow)
    Image.fromarray(photograph(glyph, scene, rng)).save(tmp_path / "photo.png")
    page.find_element("css selector", "[type=file]").send_keys(str(tmp_path / "photo.png"))
    wait_until(lambda: "This page reads clean pictures only" in text(page, ".paper-words"))


def test_page_without_scripts_is_a_static_report(driver, made):
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        show(driver, made.file)
        assert driver.find_element("css selector", ".still").is_displayed()
        rows = [each.text.split()[1] for each in driver.find_elements("css selector", ".static .bars tr")]
        expected = made.model.predict(made.x[:1])[0]
        np.testing.assert_allclose([float(each) / 100 for each in rows], expected, atol=6e-5)  # two decimals of percent
        assert not driver.find_element("css selector", ".bench").is_displayed()
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


OTHERS = {
    "vector": lambda: [Dense(16, activation="tanh", input_shape=(784,)), Dense(10, activation="softmax")],
    "bytes": lambda: [Rescaling(1 / 255, input_shape=(28, 28, 1)), Flatten(), Dense(10, activation="softmax")],
    "colours": lambda: [ZeroPadding2D(1, input_shape=(10, 8, 3)), Conv2D(4, 3, strides=2), ReLU(),
                        GlobalAveragePooling2D(), Dense(3, activation="softmax")],
    "normalized": lambda: [Conv2D(4, 3, padding="same", input_shape=(28, 28, 1)), BatchNormalization(), ReLU(),
                           AveragePooling2D(), Flatten(), Dense(10, activation="softmax")],
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_other_networks_can_be_shown(driver, tmp_path, name, rng):
    model = Sequential(OTHERS[name](), seed=0)
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam")
    shape, classes = model.input_shape[1:], model.output_shape[1]
    images = rng.integers(0, 256, (12, *shape), np.uint8) if name == "bytes" else rng.random((12, *shape), np.float32)
    write_laboratory(model, tmp_path / "page.html", images, rng.integers(classes, size=12))
    opened(driver, tmp_path / "page.html")
    expected = with_stored_weights(model).predict(images[:1])[0]
    np.testing.assert_allclose(probabilities(driver), expected, atol=1e-5)
    for card in driver.find_elements("css selector", ".card"):
        driver.execute_script("arguments[0].click()", card)
        words = driver.execute_script(LEDGER)
        assert not any("larger than rounding" in each for each in words), words
    for part in (".tools", ".invitation"):
        assert driver.find_element("css selector", part).is_displayed() == (name != "colours")
    driver.execute_script("document.getElementById('panel-influence').open = true")
    wait_until(lambda: len(driver.find_elements("css selector", "#panel-influence .legend canvas")) == 2)
    driver.execute_script("document.getElementById('panel-ascent').open = true")
    assert wait_until(lambda: text(driver, "#panel-ascent .say")).startswith("After ")
    assert complaints(driver) == []
