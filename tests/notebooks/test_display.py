"""What a notebook displays and saves: tables as HTML, every figure once, and one line for a progress bar."""

import base64
import re

import imageio.v3 as iio
import pytest
from notebooks import executed, kinds, texts

MODEL = """
import numpy as np
from scratchcnn import Sequential, inspection, layers
from scratchcnn import plots
x, y = np.random.default_rng(0).random((400, 12, 12, 1)), np.arange(400) % 4
model = Sequential([layers.Conv2D(2, 3, activation='relu', input_shape=(12, 12, 1)), layers.MaxPooling2D(),
                    layers.Flatten(), layers.Dense(4, activation='softmax')], seed=0)
model.compile(loss='sparse_categorical_crossentropy', metrics=['accuracy'])
"""
TABLES = [
    "model", "Sequential([layers.Dense(3)])", "model.plan", "history", "found", "found['dense']",
    "inspection.explain(found, 'dense', (0, 1))",
    "inspection.explain(found, 'conv2d', (0, 1, 1, 0))", "inspection.check_gradients(model, x[:2], y[:2])",
    "inspection.check_data(x, y)", "inspection.dead_units(model, x)", "inspection.occlusion(model, x[0])",
    "inspection.show_im2col(x[0, :5, :5], model.layers[0])", "inspection.bug_zoo.exhibit('missing_1_over_n')",
    "inspection.watch_weight(model, x, y, 'dense', 'kernel', (0, 0))", "inspection.GradientWatcher()",
]  # fmt: skip
FIGURES = [
    "plots.plot_digit(x[0])", "plots.plot_digits(x[:3])", "plots.plot_history(history)", "plots.plot_filters(model)",
    "plots.plot_digits(x[:3])[0]", "plots.plot_confusion_matrix(y, model.predict(x))",
    "plots.plot_mistakes(x, y, model.predict(x))",
    "from scratchcnn.utils import plot_model; plot_model(model, to_file=None, show_shapes=True)",
    "plots.plot_feature_maps(model, x[0], 'conv2d')", "inspection.occlusion(model, x[0]).plot()", "found.plot()",
    "inspection.explain(found, 'conv2d', (0, 1, 1, 0)).plot()",
]  # fmt: skip
PYPLOT = [
    "import matplotlib.pyplot as plt; figure, ax = plt.subplots(); plots.plot_digit(x[0], ax=ax)",
    "figure, both = plt.subplots(1, 2); plots.plot_history(history, ax=both)",
]
ANIMATION = "inspection.show_im2col(x[0, :4, :4], model.layers[0]).animate(to_file=None)"


@pytest.fixture(scope="module")
def outputs():
    """The outputs of all cells, from one kernel; pyplot is imported only by the last cells."""
    first = [MODEL + "history = model.fit(x, y, batch_size=4, epochs=2, validation_split=0.1)", "model.evaluate(x, y)"]
    cells = [
        *first,
        "found = inspection.trace(model, x[:2], y[:2])",
        *TABLES,
        *FIGURES,
        ANIMATION,
        *PYPLOT,
        *FIGURES[:2],
    ]
    return list(zip(cells, executed(cells), strict=True))


def output_of(outputs, cell):
    return next(found for source, found in outputs if source == cell)


@pytest.mark.parametrize("cell", TABLES)
def test_result_is_displayed_as_html_and_saved_with_one_line_of_text(outputs, cell):
    (result,) = output_of(outputs, cell)
    assert kinds([result]) == [{"text/html"}]
    assert "\n" not in result.data["text/plain"]
    assert " at 0x" not in result.data["text/plain"]


@pytest.mark.parametrize("cell", FIGURES)
def test_figure_is_displayed_once_whether_or_not_pyplot_is_imported(outputs, cell):
    for found in [found for source, found in outputs if source == cell]:
        (result,) = found
        assert kinds([result]) == [{"image/png"}]
        assert "\n" not in result.data["text/plain"]
        shape = iio.imread(base64.b64decode(result.data["image/png"])).shape
        assert abs(result.metadata["image/png"]["width"] - shape[1] * 96 / 144) <= 1  # CSS pixels at 144 dots per inch


@pytest.mark.parametrize("cell", PYPLOT)
def test_figure_of_pyplot_is_displayed_once(outputs, cell):
    assert sorted(map(len, kinds(output_of(outputs, cell)))) == [0, 1]  # the axes as text, and pyplot's figure


def test_animation_is_displayed(outputs):
    (result,) = output_of(outputs, ANIMATION)
    (source,) = re.findall(r'src="data:image/gif;base64,([^"]+)"', result.data["text/html"])
    assert len(iio.imread(base64.b64decode(source), index=None, extension=".gif")) > 4


def test_fit_and_evaluate_save_one_line_for_each_bar(outputs):
    fitted, evaluated = outputs[0][1], outputs[1][1]
    values = r"\d+/\d+ - \d+s - \d+(s|ms|us)/step - loss: [\d.]+ - accuracy: [\d.]+"
    lines = ["Epoch 1/2", values + r" - val_loss: [\d.]+ - val_accuracy: [\d.]+", "Epoch 2/2", values]
    for line, expected in zip(texts(fitted), lines, strict=True):
        assert re.match(expected, line), line
    assert re.fullmatch(values, texts(evaluated)[0])


STOP = "from scratchcnn.callbacks import LambdaCallback\nstop = LambdaCallback(on_train_batch_end=lambda *_: 1 / 0)\n"
WITHOUT_WIDGETS = "import sys\nsys.modules['ipywidgets'] = None\n"


def test_bar_is_text_without_ipywidgets_and_an_interrupted_one_keeps_its_last_state():
    fit = "model.fit(x, y, verbose='auto', epochs=1)"
    done, stopped = executed(
        [f"{MODEL}{WITHOUT_WIDGETS}{STOP}{fit}", f"{fit[:-1]}, callbacks=[stop])"], allow_errors=True
    )
    assert re.match(r"Epoch 1/1 13/13 - .* - loss: [\d.]+ - accuracy: [\d.]+ <History", " ".join(texts(done)))
    assert [output.output_type for output in stopped] == ["stream", "display_data", "error"]
    assert re.match(r"[01]/13 \|", stopped[1].data["text/plain"])


def test_bar_is_a_widget_with_ipywidgets():
    (found,) = executed([f"{MODEL}{STOP}model.fit(x, y, callbacks=[stop])"], allow_errors=True)
    assert [output.output_type for output in found] == ["stream", "display_data", "error"]
    assert "application/vnd.jupyter.widget-view+json" in found[1].data


def test_redirected_output_of_a_notebook_contains_lines():
    redirected = "with contextlib.redirect_stdout(io.StringIO()) as out:\n    model.fit(x, y)\nprint(out.getvalue())"
    (found,) = executed([f"{MODEL}import contextlib, io\n{redirected}"])
    assert [output.output_type for output in found] == ["stream"]
    assert texts(found)[0] == "Epoch 1/1"
    assert texts(found)[1].startswith("13/13 - ")


LIVE = "from scratchcnn.callbacks import LiveView\nview = LiveView(interval=0)\n"


def test_live_view_is_one_output_of_the_cell_that_is_updated():
    fit = f"{MODEL}{LIVE}model.fit(x, y, epochs=2, verbose=0, callbacks=[view]);"
    fitted, again = executed([fit, "view"])
    assert kinds(fitted) == [{"text/html"}]
    assert fitted[0].data["text/plain"] == "Finished after 2 epochs"
    for output in (fitted[0], *again):
        html = output.data["text/html"]
        assert "<strong>Finished after 2 epochs</strong>" in html
        assert html.count('class="live-line live-training"') == 2
        style = html.partition("</style>")[0]
        selectors = re.findall(r"(?:^|\})\s*([^{}@/]+)\{", style, re.MULTILINE)
        assert selectors
        assert all(re.match(r"[.#]live\b", selector) for selector in selectors)  # nothing else of the notebook changes
