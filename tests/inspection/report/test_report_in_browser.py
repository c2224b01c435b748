"""The report in a browser: choosing a value shows how it was computed, with the correct sum."""

from __future__ import annotations

import base64
import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import CONTRAST, chromium, complaints, contrasts, requested, show
from networks import article_model, sample_digits, small_data, small_model

from scratchcnn import Sequential, activations
from scratchcnn.activations import ActivationFunction
from scratchcnn.descriptions import LayerDescription, describe, grid, weighted_sum
from scratchcnn.descriptions.registry import DESCRIPTIONS
from scratchcnn.inspection import Trace, explain, trace, write_report
from scratchcnn.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Layer,
    LeakyReLU,
    MaxPooling2D,
    ReLU,
    Rescaling,
    Reshape,
    Softmax,
    ZeroPadding2D,
)
from scratchcnn.losses import SparseCategoricalCrossentropy

LABEL = 3
WORDS = {"sum", "over", "of", "max", "if", "else", "in", "training", "otherwise"}  # of formulas

# Fills in the position of an explorer; reads the explanation.
ASK = """
    const [id, place] = arguments;
    const explorer = document.getElementById(id);
    explorer.querySelectorAll('.place input').forEach((field, axis) => { field.value = place[axis]; });
    explorer.querySelector('.place input').dispatchEvent(new Event('change'));
"""
READ = """
    const explorer = document.getElementById(arguments[0]);
    const all = (selector, of = explorer) => [...of.querySelectorAll(selector)];
    const table = (element) => all('tr', element).map((row) => [...row.cells].map((cell) => cell.textContent));
    return {
        title: explorer.querySelector('.unit').textContent,
        ledger: Object.fromEntries(all('.ledger td').map(({ dataset }) => [dataset.name, Number(dataset.value)])),
        bound: Number(explorer.querySelector('.ledger td[data-bound]')?.dataset.bound),
        words: all('.ledger th').map((cell) => cell.textContent),
        matrices: all('.matrix').map(table),
        terms: all('.terms').map(table),
        captions: all('figcaption').map((each) => each.textContent),
        marked: all('.matrix .marked').map((cell) => cell.textContent),
        places: all('.place input').map((field) => Number(field.value)),
    };
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory) -> Any:
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


class Page:
    """A report and the trace that it shows."""

    def __init__(self, model: Sequential, image: np.ndarray, label: int | None, file: Path) -> None:
        self.file = file
        self.report = write_report(model, image, label, file)
        answered = trace(model, image[None]).probabilities[0].argmax()
        labels = None if self.report.label is None else np.array([answered if label is None else label])
        self.trace: Trace = trace(model, image[None], labels)


@pytest.fixture(scope="module")
def article(tmp_path_factory) -> Page:
    """The network of the README after a few steps, and a digit."""
    (x, y), _ = sample_digits()
    model = article_model(seed=0)
    model.fit(x[:640], y[:640], batch_size=64, epochs=1, verbose=0)
    return Page(model, x[0].astype(np.float32), int(y[0]), tmp_path_factory.mktemp("article") / "page.html")


@pytest.fixture(scope="module")
def convolutions(tmp_path_factory) -> Page:
    """A network whose convolutions have no pooling between them, so that Winograd computes their gradients."""
    (x, y), _ = sample_digits()
    convolution = {"filters": 16, "kernel_size": 3, "activation": "relu"}
    model = Sequential(
        [Conv2D(**convolution, strides=2, input_shape=(28, 28, 1)), Conv2D(**convolution), Flatten(),
         Dense(10, activation="softmax")], seed=0
    )  # fmt: skip
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    model.fit(x[:640], y[:640], batch_size=64, epochs=1, verbose=0)
    return Page(model, x[0].astype(np.float32), int(y[0]), tmp_path_factory.mktemp("convolutions") / "page.html")


def ask(driver: Any, way: str, layer: int, place: tuple[int, ...]) -> dict[str, Any]:
    """Choose a value, and return its explanation."""
    name = f"explore-{way}-{layer}"
    driver.execute_script(ASK, name, list(place))
    return driver.execute_script(READ, name)


def shown(cells: list[list[str]]) -> np.ndarray:
    """Return a matrix of the page as an array."""
    return np.array([[float(cell.replace("−", "-").replace("∞", "inf")) for cell in row] for row in cells])


def test_page_opens_without_errors_and_loads_nothing(driver, article):
    show(driver, article.file)
    assert driver.execute_script("return document.body.dataset.ready") == "yes"
    assert complaints(driver) == []
    assert requested(driver) == [article.file.as_uri()]
    assert article.report.size == article.file.stat().st_size < 10_000_000


def test_content_policy_blocks_images_and_scripts_from_elsewhere(driver, article):
    show(driver, article.file)
    driver.execute_script("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/x.png'}))")
    driver.execute_script(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.bad = 1'}))"
    )
    assert any("Content Security Policy" in message for message in complaints(driver))
    assert driver.execute_script("return window.bad") is None


def test_convolution_shows_patch_kernel_products_and_sum(driver, article):
    show(driver, article.file)
    layer = article.trace["conv2d_1"]
    oy, ox, f = 11, 9, 40
    found = ask(driver, "forward", 1, (oy, ox, f))
    patch = layer.input[0, oy : oy + 3, ox : ox + 3].astype(np.float64)
    products = patch * layer.params["kernel"][..., f]
    assert found["ledger"]["sum"] == pytest.approx(products.sum(), rel=1e-12)
    assert found["ledger"]["bias"] == layer.params["bias"][f]
    assert found["ledger"]["stored"] == layer.output[0, oy, ox, f]
    strongest = np.abs(products.sum(axis=(0, 1))).argmax()
    given, weights, multiplied = map(shown, found["matrices"])
    np.testing.assert_allclose(given, patch[..., strongest], atol=6e-4)
    np.testing.assert_allclose(weights, layer.params["kernel"][..., strongest, f], atol=6e-4)
    np.testing.assert_allclose(multiplied, products[..., strongest], atol=6e-4)


def test_button_of_a_channel_shows_its_products(driver, article):
    show(driver, article.file)
    layer = article.trace["conv2d_1"]
    ask(driver, "forward", 1, (4, 5, 6))
    driver.execute_script("document.querySelectorAll('#explore-forward-1 .chips button')[31].click()")
    found = driver.execute_script(READ, "explore-forward-1")
    np.testing.assert_allclose(shown(found["matrices"][1]), layer.params["kernel"][..., 31, 6], atol=6e-4)
    products = layer.input[0, 4:7, 5:8].astype(np.float64) * layer.params["kernel"][..., 6]
    sentence = driver.find_element("css selector", "#explore-forward-1 .sum-line").text.replace("−", "-")
    stated, count = re.match(
        r"The 9 products of channel 31 add up to (\S+)\. .* the sums of all (\d+)", sentence
    ).groups()
    assert float(stated) == pytest.approx(products[..., 31].sum(), abs=6e-4)
    assert int(count) == 32
    chips = driver.execute_script(
        "return [...document.querySelectorAll('#explore-forward-1 .chips button')].map((each) => each.ariaLabel)"
    )
    sums = [float(each.rpartition(": ")[2].replace("−", "-")) for each in chips]
    np.testing.assert_allclose(sums, products.sum(axis=(0, 1)), atol=6e-4)


def test_pooling_shows_window_and_maximum(driver, article):
    show(driver, article.file)
    layer = article.trace["max_pooling2d"]
    place = np.unravel_index(layer.output[0].argmax(), layer.output.shape[1:])
    found = ask(driver, "forward", 2, tuple(int(i) for i in place))
    y, x, c = place
    window = layer.input[0, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2, c]
    np.testing.assert_allclose(shown(found["matrices"][0]), window, atol=6e-4)
    assert float(found["marked"][0]) == pytest.approx(window.max(), abs=6e-4)
    assert found["ledger"]["sum"] == found["ledger"]["stored"] == window.max()


def test_dense_unit_shows_largest_terms_and_sum(driver, article):
    show(driver, article.file)
    layer = article.trace["dense"]
    found = ask(driver, "forward", 5, (77,))
    products = layer.input[0].astype(np.float64) * layer.params["kernel"][:, 77]
    assert found["ledger"]["sum"] == pytest.approx(products.sum(), rel=1e-9, abs=1e-12)
    assert found["ledger"]["stored"] == layer.output[0, 77]
    largest = products[np.argsort(-np.abs(products))[:8]]
    listed = [float(row[3].replace("−", "-")) for row in found["terms"][0][1:9]]
    np.testing.assert_allclose(listed, largest, atol=6e-4)


def test_softmax_shows_exponentials_and_their_quotient(driver, article):
    show(driver, article.file)
    layer = article.trace["dense_1"]
    found = ask(driver, "forward", 7, (4,))
    z = layer.preactivation[0].astype(np.float64)
    shares = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
    assert found["ledger"]["activation"] == pytest.approx(shares[4], rel=1e-12)
    assert found["ledger"]["stored"] == layer.output[0, 4]
    np.testing.assert_allclose(shown([row[1:3] for row in found["terms"][1][1:]])[:, 1], np.exp(z - z.max()), atol=6e-4)


@pytest.mark.parametrize("layer", [7, 5, 4, 2, 1, 0, -1])
def test_gradients_add_up_to_stored_values(driver, article, layer):
    show(driver, article.file)
    kept = article.trace[max(layer, 0)]
    gradient = kept.d_input if layer < 0 else kept.d_preactivation if kept.d_output is None else kept.d_output
    place = tuple(int(i) for i in np.unravel_index(np.abs(gradient[0]).argmax(), gradient.shape[1:]))
    found = ask(driver, "backward", layer, place)
    assert found["ledger"]["stored"] == gradient[(0, *place)]
    assert found["ledger"]["sum"] == pytest.approx(float(gradient[(0, *place)]), rel=2e-4)
    if "masked" in found["ledger"]:
        assert found["ledger"]["masked"] == kept.d_preactivation[(0, *place)]


def test_kernel_gradient_is_sum_over_output_positions(driver, article):
    show(driver, article.file)
    layer = article.trace["conv2d_1"]
    found = ask(driver, "kernel", 1, (2, 0, 5, 9))
    exact = (layer.input[0, 2:26, 0:24, 5].astype(np.float64) * layer.d_preactivation[0, ..., 9]).sum()
    assert found["ledger"]["sum"] == pytest.approx(exact, rel=1e-12)
    assert found["ledger"]["stored"] == layer.gradients["kernel"][2, 0, 5, 9]


def test_click_chooses_value_under_pointer(driver, article):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By

    show(driver, article.file)
    canvas = driver.find_element(By.CSS_SELECTOR, "#explore-forward-5 canvas")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    width, height = canvas.size["width"], canvas.size["height"]
    ActionChains(driver).move_to_element_with_offset(canvas, 20 - width / 2, 20 - height / 2).click().perform()
    assert driver.execute_script(READ, "explore-forward-5")["places"] == [0]
    zoom = driver.find_element(By.CSS_SELECTOR, "#explore-forward-2 .pictures canvas")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", zoom)
    before = driver.execute_script(READ, "explore-forward-2")["places"]
    ActionChains(driver).move_to_element(zoom).click().perform()
    after = driver.execute_script(READ, "explore-forward-2")
    assert after["places"][:2] in ([5, 5], [5, 6], [6, 5], [6, 6])
    assert after["places"][2] == before[2]
    assert after["ledger"]["stored"] == article.trace["max_pooling2d"].output[(0, *after["places"])]


def test_arrow_keys_choose_neighbouring_values(driver, article):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    show(driver, article.file)
    ask(driver, "forward", 0, (5, 6, 7))
    canvas = driver.find_element(By.CSS_SELECTOR, "#explore-forward-0 canvas")
    canvas.send_keys(Keys.ARROW_DOWN, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.PAGE_DOWN)
    found = driver.execute_script(READ, "explore-forward-0")
    assert found["places"] == [6, 8, 8]
    assert found["ledger"]["stored"] == article.trace["conv2d"].output[0, 6, 8, 8]
    canvas.send_keys(Keys.ARROW_LEFT, Keys.ARROW_UP, Keys.PAGE_UP)
    assert driver.execute_script(READ, "explore-forward-0")["places"] == [5, 7, 7]


def test_next_button_leads_to_the_pixels(driver, article):
    show(driver, article.file)
    ask(driver, "forward", 7, (4,))
    visited = []
    for layer in range(7, -1, -1):
        visited.append(driver.execute_script(READ, f"explore-forward-{layer}")["ledger"]["stored"])
        driver.execute_script(f"document.querySelector('#explore-forward-{layer} .way-on button').click()")
    assert (
        visited[1]
        == visited[2]
        == article.trace["dense"]
        .output[0]
        .flat[np.abs(article.trace["dense_1"].input[0] * article.trace["dense_1"].params["kernel"][:, 4]).argmax()]
    )
    pixel = driver.execute_script(READ, "explore-pixels--1")
    assert driver.execute_script("return document.activeElement.closest('.explorer').id") == "explore-pixels--1"
    assert float(pixel["title"].rpartition("= ")[2]) == pytest.approx(
        float(article.trace.x[(0, *pixel["places"])]), abs=6e-4
    )


EVERY_VALUE = """
    const { page, arrayOf, gradientOf, linesOf, explainForward, explainBackward, explainKernel } = window.look;
    const found = {};
    const check = (name, values, explain) => {
        const verdicts = Array.from(values, (_, i) => linesOf(explain(i)).find((line) => line.name === 'difference'));
        found[name] = { count: verdicts.length, rounded: verdicts.filter((each) => each.value !== 0).length,
                        wrong: verdicts.filter((each) => each.words.includes('larger than rounding')).length };
    };
    page.layers.forEach((layer, number) => {
        check(`forward ${layer.name}`, arrayOf(layer.output), (i) => explainForward(number, i));
        check(`backward ${layer.name}`, gradientOf(number), (i) => explainBackward(number, i));
        if (layer.dKernel) check(`kernel ${layer.name}`, arrayOf(layer.dKernel), (i) => explainKernel(number, i));
    });
    check('backward pixels', gradientOf(-1), (i) => explainBackward(-1, i));
    return found;
"""


def every_value(driver: Any, page: Page) -> dict[str, Any]:
    """Compare every value of a page with its explanation; return counts by kind of value."""
    text = page.file.read_text()
    functions = "page, arrayOf, gradientOf, linesOf, explainForward, explainBackward, explainKernel"
    exported = re.sub(r"(?m)^start\(\);$", f"start();\nwindow.look = {{ {functions} }};", text)
    open_page = page.file.with_name("exported.html")
    open_page.write_text(re.sub('<meta http-equiv="Content-Security-Policy"[^>]*>', "", exported))
    driver.set_script_timeout(300)
    show(driver, open_page)
    found: dict[str, Any] = driver.execute_script(EVERY_VALUE)
    return found


def test_rounding_explains_the_difference_of_every_value(driver, article, convolutions):
    """Forward and backward, with any algorithm: Winograd's rounds more than a plain sum."""
    pages = {page: every_value(driver, page) for page in (article, convolutions)}
    for found in pages.values():
        assert {name: each["wrong"] for name, each in found.items() if each["wrong"]} == {}
    algorithms = [layer.algorithm for page in pages for layer in page.trace if layer.algorithm]
    assert any(each.forward.startswith("winograd") for each in algorithms)
    assert any(each.input_gradient.startswith("winograd") for each in algorithms)
    found = pages[article]
    assert found["backward pixels"]["count"] == 784
    assert found["backward pixels"]["rounded"] > 100
    assert found["forward conv2d_1"]["count"] == article.trace["conv2d_1"].output.size


def test_first_choice_of_every_gradient_is_active(driver, article):
    """The values that are shown first are not zero, and their gradient passes the ReLU."""
    show(driver, article.file)
    for number, layer in enumerate(article.trace):
        found = driver.execute_script(READ, f"explore-backward-{number}")
        assert found["ledger"]["stored"] != 0
        assert found["ledger"].get("mask", 1) == 1, layer.name


def test_every_symbol_of_a_formula_is_defined_next_to_it(driver, article):
    show(driver, article.file)
    formulas = driver.execute_script(
        "return [...document.querySelectorAll('.formula')].map((each) => [each.textContent, "
        "each.nextElementSibling.textContent])"
    )
    assert len(formulas) == 8
    for formula, notation in formulas:
        symbols = set(re.findall(r"[A-Za-z_]+", formula)) - WORDS
        assert symbols <= set(re.findall(r"[A-Za-z_]+", notation)), formula


def test_definitions_open_with_keyboard_and_touch(driver, article):
    from selenium.webdriver.common.keys import Keys

    show(driver, article.file, width=390)
    assert driver.execute_script("return document.querySelectorAll('main [title]').length") == 0  # only for a mouse
    terms = driver.find_elements("css selector", "button.term")
    assert len(terms) > 50
    for term in terms:
        assert len(driver.find_elements("css selector", f"#{term.get_attribute('popovertarget')}[popover]")) == 1
    opened = "return [...document.querySelectorAll('[popover]:popover-open')].map((each) => each.textContent)"
    sparsity = next(each for each in terms if each.text == "sparsity")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'}); arguments[0].focus()", sparsity)
    sparsity.send_keys(Keys.ENTER)
    assert driver.execute_script(opened) == ["sparsity Fraction of the values that are exactly 0."]
    sparsity.send_keys(Keys.ESCAPE)
    assert driver.execute_script(opened) == []
    tap(driver, sparsity)
    assert driver.execute_script(opened) == ["sparsity Fraction of the values that are exactly 0."]
    box = driver.execute_script("return document.querySelector(':popover-open').getBoundingClientRect().toJSON()")
    assert 0 <= box["left"] < box["right"] <= 390
    assert 0 <= box["top"] < box["bottom"] <= 900


def tap(driver: Any, element: Any, x: float = 0.5, y: float = 0.5) -> None:
    """Touch an element at a fraction of its width and height."""
    box = driver.execute_script("return arguments[0].getBoundingClientRect().toJSON()", element)
    point = {"x": box["left"] + x * box["width"], "y": box["top"] + y * box["height"]}
    driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 1})
    driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


@pytest.mark.parametrize("explorer", ["forward-1", "forward-5", "backward-1", "kernel-1"])
def test_explanation_of_a_tap_is_in_view_on_a_phone(driver, article, explorer):
    show(driver, article.file, width=390)
    canvas = driver.find_element("css selector", f"#explore-{explorer} .sheet canvas")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    before = driver.execute_script(READ, f"explore-{explorer}")["places"]
    tap(driver, canvas, 0.3, 0.4)
    assert driver.execute_script(READ, f"explore-{explorer}")["places"] != before
    boxes = driver.execute_script(
        "const box = (selector) => document.querySelector(selector).getBoundingClientRect();"
        "const parts = ['.unit', '.arithmetic > :first-child'].map((part) => box(`#explore-${arguments[0]} ${part}`));"
        "return [box('nav').bottom, parts[0].top, parts[1].top + 60];",
        explorer,
    )
    assert boxes == sorted(boxes)
    assert boxes[-1] <= 900


@pytest.mark.parametrize("width", [390, 820, 1280])
def test_page_fits_the_window_without_distortion(driver, article, width):
    show(driver, article.file, width=width)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    distorted = """return [...document.querySelectorAll('canvas')].filter((each) => {
        const box = each.getBoundingClientRect();
        return Math.abs(box.width * each.height - box.height * each.width) > 0.05 * each.height * box.width;
    }).length"""
    assert driver.execute_script(distorted) == 0


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_enough_contrast(driver, article, dark):
    show(driver, article.file, dark=dark)
    assert len(contrasts(driver)) > 500
    assert [each for each in contrasts(driver) if each[0] < CONTRAST] == []
    ground = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (int(ground.strip("rgb()").split(",")[0]) < 60) == dark


def test_headings_are_in_order_and_figures_have_labels(driver, article):
    show(driver, article.file)
    levels = driver.execute_script(
        "return [...document.querySelectorAll('h1,h2,h3,h4')].map((each) => Number(each.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert driver.execute_script("return document.documentElement.lang") == "en"
    nameless = "return document.querySelectorAll('canvas:not([aria-label]), svg:not([aria-label])').length"
    assert driver.execute_script(nameless) == 0
    links = "return [...document.querySelectorAll('a')].map((each) => each.getAttribute('href'))"
    for link in driver.execute_script(links):
        assert len(driver.find_elements("css selector", link)) == 1, link


def test_figures_follow_colour_scheme_and_are_printed_light(driver, article):
    from selenium.webdriver.support.ui import WebDriverWait

    picture = "return document.querySelector('#explore-forward-5 canvas').toDataURL()"
    show(driver, article.file)
    light = driver.execute_script(picture)
    dark_scheme = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", dark_scheme)
    WebDriverWait(driver, 20).until(lambda _: driver.execute_script(picture) != light)  # the page hears of it later
    dark = driver.execute_script(picture)
    driver.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    assert driver.execute_script(picture) == light
    driver.execute_script("window.dispatchEvent(new Event('afterprint'))")
    assert driver.execute_script(picture) == dark
    assert complaints(driver) == []


def test_hovering_shows_the_value(driver, article):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    show(driver, article.file)
    zoom = driver.find_element(By.CSS_SELECTOR, "#explore-forward-2 .pictures canvas")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", zoom)
    ActionChains(driver).move_to_element_with_offset(zoom, 5, 5).perform()
    readout = driver.find_element(By.CSS_SELECTOR, "#explore-forward-2 .readout")
    text = WebDriverWait(driver, 20).until(lambda _: readout.text.strip())
    row, column, channel, value = re.fullmatch(r"row (\d+), column (\d+), channel (\d+): (.*)", text).groups()
    stored = article.trace["max_pooling2d"].output[0, int(row), int(column), int(channel)]
    assert float(value) == pytest.approx(stored, abs=6e-4)


def test_im2col_marks_pixels_of_chosen_row(driver, article):
    show(driver, article.file)
    driver.execute_script("document.querySelectorAll('#im2col-tables tbody button')[5].click()")
    cells = driver.execute_script(
        "return [...document.querySelectorAll('#im2col-tables table')].map((table) => [...table.rows].map((row) =>"
        " [...row.cells].map((cell) => [cell.textContent, cell.classList.contains('marked')])))"
    )
    part = np.array([[marked for _, marked in row] for row in cells[0]])
    pixels = shown([[text for text, _ in row] for row in cells[0]])
    wanted = np.zeros((5, 5), bool)
    wanted[1:4, 2:5] = True
    np.testing.assert_array_equal(part, wanted)
    row = shown([[text for text, _ in cells[2][2 + 5][1:]]])[0]
    np.testing.assert_array_equal(row[:9], pixels[wanted])
    weights = shown([[text for text, _ in cells[2][1][1:-1]]])[0]
    chosen = int(cells[2][0][-1][0].split()[-1])
    layer = article.trace["conv2d"]
    np.testing.assert_allclose(weights, layer.params["kernel"][..., chosen].ravel(), atol=6e-4)
    assert row[9] == pytest.approx(row[:9] @ weights + layer.params["bias"][chosen], abs=0.01)


# Any model


class Twice(Layer):
    """A custom layer <b>with</b> markup in its docstring.

    y = 2 * x  <script>document.title = "run"</script>
    """

    def forward(self, x, ops, training, rng):
        return 2 * x, None

    def backward(self, dy, cache, ops, input_gradient=True):
        return 2 * dy, {}


class Differences(Layer):
    """A custom layer with a description: differences of neighbouring columns, scaled, and zero beyond the last."""

    activation = activations.get("relu")

    def forward(self, x, ops, training, rng):
        z = (np.pad(x, ((0, 0), (0, 0), (0, 1), (0, 0)))[:, :, 1:] - x) * x.dtype.type(3) + x.dtype.type(0.5)
        y = self.activation.forward(z, ops)
        return y, y

    def backward(self, dy, cache, ops, input_gradient=True):
        dz = self.activation.backward(dy, cache, ops) * dy.dtype.type(3)
        return np.pad(dz, ((0, 0), (0, 0), (1, 0), (0, 0)))[:, :, :-1] - dz, {}


class DifferencesDescription(LayerDescription):
    def output_terms(self, values, position):
        *place, column, channel = position
        sources = grid(*place, np.array([column, column + 1]), channel)
        weights = np.array([-3, 3], np.float32)
        return weighted_sum(values, "input", sources, weights, "y = 3 * (x[c + 1] - x[c]) + 0.5", bias=0.5)


class Leaky(ActivationFunction):
    """A custom activation."""

    name = "leaky"

    def forward(self, x, ops):
        return np.where(x > 0, x, x * x.dtype.type(0.1))

    def backward(self, dy, y, ops):
        return np.where(y > 0, dy, dy * dy.dtype.type(0.1))


def compiled(layers: list[Layer], loss: Any = "sparse_categorical_crossentropy", **options: Any) -> Sequential:
    model = Sequential(layers, seed=1, **options)
    model.compile(loss=loss, optimizer="adam")
    return model


def in_colour() -> Sequential:
    """RGB, strides, 'same' padding, dilation, overlapping windows, no bias."""
    return compiled(
        [
            Conv2D(4, (3, 2), strides=(2, 1), padding="same", activation="relu", input_shape=(11, 9, 3)),
            Conv2D(3, 3, dilation_rate=2, padding="same", use_bias=False),
            MaxPooling2D(3, strides=2, padding="same"),
            Activation("relu"),
            Flatten(),
            Dense(5),
            Activation("softmax"),
        ]
    )


MODELS = {
    "in colour": in_colour,
    "float64, reference": lambda: compiled(
        [Conv2D(3, 3, input_shape=(7, 6, 1)), Flatten(), Dense(4, activation="softmax")],
        dtype="float64", engine="reference",
    ),
    "dense alone": lambda: compiled([Dense(7, activation="relu", input_shape=(12,)), Dense(5, activation="softmax")]),
    "logits": lambda: compiled(
        [Conv2D(2, 3, activation="relu", input_shape=(8, 8, 1)), Flatten(), Dense(4)],
        SparseCategoricalCrossentropy(from_logits=True),
    ),
    "bytes": lambda: compiled(
        [Rescaling(1 / 255, 0.5, input_shape=(8, 8, 1)), Conv2D(2, 3, activation="relu"), MaxPooling2D(2), Flatten(),
         Dropout(0.5), Dense(4, activation="softmax")],
    ),
    "own classes": lambda: compiled(
        [Conv2D(2, 3, activation=Leaky(), input_shape=(6, 6, 1)), Twice(name='<img src=x onerror="document.title=1">'),
         Flatten(name="</script><script>document.title = 'run'</script>"), Dense(4, activation="softmax")],
        "categorical_crossentropy",
    ),
    "activations with formulas": lambda: compiled(
        [Conv2D(2, 3, activation="gelu", input_shape=(6, 6, 1)), LeakyReLU(), Conv2D(2, 2), ReLU(), Softmax(),
         Flatten(), Dense(6, activation="sigmoid"), Dense(4, activation="softmax")]
    ),
    "batch normalization": lambda: compiled(
        [BatchNormalization(beta_initializer="ones", input_shape=(6, 6, 1)), Conv2D(3, 3),
         BatchNormalization(moving_mean_initializer="ones"), ReLU(), Flatten(), Dense(6),
         BatchNormalization(scale=False, beta_initializer="ones"), Dense(4, activation="softmax")]
    ),
    "average pooling": lambda: compiled(
        [Reshape((8, 7, 1), input_shape=(56,)), ZeroPadding2D(((1, 0), (2, 1))), Conv2D(3, 3, activation="tanh"),
         AveragePooling2D(3, strides=2, padding="same"), Reshape((2, 4, 6)), AveragePooling2D(2), Flatten(),
         Dense(4, activation="softmax")]
    ),
    "global average": lambda: compiled(
        [ZeroPadding2D(1, input_shape=(9, 9, 2)), Conv2D(3, 3, activation="relu"), GlobalAveragePooling2D(),
         Dense(4, activation="softmax")]
    ),
    "global maximum": lambda: compiled(
        [Conv2D(3, 2, activation="relu", input_shape=(10, 10, 1)), GlobalMaxPooling2D(), Dense(6), Reshape((2, 3)),
         Flatten(), Dense(4, activation="softmax")]
    ),
    "small global poolings": lambda: compiled(
        [Conv2D(3, 2, activation="relu", input_shape=(6, 6, 1)), Reshape((5, 3, 5)), AveragePooling2D(2),
         GlobalMaxPooling2D(keepdims=True), Conv2D(6, 1), GlobalAveragePooling2D(keepdims=True), Flatten(),
         Dense(4, activation="softmax")]
    ),
    "described class": lambda: compiled(
        [Conv2D(2, 3, input_shape=(6, 6, 1)), Differences(), Flatten(), Dense(4, activation="softmax")]
    ),
    "images out": lambda: Sequential([Conv2D(2, 3, activation="softmax", input_shape=(6, 5, 1))], seed=0),
    "not compiled": lambda: Sequential([Flatten(input_shape=(4, 4, 1)), Dense(3, activation="softmax")], seed=0),
}  # fmt: skip


@pytest.fixture
def description():
    describe(Differences, DifferencesDescription)
    yield
    del DESCRIPTIONS[Differences]


@pytest.mark.usefixtures("description")
@pytest.mark.parametrize("name", MODELS)
def test_any_model_can_be_shown(driver, tmp_path, name, rng):
    model = MODELS[name]()
    shape = model.input_shape[1:]
    image = rng.integers(0, 256, shape, np.uint8) if name == "bytes" else rng.random(shape)
    if name == "own classes":
        page = write_report(model, image, 2, tmp_path / "page.html")
        there = trace(model, image[None], np.eye(4)[[2]])
    else:
        made = Page(model, image, None, tmp_path / "page.html")
        page, there = made.report, made.trace
    show(driver, tmp_path / "page.html", width=390)
    assert driver.execute_script("return document.body.dataset.ready") == "yes"
    assert complaints(driver) == []
    assert driver.title not in ("run", "1")
    assert driver.execute_script("return document.documentElement.scrollWidth") <= 390
    names = [each.text for each in driver.find_elements("css selector", "#forward h3")]
    assert names == there.names
    assert (page.label is None) == (name in ("images out", "not compiled"))
    if name == "described class":
        for way, number in (("forward", 1), ("backward", 0)):  # d_output of layer 0 is computed by layer 1
            assert "sum" in ask(driver, way, number, (2, 3, 1))["ledger"]
    for number, layer in enumerate(there):
        compare_with_trace(driver, there, "forward", number, rng)
        if page.label is not None:
            compare_with_trace(driver, there, "backward", number, rng)
            if layer.params.get("kernel", np.zeros(0)).ndim == 4:
                compare_with_trace(driver, there, "kernel", number, rng)
    if page.label is not None:
        compare_with_trace(driver, there, "backward", -1, rng)


def compare_with_trace(driver: Any, there: Trace, way: str, number: int, rng: np.random.Generator) -> None:
    """Compare random values of the page with `explain`, which other tests compare with the model."""
    layer = there.layers[max(number, 0)]
    what = {"forward": "output", "kernel": "gradient"}.get(way) or (
        "d_input" if number < 0 else "d_preactivation" if layer.d_output is None else "d_output"
    )
    array = layer.gradients["kernel"][None] if way == "kernel" else getattr(layer, what)
    for _ in range(5):
        place = tuple(int(rng.integers(length)) for length in array.shape[1:])
        parameter = {"parameter": "kernel"} if way == "kernel" else {}
        explained = explain(there, layer.name, place if way == "kernel" else (0, *place), what, **parameter)
        found = ask(driver, way, number, place)
        ledger, words = found["ledger"], " ".join(found["words"])
        assert "larger than rounding" not in words, (way, number, place, ledger)
        unscripted = layer.activation not in (None, "linear", "relu", "softmax")
        if unscripted and way == "forward":  # the page does not compute the function, and compares z
            assert ledger["stored"] == layer.preactivation[(0, *place)]
        else:
            assert ledger["stored"] == array[(0, *place)] == explained.stored
        if "sum" in ledger:
            assert explained.known
            assert ledger["sum"] == pytest.approx(explained.sum, rel=1e-9, abs=1e-15)
            if ledger.get("difference") and not unscripted:  # explain may add the bound of a plain sum to Winograd's
                assert explained.bound / 2 <= found["bound"] <= explained.bound * (1 + 1e-6)
            if explained.bias:
                assert ledger["bias"] == explained.bias
        if len(there.x.shape) == 4 and way != "kernel":
            mask = explained.chain()[-1].mask
            pixels = int(mask.any(axis=2).sum())
            count = "all pixels" if pixels == mask[..., 0].size else f"{pixels} pixel{'s' * (pixels != 1)}"
            assert f"receptive field: {count}" in found["captions"]


def test_wrong_stored_bias_is_reported(driver, article):
    text = article.file.read_text()
    stored, bias = article.trace["dense_1"].params["bias"].copy(), article.trace["dense_1"].params["bias"]
    assert np.abs(bias).max() > 0
    broken = text.replace(
        base64.b64encode(stored.tobytes()).decode(), base64.b64encode((stored + 1).tobytes()).decode()
    )
    assert broken != text
    other = article.file.with_name("broken.html")
    other.write_text(broken)
    show(driver, other)
    driver.execute_script(ASK, "explore-forward-7", [4])
    found = driver.execute_script(READ, "explore-forward-7")
    assert found["ledger"]["before"] != pytest.approx(article.trace["dense_1"].preactivation[0, 4], abs=0.5)
    assert any("larger than rounding allows" in words for words in found["words"])


def test_tables_of_sentences_fit_a_phone_without_scrolling(driver, tmp_path):
    x, y = small_data(8)
    write_report(small_model(seed=0), x[0], int(y[0]), tmp_path / "page.html", training=(x, y))
    show(driver, tmp_path / "page.html", width=390)
    cells = driver.execute_script(
        "return [...document.querySelectorAll('.numbers.words tbody :is(th, td)')]"
        ".map((each) => [each.getBoundingClientRect().left, each.getBoundingClientRect().right]);"
    )
    assert len(cells) >= 4 * 20
    assert all(0 <= left < right <= 390 for left, right in cells)
